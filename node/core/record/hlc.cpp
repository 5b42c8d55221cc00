#include "core/record/hlc.h"

namespace meshdict {

Hlc HybridClock::tick() {
  last_ = std::max(Hlc{last_.bits + 1}, wall());
  return last_;
}

Hlc HybridClock::next(Duration allowed_skew) const {
  const Hlc last = is_ahead(allowed_skew) ? Hlc{} : last_;
  return std::max(Hlc{last.bits + 1}, wall());
}

Hlc HybridClock::now() const {
  return std::max(last_, wall());
}

Hlc HybridClock::now(Duration allowed_skew) const {
  return is_ahead(allowed_skew) ? wall() : now();
}

bool HybridClock::observe(Hlc remote, Duration allowed_skew) {
  if (until_allowed(remote, allowed_skew) > Duration::zero()) return false;
  last_ = std::max(last_, remote);
  return true;
}

Duration HybridClock::until_allowed(Hlc remote, Duration allowed_skew) const {
  return std::max(Duration::zero(), remote - wall() - allowed_skew);
}

bool HybridClock::is_ahead(Duration allowed_skew) const {
  // A reading at the very edge may have been the last of its millisecond, and ours since then are of the next.
  return until_allowed(last_, allowed_skew) > 1ms;
}

void HybridClock::reset() {
  last_ = {};
}

}  // namespace meshdict
