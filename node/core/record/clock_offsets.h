#pragma once
// How far the wall clocks of the neighbours are from ours, and whether ours can be relied on.
//
// A reading of a neighbour's clock comes with two moments of our monotonic clock: it was taken after the first and before the
// second. So it bounds how far that clock is ahead of our monotonic one, and the time between the two moments (a round trip)
// bounds the error. Rationale: our wall clock has no part in a reading. When it is set, all offsets are right at once, without
// a new reading.
//
// 1. How far a neighbour's clock is really ahead of ours differs from the offset told by at most `error`, as long as both
//    monotonic clocks keep their rate and that wall clock was not set since its last reading.
// 2. The offset is the middle of the narrowest of the last limits::kClockReadings readings, and its error reaches to both ends
//    of the newest; readings widen with age, by the rate errors of two clocks. Rationale: a message that was held up says
//    little, and the quickest one says most. But a clock may have been set by so little that only the newest reading certainly
//    holds the truth. A reading that contradicts an earlier one means that the clock was set: it counts alone.
// 3. A clock is beyond the skew only when it is so whatever the error. It is within the skew again when the offset itself is.
//    Rationale: a slow line must not make a clock look wrong, and the verdict must not flutter.
// 4. Our own clock is ahead when more than half of the neighbours that were measured are certainly behind it by more than the
//    skew, and behind when more than half are ahead. Neighbours that tell no clock (py2p, and older versions of meshdict) do
//    not count; without any measured neighbour the standing of our clock is unknown. Rationale: the median neighbour decides,
//    so that half of them may be wrong, or lie. With one neighbour nobody can say which of the two clocks is wrong, and both
//    nodes are careful: neither would see in time what the other writes.
//
// Usage: heard() and forget() as neighbours speak and leave, then judge(); also judge() when has_stepped(). Not thread-safe.
// Cost: judge() looks at each reading of each neighbour, some thousands at the most.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "core/base/ids.h"
#include "core/base/time.h"

namespace meshdict {

/// A clock, seen from another.
enum class ClockStanding : std::uint8_t {
  kUnknown,  ///< nothing was measured
  kWithin,   ///< for all we know within the skew
  kAhead,
  kBehind,
};
/// "unknown", "ok", "ahead", "behind".
std::string_view to_string(ClockStanding standing);
constexpr bool is_beyond(ClockStanding standing) {
  return standing == ClockStanding::kAhead || standing == ClockStanding::kBehind;
}

/// `ahead` is negative for a clock that is behind.
struct ClockOffset {
  Duration ahead{};
  Duration error{};  ///< at most
};

/// What is known of one clock.
struct ClockView {
  ClockStanding standing = ClockStanding::kUnknown;
  /// Meaningless while nothing is known.
  ClockOffset offset{};
};

class ClockOffsets {
 public:
  /// `drift_ppm`: largest rate error of one monotonic clock, parts per million.
  ClockOffsets(Duration skew, std::int64_t drift_ppm) : skew_(skew), drift_ppm_(drift_ppm) {}

  /// A neighbour's wall clock showed `unix_ms` (rounded down) at some moment after `asked` and before `heard`.
  /// REQUIRES: asked <= heard, 0 <= unix_ms < 2^48.
  void heard(const NodeId& peer, std::int64_t unix_ms, MonoTime asked, MonoTime heard);
  void forget(const NodeId& peer) { neighbours_.erase(peer); }

  /// Whether the wall clock has been set, by more than limits::kClockStep, since judge() looked at it.
  [[nodiscard]] bool has_stepped(MonoTime now, WallTime wall) const;

  /// A clock that has come to be beyond the skew, or is no longer beyond it.
  struct Change {
    /// Empty: it is our own clock, against the majority.
    NodeId peer;
    ClockView clock;
  };
  /// Judges all clocks as things stand; returns what is to be told.
  std::vector<Change> judge(MonoTime now, WallTime wall);

  /// A neighbour's clock against ours.
  [[nodiscard]] ClockView of(const NodeId& peer, MonoTime now, WallTime wall) const;
  /// Ours against the median neighbour's; the offset as of the last judge().
  [[nodiscard]] const ClockView& own() const { return own_; }

  /// Checks the invariants; aborts when one is broken. For tests.
  void sanity_check() const;

 private:
  /// Bounds of what a neighbour's wall clock shows beyond our monotonic one, when they were measured.
  struct Reading {
    Duration low{};
    Duration high{};
    MonoTime taken;
  };
  struct Neighbour {
    std::deque<Reading> readings;  // never empty
    ClockStanding standing = ClockStanding::kUnknown;
  };

  [[nodiscard]] Reading aged(const Reading& reading, MonoTime now) const;
  [[nodiscard]] ClockOffset offset_of(const Neighbour& neighbour, MonoTime now, WallTime wall) const;
  [[nodiscard]] ClockStanding standing_of(const ClockOffset& offset, ClockStanding before) const;

  Duration skew_;
  std::int64_t drift_ppm_;
  std::map<NodeId, Neighbour> neighbours_;
  ClockView own_;
  // How far our wall clock was ahead of our monotonic one when judge() was last called.
  std::optional<Duration> gap_;
};

}  // namespace meshdict
