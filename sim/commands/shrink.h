#pragma once
// The command `shrink`: makes a failing plan small.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "sim/machines/guests.h"
#include "sim/plan/plan.h"

namespace meshdict::sim {

struct ShrinkOptions {
  /// Null: there are none.
  const GuestMaker* programs = nullptr;
  /// A seed of a swarm plan, or a file.
  std::string what;
  /// The seed of the file's run.
  std::optional<std::uint64_t> seed;
  std::string out;
  /// Empty: what the plan says.
  std::vector<Property> check;
  std::uint64_t tries = 5'000;
  unsigned jobs = 1;
  /// How long to go on, by the wall clock.
  std::optional<Duration> time;
  /// When with the plan's own seed nothing more can go, the seeds 1 to this are tried.
  std::uint64_t other_seeds = 4;
};

/// Writes a small plan that fails as the given one does; when interrupted, the smallest so far. Exit code: 0 when it is
/// written, 2 when there is nothing to shrink.
int shrink_command(const ShrinkOptions& options);

}  // namespace meshdict::sim
