#pragma once
// The real clocks.

#include "core/env/clock.h"

namespace meshdict {

/// The system's clocks: CLOCK_BOOTTIME, which runs on while the machine sleeps (as leases do), and CLOCK_REALTIME.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] MonoTime monotonic() const override;
  [[nodiscard]] WallTime wall() const override;
};

/// Processor time that the calling thread has used. Waiting does not count, nor do other programs.
Duration thread_processor_time();

}  // namespace meshdict
