#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "sim/plan/plan.h"

namespace meshdict::sim {

struct ShrinkOptions {
  std::string what;                   ///< a seed of a swarm plan, or a file
  std::optional<std::uint64_t> seed;  ///< of the file's run
  std::string out;
  std::vector<Property> check;  ///< empty: what the plan says
  std::uint64_t tries = 5'000;
  unsigned jobs = 1;
  std::optional<Duration> time;   ///< of the wall clock
  std::uint64_t other_seeds = 4;  ///< 1 to this, when with the plan's own nothing more gives way
};

/// Writes a small plan that fails as the given one does; when it is interrupted, the smallest so far. Exit code: 0 when it is
/// written, 2 when there is nothing to shrink.
int shrink_command(const ShrinkOptions& options);

}  // namespace meshdict::sim
