#pragma once
#include <compare>
#include <cstdint>

#include "core/hlc.h"

namespace meshdict {

/// Where a node stands towards the network (attendance.h).
struct Presence {
  enum class Level : std::uint8_t { kApart = 0, kLivedOn = 1, kInStep = 2 };
  Level level = Level::kApart;
  /// Unix milliseconds: since when it, or a node that it has compared with, has been there.
  std::int64_t memory_ms = 0;
  Hlc compared;          ///< as of when it knows its own writes to be known to others; 0: never
  Hlc in_step;           ///< as of when it was last in step with the network; 0: never
  bool settled = false;  ///< it has been running for a horizon
  auto operator<=>(const Presence&) const = default;
};

}  // namespace meshdict
