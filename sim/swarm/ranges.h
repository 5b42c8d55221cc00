#pragma once
// Swarm plans for what the usual ones do not reach: deadlines, lifetimes and sizes crossed, clocks beyond their bounds.
//
// A range is a kind of plan with draws of its own. Expensive ranges are rare: a simulated week takes a second. The promises
// that a range breaks on purpose (by clocks beyond the skew, or absences beyond the horizon) its plans leave out of their
// `check`; all others must still hold.

#include <cstdint>
#include <span>
#include <string_view>

#include "core/base/random.h"
#include "sim/plan/plan.h"

namespace meshdict::sim {

struct SwarmRange {
  std::string_view name;
  /// What the usual plans stay on one side of.
  std::string_view crosses;
  /// One plan in so many of the swarm belongs to it.
  std::uint64_t one_in = 1;
  /// Off: known to be broken still, and left out.
  bool on = true;
  Plan (*make)(RandomStream& random);
};

std::span<const SwarmRange> swarm_ranges();

/// The range that the seed's plan belongs to. Null: it is a usual one.
const SwarmRange* range_of(std::uint64_t seed);

}  // namespace meshdict::sim
