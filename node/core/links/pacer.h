#pragma once
// What waits for a py2p node. It breaks when frames come in bulk, so they leave one by one, limits::kPy2pFramesPerSecond.
//
// 1. Of the stores of one key only the last waits: it takes the place of the one before. A key that is overwritten often costs
//    one frame.
// 2. A store whose turn comes so late that py2p would drop it for its age is owed instead, and so is one that finds no room. Of
//    what is owed only the key is kept: when its turn comes, the engine sends the record as it is then, in a form without an
//    age.
// 3. Every other message waits as it is. One that finds no room is left out, and so is one that has waited until py2p would
//    drop it for its age.
// 4. Bounded in number and bytes: limits::kMaxPaced, kMaxPacedBytes, kMaxOwed. When more is owed than that, the
//    whole dictionary is walked through again.
// 5. A delete leaves only for a node that has the key: py2p breaks on any other.
//
// While something is owed, or the dictionary is walked through, that takes turns with messages. Plain data: copies are
// independent. Not thread-safe.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/time.h"
#include "core/encoding/frame.h"
#include "core/limits.h"

namespace meshdict {

/// Whether a py2p node has a key.
enum class HasKey : std::uint8_t { kNo, kPerhaps, kYes };

/// A store as py2p sees it.
struct PacedStore {
  std::string_view key;
  /// Its value is one that deletes there.
  bool deletes = false;
  /// Whether nodes that have received everything so far had the key before this store.
  HasKey has = HasKey::kPerhaps;
  /// The age of the message, by its own time.
  Duration age{};
};

class Pacer {
 public:
  /// A walk through the dictionary, by which a new neighbour is given all of it.
  struct Walk {
    /// The key that was sent last.
    std::optional<std::string> last_key;
    /// Only keys whose records were accepted here since this moment.
    MonoTime since = MonoTime::min();
    /// The same for deleted keys, and for what may be there in an older form.
    MonoTime deletes_since = MonoTime::max();
  };

  explicit Pacer(MonoTime now) : next_(now) {}

  /// Whether so many more bytes of messages may wait.
  [[nodiscard]] bool has_room(std::size_t bytes) const { return has_room(bytes, limits::kMaxQueued); }
  /// Whether so much waits that clients should send no more.
  [[nodiscard]] bool is_busy() const;
  /// False when there is no room.
  bool push(const Frame& frame, MonoTime now);
  /// Puts a frame ahead of all others, even when there is no room.
  void push_front(const Frame& frame);
  /// `most_bytes`: of stores that wait, this one included; when there is no room, the store is owed.
  void push_store(const Frame& frame, const PacedStore& store, MonoTime now, std::size_t most_bytes);

  /// How many keys may be owed from now on; limits::kMaxOwed at the most.
  void limit_owed(std::size_t most) { most_owed_ = most; }
  /// The record of this key is owed. `has`: whether the node has the key.
  void owe(std::string_view key, HasKey has);
  /// Takes out a key that is owed.
  std::optional<std::pair<std::string, HasKey>> take_owed();
  /// Begins a walk from the first key on, and joins it with one that is under way.
  void walk(MonoTime since, MonoTime deletes_since);
  [[nodiscard]] std::optional<Walk>& walking() { return walk_; }

  /// What leaves next: a message; or nothing, when it is the turn of what is owed, or when nothing waits.
  std::optional<Frame> take(MonoTime now);
  /// A frame has left: the next one waits for a while.
  void sent(MonoTime now);
  [[nodiscard]] MonoTime next() const { return next_; }
  [[nodiscard]] bool owes() const { return walk_ || !owed_.empty(); }
  [[nodiscard]] bool empty() const { return waiting_.empty() && !owes(); }

  /// Takes over what waits for a link that has gone. Returns how many messages found no room.
  std::uint64_t take_over(Pacer& gone);

  /// How many messages were too old when their turn came, since the last call.
  std::uint64_t take_late() { return std::exchange(late_, 0); }
  [[nodiscard]] std::size_t bytes() const { return bytes_ + owed_bytes_; }
  [[nodiscard]] std::size_t stores() const { return by_key_.size() + owed_.size(); }
  void sanity_check() const;

 private:
  struct Waiting {
    Frame frame;
    /// Of a store.
    std::optional<std::string> key{};
    bool deletes = false;
    /// Whether the node would have the key without this store.
    HasKey has = HasKey::kPerhaps;
    MonoTime expires = MonoTime::max();
  };
  using Queue = std::map<std::int64_t, Waiting>;

  void add(std::int64_t place, Waiting waiting);
  Waiting take_out(Queue::iterator at);
  [[nodiscard]] bool has_room(std::size_t bytes, std::size_t most) const;
  [[nodiscard]] HasKey has(const PacedStore& store) const;

  // In the order in which they leave.
  Queue waiting_;
  std::map<std::string, std::int64_t, std::less<>> by_key_;
  std::size_t bytes_ = 0;
  std::map<std::string, HasKey, std::less<>> owed_;
  std::size_t owed_bytes_ = 0;
  std::size_t most_owed_ = limits::kMaxOwed;
  std::uint64_t late_ = 0;
  std::optional<Walk> walk_;
  // Places given out: first_ <= place < last_.
  std::int64_t first_ = 0;
  std::int64_t last_ = 0;
  bool owed_is_next_ = false;
  MonoTime next_;
};

}  // namespace meshdict
