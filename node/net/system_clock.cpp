#include "net/system_clock.h"

#include <time.h>

#include <cassert>

namespace meshdict {
namespace {

Duration read_clock(clockid_t id) {
  timespec now{};
  const int failed = clock_gettime(id, &now);
  assert(failed == 0);
  static_cast<void>(failed);
  return std::chrono::seconds(now.tv_sec) + std::chrono::duration_cast<Duration>(std::chrono::nanoseconds(now.tv_nsec));
}

}  // namespace

MonoTime SystemClock::monotonic() const {
  return MonoTime(read_clock(CLOCK_BOOTTIME));
}

WallTime SystemClock::wall() const {
  return WallTime(read_clock(CLOCK_REALTIME));
}

Duration thread_processor_time() {
  return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

}  // namespace meshdict
