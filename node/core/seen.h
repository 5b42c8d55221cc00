#pragma once
// Which broadcasts were already handled.
//
// 1. A message with a stamp is remembered by (origin, boot, counter). Broadcasts of a boot are numbered without gaps,
//    so the counters seen so far are nearly always one run: memory per origin, not per message. Rationale: remembering
//    32-byte ids for 90 s costs 300 MB at 100,000 messages a second.
// 2. A message without a stamp (from a py2p node) is remembered by its id.
// 3. Both are kept until max(seen, the message's time) + lifetime + skew; by then a copy is too old to be accepted.
// 4. Both tables are bounded (limits.h). Beyond the bound the entries that expire first are forgotten.
//
// Not thread-safe.

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/message.h"
#include "core/time.h"

namespace meshdict {

class SeenMessages {
 public:
  /// True when this stamped broadcast was remembered.
  [[nodiscard]] bool contains(std::string_view sender, const Stamp& stamp) const;

  /// Remembers until `expires`. False when it was remembered already.
  bool insert(std::string_view sender, const Stamp& stamp, MonoTime expires);
  bool insert(const MessageId& id, MonoTime expires);

  /// Forgets what has expired. Cost: one pass over all entries; call it now and then.
  void expire(MonoTime now);

  [[nodiscard]] std::size_t size() const { return origins_.size() + ids_.size(); }

 private:
  struct OriginKey {
    std::uint64_t sender = 0;  // hash of the id's text: a collision costs messages, and is as likely as 2^-64
    std::uint64_t boot = 0;
    bool operator==(const OriginKey&) const = default;
  };
  struct OriginKeyHash {
    std::size_t operator()(const OriginKey& key) const { return key.sender ^ (key.boot * 0x9E3779B97F4A7C15ULL); }
  };
  /// Counters first..last, both included.
  struct Run {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
  };
  struct OriginState {
    std::vector<Run> runs;  // ascending, with a gap between any two
    MonoTime expires;
  };
  struct IdHash {
    std::size_t operator()(const MessageId& id) const { return id.prefix(); }
  };

  static OriginKey key_of(std::string_view sender, std::uint64_t boot);
  static bool insert_counter(std::vector<Run>& runs, std::uint64_t counter);

  std::unordered_map<OriginKey, OriginState, OriginKeyHash> origins_;
  std::unordered_map<MessageId, MonoTime, IdHash> ids_;
};

}  // namespace meshdict
