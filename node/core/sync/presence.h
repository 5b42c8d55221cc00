#pragma once
#include <compare>
#include <cstdint>

#include "core/record/hlc.h"

namespace meshdict {

/// What a node says of its past. Earlier versions decide by it who lets go of old records that the other does not have.
/// We say it, since they begin to compare when they have heard it, and read nothing in it: see D1 in tombstones.h.
struct Presence {
  enum class Level : std::uint8_t { kApart = 0, kLivedOn = 1, kInStep = 2 };
  Level level = Level::kApart;
  /// Unix milliseconds: since when it, or a node that it has compared with, has been there.
  std::int64_t memory_ms = 0;
  /// As of when it knows its own writes to be known to others; 0: never.
  Hlc compared;
  /// As of when it was last in step with the network; 0: never.
  Hlc in_step;
  /// It has been running for a horizon.
  bool settled = false;
  auto operator<=>(const Presence&) const = default;
};

/// What we say, so that neither side of a link with such a version lets go of anything for the other's sake: nobody defers
/// to a node that is apart, and such a node to none whose memory does not reach back to its last comparison, here 1970.
inline constexpr Presence kOutsideTheReckoning{
    .level = Presence::Level::kApart, .memory_ms = 0, .compared = Hlc{1}, .in_step = {}, .settled = false};

}  // namespace meshdict
