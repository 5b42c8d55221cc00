#pragma once
// Every interleaving of a SmallWorld or a ClaimWorld: depth first, each state once.
//
// 1. A state is expanded by copying its world and applying one choice. States are told apart by digest().
// 2. No choice of choices() is left out; what that leaves to no choice, and why, is said at the worlds (small_world.h, 1 and
//    8; claim_world.h, 7).
// 3. Each state is judged (wrongs()). Faults that are left strike at rest, too, and exploration goes on.
// 4. A cycle would be a run that never comes to rest; cycles are counted. Without any, every run ends.
// 5. On a violation the way there is made short: choices are left out one by one as long as what remains, completed by
//    first choices until something is wrong or the world is at rest, still ends wrong.
//
// Rationale of copying: replaying the tape of choices for each edge costs its depth, some 40 times as much.

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "sim/explore/claim_world.h"
#include "sim/explore/small_world.h"

namespace meshdict::sim {

struct ExploreLimits {
  std::uint64_t states = 100'000'000;
  std::uint64_t bytes = std::uint64_t{4} << 30;
  std::uint32_t depth = 10'000;
};

struct ExploreCounts {
  std::uint64_t states = 0;
  std::uint64_t transitions = 0;
  std::uint64_t terminals = 0;
  std::uint64_t cycles = 0;
  std::uint32_t depth = 0;  ///< of the longest way that was walked
};

struct ExploreResult {
  ExploreCounts counts;
  /// Why not all was visited; empty: all was.
  std::string stopped;
  std::vector<std::string> wrongs;  ///< of the first violation; empty: none
  std::vector<Choice> tape;         ///< the short way to it
  /// What the ends look like: look() of the world.
  std::set<std::string> ends;
};

/// `progress` is called now and then.
ExploreResult explore(const SmallPlan& plan, const ExploreLimits& limits,
                      const std::function<void(const ExploreCounts&)>& progress);
ExploreResult explore(const ClaimPlan& plan, const ExploreLimits& limits,
                      const std::function<void(const ExploreCounts&)>& progress);

}  // namespace meshdict::sim
