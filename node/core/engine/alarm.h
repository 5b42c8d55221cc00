#pragma once
// When parts of the engine must be called next: at the earliest of the moments that were asked for since the alarm last rang. A
// part that still waits for something then asks again.

#include <algorithm>

#include "core/base/time.h"

namespace meshdict {

class Alarm {
 public:
  void set(MonoTime when) { when_ = std::min(when_, when); }
  [[nodiscard]] MonoTime when() const { return when_; }
  /// True when its time has come. Then it is not set any more.
  [[nodiscard]] bool rings(MonoTime now) {
    if (when_ > now) return false;
    when_ = MonoTime::max();
    return true;
  }

 private:
  MonoTime when_ = MonoTime::max();
};

}  // namespace meshdict
