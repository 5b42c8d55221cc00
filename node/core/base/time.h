#pragma once
// Times and durations of the core.
//
// Two clocks, never mixed by accident: each has its own time_point type.
//  - MonoTime: monotonic time since an arbitrary start (boot time: it runs on while the machine sleeps).
//  - WallTime: Unix time; it may jump in both directions.
// All are integers of microseconds. The core never asks the system for the time; see clock.h.

#include <chrono>
#include <cstdint>

namespace meshdict {

using Duration = std::chrono::duration<std::int64_t, std::micro>;

/// Tag types: they only give the two time_points distinct types and deliberately have no now().
struct MonotonicClockTag {
  using duration = Duration;
};
struct WallClockTag {
  using duration = Duration;
};

using MonoTime = std::chrono::time_point<MonotonicClockTag, Duration>;
using WallTime = std::chrono::time_point<WallClockTag, Duration>;

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""us;

/// Whole seconds since the Unix epoch, as py2p writes them into every message.
inline std::int64_t unix_seconds(WallTime t) {
  return std::chrono::floor<std::chrono::seconds>(t.time_since_epoch()).count();
}

}  // namespace meshdict
