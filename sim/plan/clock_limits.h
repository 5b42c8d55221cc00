#pragma once
// How wrong the clocks of virtual machines may be.

#include <cstdint>

#include "core/base/time.h"

namespace meshdict::sim {

/// A clock that is off by more than a tenth is broken, not wrong.
inline constexpr std::int64_t kMostPpm = 100'000;
/// Wall clocks are off by less: from before 1970 to where no calendar ends.
inline constexpr Duration kMostWrong = 24h * 36'525;

}  // namespace meshdict::sim
