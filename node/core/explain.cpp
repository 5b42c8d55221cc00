// What the dictionary tells a person: errors of writes, and why a key stands as it does.

#include <string>
#include <variant>

#include "core/dictionary.h"

namespace meshdict {
namespace {

struct Describe {
  std::string operator()(const Leased& leased) const {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(leased.left).count();
    return std::string(leased.owner.text()) + " holds this key for " + std::to_string(seconds) + " s";
  }
  std::string operator()(const BadKey& key) const { return key.what; }
  std::string operator()(const BadValue& value) const { return value.what; }
  std::string operator()(const NoSuchKey& /*none*/) const { return "no such key"; }
};

std::string whole_seconds(Duration d) {
  return std::to_string(std::chrono::floor<std::chrono::seconds>(d).count()) + " s";
}

std::string time_text(Hlc time) {
  return std::to_string(time.unix_ms()) + "+" + std::to_string(time.bits & 0xFFFF);
}

std::string claim_text(const Version& version) {
  return "epoch " + std::to_string(version.epoch) + ", started at " + time_text(version.claim_start) + ", of " +
         std::string(version.owner.text());
}

}  // namespace

std::string describe(const WriteError& error) {
  return std::visit(Describe{}, error);
}

std::string Dictionary::explain(std::string_view key) const {
  const Record* const record = any_record(key);
  if (record == nullptr) return "never heard of: whoever writes it first claims it";
  const Version& version = record->version;
  const bool ours = version.owner == config_.self;
  std::string text = is_visible(version) ? "a value of " + std::to_string(record->value.size()) + " bytes" : "deleted";
  text += ours ? ", owned by this node" : ", owned by another node";
  text += "\nclaim: " + claim_text(version);
  text += "\nversion: boot " + std::to_string(version.boot) + ", sequence " + std::to_string(version.sequence) +
          ", written at " + time_text(version.written) + " (Unix ms + counter), " + whole_seconds(age(*record)) +
          " ago";
  if (const auto rival = rivals_.find(key); rival != rivals_.end()) {
    text += rival->second.won ? "\nbefore it: " : "\nlast refused: ";
    text += claim_text(rival->second.version) + "; decided by " + std::string(rival->second.decided_by);
  }
  if (config_.leasing == Leasing::kOff) return text + "\nlease: none in this network; the later write wins";
  if (!is_visible(version)) return text + "\nlease: ended with the delete; whoever writes next claims the key";
  const auto view = lease(key);
  if (view->held) return text + "\nlease: held for " + whole_seconds(view->left);
  return text + (ours ? "\nlease: lapsed; our next write claims the key anew"
                      : "\nlease: lapsed; whoever writes next claims the key");
}

}  // namespace meshdict
