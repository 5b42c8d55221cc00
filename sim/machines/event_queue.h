#pragma once
// What will happen next in a world.
//
// 1. Events come out ordered by (time, seeded tie, sequence): integers only, so that every compiler agrees.
// 2. Time never goes back: now() is the time of the event that came out last.
// 3. Entries are small and plain. What an event is about stays where it belongs (the network, the plan); an entry that
//    has become stale is recognised by its owner when it comes out, and is never searched for.

#include <cstdint>
#include <vector>

#include "core/base/time.h"

namespace meshdict::sim {

enum class EventKind : std::uint8_t {
  kDeliver,  ///< the next parcel of a pipe arrives
  kDrained,  ///< a sender's backlog may have fallen to the low-water mark
  kGiveUp,   ///< a closing sender gives up on its backlog
  kDialTimeout,
  kStale,           ///< a frame arrives once more
  kTimer,           ///< a node's next_deadline()
  kStep,            ///< the next step of the plan
  kCheckBroadcast,  ///< by now a broadcast must have reached everybody
  kGoOn,            ///< a node that was busy with its disk goes on
  kTriggered,       ///< a step whose event has come
  kEnds,            ///< the end of what such a step has begun
  kWatch,           ///< a moment at which something that is expected over time is looked at
  kWaited,          ///< by now others must have confirmed a write
  kProgram,         ///< a program goes on
};

struct QueuedEvent {
  std::int64_t time_us = 0;
  /// Tie in the upper 24 bits, sequence in the lower 40.
  std::uint64_t order = 0;
  /// Kind in the upper 8 bits; the rest belongs to the owner.
  std::uint64_t subject = 0;

  static constexpr int kSubjectBits = 56;
  [[nodiscard]] EventKind kind() const { return static_cast<EventKind>(subject >> kSubjectBits); }
  [[nodiscard]] std::uint64_t detail() const { return subject & ((std::uint64_t{1} << kSubjectBits) - 1); }
};

/// A 4-ary heap: half the depth of a binary one, and four entries share two cache lines.
class EventQueue {
 public:
  explicit EventQueue(std::uint64_t seed) : seed_(seed) {}

  [[nodiscard]] Duration now() const { return now_; }
  [[nodiscard]] bool empty() const { return heap_.empty(); }
  /// REQUIRES: not empty.
  [[nodiscard]] Duration next_time() const { return Duration(heap_.front().time_us); }

  /// A time that has passed counts as now. REQUIRES: detail < 2^56.
  void push(Duration at, EventKind kind, std::uint64_t detail);

  /// REQUIRES: not empty.
  QueuedEvent pop();

  /// Lets time pass without an event. REQUIRES: no event is due before `to`.
  void advance_to(Duration to);

  [[nodiscard]] std::size_t size() const { return heap_.size(); }

 private:
  std::uint64_t seed_;
  std::uint64_t sequence_ = 0;
  Duration now_{};
  std::vector<QueuedEvent> heap_;
};

}  // namespace meshdict::sim
