#include "sim/explore/claim_node.h"

#include <fmt/format.h>

#include <cassert>
#include <utility>
#include <variant>

#include "core/base/overloaded.h"
#include "core/base/sha256.h"
#include "core/encoding/value.h"
#include "sim/explore/small_ids.h"

namespace meshdict::sim {
namespace {

constexpr std::string_view kKey = "key";

}  // namespace

ClaimNode::ClaimNode(NodeIndex node) {
  config_.self = small_id(node);
  config_.boot = Boot{1};
  start();
}

ClaimNode::ClaimNode(const ClaimNode& other) {
  config_.self = other.config_.self;
  config_.boot = Boot{1};
  start();
  for (const Input& input : other.inputs_)
    take(input);
}

ClaimNode::~ClaimNode() = default;

void ClaimNode::start() {
  const auto sink = [this](const DictionaryEvent& event) {
    if (const auto* const conflict = std::get_if<Conflict>(&event)) conflicts_.push_back(*conflict);
  };
  dictionary_ = std::make_unique<Dictionary>(config_, clock_, disk_, sink);
  const auto loaded = dictionary_->load();
  assert(loaded.has_value());
  dictionary_->set_contact(true);
}

ClaimNode::Outcome ClaimNode::take(const Input& input) {
  clock_.now = input.at;
  inputs_.push_back(input);
  Outcome outcome;
  const std::optional<Shown> before = shown_;
  bool counts = perform(input, outcome);
  shown_.reset();
  if (const auto record = dictionary_->records().get(kKey)) {
    shown_ = {.value = Raw(record->value), .version = record->version};
  }
  counts = counts || shown_ != before;
  outcome.conflicts = std::exchange(conflicts_, {});
  if (!counts) return outcome;
  story_.add(static_cast<std::uint64_t>(input.act));
  story_.add(input.at);
  if (input.record != nullptr) story_.add(digest_of(input.record->version));
  return outcome;
}

bool ClaimNode::perform(const Input& input, Outcome& outcome) {
  const auto note = [&](const auto& written) {
    if (!written) outcome.refused = written.error();
  };
  switch (input.act) {
    case Act::kWrite:
      note(dictionary_->set(kKey, bytes_value(fmt::format("{}{}", config_.self.text(), ++writes_))));
      return true;
    case Act::kErase:
      note(dictionary_->erase(kKey));
      return true;
    case Act::kDeliver: {
      const auto merged = dictionary_->merge(kKey, input.record->value, input.record->version);
      return merged != Dictionary::Merged::kKnown && merged != Dictionary::Merged::kLost;
    }
    case Act::kTurn:
      for (const OwnRecord& own : dictionary_->take_reissued()) {
        const StoreVersion& version = own.version();
        outcome.sends.push_back({.value = Raw(own.value()),
                                 .version = {.epoch = version.epoch,
                                             .claim_start = version.claim_start,
                                             .owner = config_.self,
                                             .boot = version.boot,
                                             .sequence = version.sequence,
                                             .value_hash = sha256(own.value()),
                                             .written = version.written,
                                             .kind = version.kind}});
      }
      return true;
    default:
      assert(input.act == Act::kRestart);
      config_.earlier_boots.insert(config_.earlier_boots.begin(), config_.boot);
      config_.boot = Boot{std::to_underlying(config_.boot) + 1};
      start();
      return true;
  }
}

std::optional<LeaseView> ClaimNode::lease(Duration now) const {
  clock_.now = now;
  return dictionary_->lease(kKey);
}

std::uint64_t digest_of(const Version& version) {
  TraceHash hash;
  for (const std::uint64_t word :
       {std::to_underlying(version.epoch), version.claim_start.bits, std::to_underlying(version.boot),
        std::to_underlying(version.sequence), version.written.bits, static_cast<std::uint64_t>(version.kind)}) {
    hash.add(word);
  }
  hash.add(version.owner.text());
  hash.add(version.value_hash.view());
  return hash.value();
}

}  // namespace meshdict::sim
