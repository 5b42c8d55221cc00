#include "core/record/hlc.h"

#include <algorithm>

namespace meshdict {
namespace {

/// A wall clock outside 48 bits of milliseconds (until the year 6429, one bit spared) is taken for the nearest bound,
/// so that an absurd clock cannot wrap round into the past.
constexpr std::int64_t kLargestMs = (std::int64_t{1} << 47) - 1;

Hlc reading_of(WallTime wall) {
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(wall.time_since_epoch()).count();
  return Hlc::from_ms(std::clamp<std::int64_t>(ms, 0, kLargestMs));
}

}  // namespace

Hlc HybridClock::tick() {
  last_ = std::max(Hlc{last_.bits + 1}, reading_of(clock_.wall()));
  return last_;
}

Hlc HybridClock::next(Duration allowed_skew) const {
  const Hlc last = is_ahead(allowed_skew) ? Hlc{} : last_;
  return std::max(Hlc{last.bits + 1}, reading_of(clock_.wall()));
}

Hlc HybridClock::now() const {
  return std::max(last_, reading_of(clock_.wall()));
}

Hlc HybridClock::now(Duration allowed_skew) const {
  return is_ahead(allowed_skew) ? reading_of(clock_.wall()) : now();
}

bool HybridClock::observe(Hlc remote, Duration allowed_skew) {
  if (until_allowed(remote, allowed_skew) > Duration::zero()) return false;
  last_ = std::max(last_, remote);
  return true;
}

Duration HybridClock::until_allowed(Hlc remote, Duration allowed_skew) const {
  return std::max(Duration::zero(), remote - reading_of(clock_.wall()) - allowed_skew);
}

bool HybridClock::is_ahead(Duration allowed_skew) const {
  // A reading at the very edge may have been the last of its millisecond, and ours since then are of the next.
  return until_allowed(last_, allowed_skew) > 1ms;
}

void HybridClock::reset() {
  last_ = {};
}

}  // namespace meshdict
