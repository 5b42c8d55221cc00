#pragma once
// Runs over many seeds.

#include <cstdint>
#include <functional>

#include "sim/plan/plan.h"
#include "sim/world/world.h"

namespace meshdict::sim {

/// Both ends included.
struct SeedRange {
  std::uint64_t first = 1;
  std::uint64_t last = 1;
  [[nodiscard]] std::uint64_t count() const { return last - first + 1; }
};

/// Every `step`-th of a range.
struct SeedSequence {
  std::uint64_t first = 1;
  std::uint64_t count = 1;
  std::uint64_t step = 1;
  [[nodiscard]] std::uint64_t at(std::uint64_t offset) const { return first + offset * step; }
};
inline SeedSequence all_of(const SeedRange& range) {
  return {.first = range.first, .count = range.count()};
}

/// An explicit plan for a seed. Called from several threads at a time.
using PlanOf = std::function<Plan(std::uint64_t seed)>;

/// Runs the plan of each seed on `jobs` threads and hands over the results in the order of seeds, on the caller's
/// thread, until `done` returns false. At most a few results a thread wait for that.
void run_seeds(const PlanOf& plan_of, const SeedSequence& seeds, unsigned jobs, const RunOptions& options,
               const std::function<bool(const RunResult&)>& done);

}  // namespace meshdict::sim
