#pragma once
// Runs of one plan over a range of seeds.

#include <cstdint>
#include <functional>

#include "sim/plan.h"
#include "sim/world.h"

namespace meshdict::sim {

/// Both ends included.
struct SeedRange {
  std::uint64_t first = 1;
  std::uint64_t last = 1;
  [[nodiscard]] std::uint64_t count() const { return last - first + 1; }
};

/// Runs the plan with each seed on `jobs` threads and hands over the results in the order of seeds, on the caller's
/// thread. At most a few results a thread wait for that.
void run_seeds(const Plan& plan, const SeedRange& seeds, unsigned jobs, const RunOptions& options,
               const std::function<void(const RunResult&)>& done);

}  // namespace meshdict::sim
