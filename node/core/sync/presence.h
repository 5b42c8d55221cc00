#pragma once
// A message that older versions wait for before they begin an anti-entropy session.

#include <compare>
#include <cstdint>

#include "core/record/hlc.h"

namespace meshdict {

/// What a node says of its past. By it, earlier versions decide which of two nodes drops old records that the other does not
/// have. We say it because they begin a session only when they have heard it. We read nothing in it: see D1 in tombstones.h.
struct Presence {
  enum class Level : std::uint8_t { kApart = 0, kLivedOn = 1, kInStep = 2 };
  Level level = Level::kApart;
  /// Since when it, or a node that it has compared with, has been there, in Unix milliseconds.
  std::int64_t memory_ms = 0;
  /// As of when it knows its own writes to be known to others; 0: never.
  Hlc compared;
  /// As of when it was last in step with the network; 0: never.
  Hlc in_step;
  /// It has been running for a horizon.
  bool settled = false;
  auto operator<=>(const Presence&) const = default;
};

/// What we say, so that neither side of a link with an earlier version drops anything for the other's sake. Such versions do
/// not give way to a node that is apart. And a node that is apart gives way only to one whose memory reaches back to its last
/// comparison, which is here in 1970.
inline constexpr Presence kOutsideTheReckoning{
    .level = Presence::Level::kApart, .memory_ms = 0, .compared = Hlc{1}, .in_step = {}, .settled = false};

}  // namespace meshdict
