#include "core/hlc.h"

#include <algorithm>

namespace meshdict {
namespace {

Hlc wall_reading(const Clock& clock) {
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(clock.wall().time_since_epoch()).count();
  return Hlc::from_ms(std::max<std::int64_t>(0, ms));
}

}  // namespace

Hlc HybridClock::tick() {
  last_ = std::max(Hlc{last_.bits + 1}, wall_reading(clock_));
  return last_;
}

Hlc HybridClock::now() const {
  return std::max(last_, wall_reading(clock_));
}

bool HybridClock::observe(Hlc remote, Duration allowed_skew) {
  if (remote - wall_reading(clock_) > allowed_skew) return false;
  last_ = std::max(last_, remote);
  return true;
}

bool HybridClock::is_ahead(Duration allowed_skew) const {
  return last_ - wall_reading(clock_) > allowed_skew;
}

void HybridClock::reset() {
  last_ = {};
}

}  // namespace meshdict
