#pragma once
#include <algorithm>

#include "core/base/time.h"

namespace meshdict {

/// When parts of the engine are to be called next: at the earliest of the moments asked for since it last rang. Whoever still
/// waits for something then asks again.
class Alarm {
 public:
  void set(MonoTime when) { when_ = std::min(when_, when); }
  [[nodiscard]] MonoTime when() const { return when_; }
  /// True when its time has come. It is not set any more then.
  [[nodiscard]] bool rings(MonoTime now) {
    if (when_ > now) return false;
    when_ = MonoTime::max();
    return true;
  }

 private:
  MonoTime when_ = MonoTime::max();
};

}  // namespace meshdict
