#pragma once
// The only source of time of the core. Production reads the system's clocks, the simulator its virtual ones.
// Not thread-safe; used from the thread of the engine that holds it.

#include "core/base/time.h"

namespace meshdict {

class Clock {
 public:
  virtual ~Clock() = default;

  /// Never goes back while the process runs.
  [[nodiscard]] virtual MonoTime monotonic() const = 0;

  /// May jump in both directions at any time.
  [[nodiscard]] virtual WallTime wall() const = 0;
};

}  // namespace meshdict
