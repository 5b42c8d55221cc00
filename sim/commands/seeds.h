#pragma once
// Options of the commands that run many seeds: how many processes, and what each of them may take.

#include <cstdint>
#include <functional>
#include <string>

#include "sim/runs/runner.h"

namespace meshdict::sim {

struct SeedsOptions {
  unsigned jobs = 1;
  std::uint64_t seed_seconds = 60;
  /// 0: each process its share of what the machine has.
  std::uint64_t megabytes = 0;
};

/// The share of the machine's memory, in MiB, for each of so many processes.
std::uint64_t share_of_memory(unsigned jobs);

/// `plan_of` names the plan of a seed.
RunnerOptions runner_options(const SeedsOptions& options, std::function<std::string(std::uint64_t seed)> plan_of);

}  // namespace meshdict::sim
