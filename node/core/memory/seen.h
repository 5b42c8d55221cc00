#pragma once
// Which broadcasts were already seen.
//
// 1. A message with a stamp is remembered by (origin, boot, counter). Broadcasts of a boot are numbered without gaps,
//    so the counters seen so far are nearly always one run: memory per origin, not per message. Rationale: remembering
//    32-byte ids for 90 s costs 300 MB at 100,000 messages a second.
// 2. A message without a stamp (from a py2p node) is remembered by its id.
// 3. Both are kept until max(seen, the message's time) + lifetime + skew; by then a copy is too old to be accepted. A run
//    is kept as long as its youngest message, and then forgotten by itself.
// 4. Both tables are bounded (limits.h), and so are the runs of one origin. What finds no room is not taken at all.
//    Rationale: stamps are not signed. To count what was never seen as seen would let a forger silence an origin; to
//    forget what was seen would let its messages go round for ever.
// 5. Entries belong to the neighbour through which they came first. In a full table one gives way only to a neighbour
//    that holds fewer, so that a neighbour that floods takes room from itself only.
//
// Not thread-safe.

#include <cstdint>
#include <map>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/time.h"
#include "core/messages/message.h"

namespace meshdict {

/// The neighbour through which a message came, as a number (derive_seed of its id). Two neighbours with the same number share
/// their room.
using Via = std::uint64_t;
inline constexpr Via kViaOurselves = 0;

/// How many entries of a bounded table each neighbour holds.
class Shares {
 public:
  explicit Shares(std::size_t most) : most_(most) {}

  void take(Via via) { ++held_[via], ++total_; }
  void give_back(Via via);
  [[nodiscard]] bool full() const { return total_ >= most_; }
  [[nodiscard]] std::size_t total() const { return total_; }
  /// The neighbour that holds most. REQUIRES: somebody holds something.
  [[nodiscard]] Via greediest() const;
  [[nodiscard]] std::size_t held(Via via) const;

 private:
  std::size_t most_;
  std::size_t total_ = 0;
  std::map<Via, std::size_t> held_;
};

class SeenMessages {
 public:
  enum class Outcome : std::uint8_t {
    kNew,     ///< remembered now
    kKnown,   ///< remembered already
    kNoRoom,  ///< not remembered: `via` holds too much already, or the origin has too many gaps
  };

  SeenMessages();

  /// True when this stamped broadcast was remembered.
  [[nodiscard]] bool contains(std::string_view sender, const Stamp& stamp) const;

  /// Remembers until `expires` what came through `via`.
  Outcome insert(std::string_view sender, const Stamp& stamp, Via via, MonoTime expires);
  Outcome insert(const MessageId& id, Via via, MonoTime expires);

  /// Forgets what has expired. Cost: one pass over all entries; call it now and then.
  void expire(MonoTime now);

  /// Runs of counters and ids.
  [[nodiscard]] std::size_t size() const { return run_shares_.total() + id_shares_.total(); }
  void sanity_check() const;

 private:
  struct OriginKey {
    // Hash of the id's text: a collision costs messages, and is as likely as 2^-64.
    std::uint64_t sender = 0;
    Boot boot = Boot::kNone;
    bool operator==(const OriginKey&) const = default;
  };
  struct OriginKeyHash {
    std::size_t operator()(const OriginKey& key) const {
      return key.sender ^ (std::to_underlying(key.boot) * 0x9E3779B97F4A7C15ULL);
    }
  };
  /// Counters first..last, both included.
  struct Run {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    MonoTime expires;
    Via via = 0;
  };
  // Ascending, with a gap between any two.
  using Runs = std::vector<Run>;
  struct IdHash {
    std::size_t operator()(const MessageId& id) const { return id.prefix(); }
  };
  struct IdState {
    MonoTime expires;
    Via via = 0;
  };

  static OriginKey key_of(std::string_view sender, Boot boot);
  /// False when the counter belongs to no run and borders on none.
  bool extend(Runs& runs, Runs::iterator at, std::uint64_t counter, MonoTime expires);
  template <typename Wanted>
  void forget_runs(Wanted wanted);
  template <typename Wanted>
  void forget_ids(Wanted wanted);
  bool make_room_for_run(Via via);
  bool make_room_for_id(Via via);

  std::unordered_map<OriginKey, Runs, OriginKeyHash> origins_;
  std::unordered_map<MessageId, IdState, IdHash> ids_;
  Shares run_shares_;
  Shares id_shares_;
};

}  // namespace meshdict
