#include "sim/oracles/whispers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/limits.h"

namespace meshdict::sim {
namespace {

/// After these nobody knows what has become of a frame.
constexpr std::array kLosing = {Fault::kBitFlip,    Fault::kTruncatedFrame,   Fault::kRepeatedFrame,
                                Fault::kStaleFrame, Fault::kResetInsideFrame, Fault::kClone,
                                Fault::kHalfOpen,   Fault::kOneSidedReset};

bool any_within(const std::vector<Duration>& times, Duration from, Duration until) {
  return std::ranges::any_of(times, [&](Duration time) { return from <= time && time <= until; });
}

}  // namespace

WhisperOracle::WhisperOracle(const Hosts& hosts, const EventQueue& world, const FaultCounts& faults,
                             const std::vector<Property>& check, Duration slowest, Findings& findings)
    : hosts_(hosts),
      world_(world),
      faults_(faults),
      on_(std::ranges::find(check, Property::kB2) != check.end()),
      slowest_(slowest),
      findings_(findings) {}

void WhisperOracle::sending(NodeIndex from, NodeIndex to) {
  whispers_.push_back({.from = from, .to = to, .at = world_.now(), .outcome = std::nullopt});
}

void WhisperOracle::sent(std::optional<WhisperOutcome> outcome) {
  whispers_.back().outcome = outcome;
}

void WhisperOracle::arrived(NodeIndex node, std::uint64_t number, const MessageId& id) {
  const auto wrong = [&](const std::string& what) {
    findings_.add("B2", {hosts_[node]->plan().name}, fmt::format("whisper {} {}", number, what));
  };
  if (number >= whispers_.size()) return wrong("arrived, which nobody has sent");
  Whisper& whisper = whispers_[number];
  if (faults_[Fault::kClone] > 0) return;
  if (whisper.to != node) return wrong("arrived, which is meant for " + hosts_[whisper.to]->plan().name);
  const bool repeated = faults_[Fault::kRepeatedFrame] > 0 || faults_[Fault::kStaleFrame] > 0;
  if (whisper.arrived && !repeated && hosts_[node]->alive_since() <= whisper.at) wrong("arrived a second time");
  if (undeliverable_.contains(id)) wrong("arrived, and its sender was told that it was undeliverable");
  whisper.arrived = true;
  arrived_.insert(id);
}

void WhisperOracle::undeliverable(NodeIndex from, NodeIndex to, const MessageId& id) {
  told_[{from, to}].push_back(world_.now());
  undeliverable_.insert(id);
  if (!arrived_.contains(id) || faults_[Fault::kClone] > 0) return;
  findings_.add("B2", {hosts_[from]->plan().name, hosts_[to]->plan().name},
                "a whisper of the first has arrived at the second, and the first was told that it was undeliverable");
}

/// By then it has arrived, or its sender knows.
Duration WhisperOracle::due(const Whisper& whisper) const {
  const Duration leaves = whisper.outcome == WhisperOutcome::kDeferred ? limits::kDeferredLifetime : Duration{};
  // A link that has died without a word is noticed by then.
  return whisper.at + leaves + limits::kSilenceVerdict + 4 * slowest_ + 2s;
}

/// Whether it was handed to a link, or may have been.
bool WhisperOracle::has_left(const Whisper& whisper) const {
  if (whisper.outcome == WhisperOutcome::kSent) return true;
  const auto links = linked_.find({whisper.from, whisper.to});
  return links != linked_.end() && any_within(links->second, whisper.at, whisper.at + limits::kDeferredLifetime + 1s);
}

bool WhisperOracle::was_disturbed(NodeIndex node, Duration from, Duration until) const {
  const auto times = disturbed_.find(node);
  return times != disturbed_.end() && any_within(times->second, from, until);
}

bool WhisperOracle::judges(const Whisper& whisper) const {
  const Duration until = due(whisper);
  if (!whisper.outcome || whisper.outcome == WhisperOutcome::kRefused || until > world_.now()) return false;
  // What has not left is its sender's to tell, whatever befalls the receiver.
  if (!has_left(whisper)) return !was_disturbed(whisper.from, whisper.at, until);
  const auto links = parted_.find(std::minmax(whisper.from, whisper.to));
  if (links != parted_.end() && any_within(links->second, whisper.at, until)) return false;
  // One that had ended just before may be noticed after.
  return std::ranges::none_of(std::array{whisper.from, whisper.to}, [&](NodeIndex node) {
    return was_disturbed(node, whisper.at - limits::kSilenceVerdict, until);
  });
}

void WhisperOracle::check_at_end(bool lines_limited) {
  const bool lost = std::ranges::any_of(kLosing, [&](Fault fault) { return faults_[fault] > 0; });
  if (!on_ || lost || lines_limited) return;
  // Who is told knows of which, and the oracle does not: they are counted.
  std::map<Pair, std::size_t> missing;
  for (const Whisper& whisper : whispers_) {
    if (whisper.arrived || !judges(whisper)) continue;
    const Pair pair{whisper.from, whisper.to};
    const auto told = told_.find(pair);
    const std::size_t count =
        told == told_.end() ? 0 : static_cast<std::size_t>(std::ranges::count_if(told->second, [&](Duration time) {
          return whisper.at <= time && time <= whisper.at + limits::kDeferredLifetime + 1s;
        }));
    if (++missing[pair] <= count) continue;
    findings_.add(
        "B2", {hosts_[whisper.from]->plan().name, hosts_[whisper.to]->plan().name},
        fmt::format("a whisper of the first to the second at {} s has not arrived, and the first was not told",
                    seconds_text(whisper.at)));
  }
}

}  // namespace meshdict::sim
