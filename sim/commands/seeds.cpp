#include "sim/commands/seeds.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "sim/plan/limits.h"

namespace meshdict::sim {
std::uint64_t share_of_memory(unsigned jobs) {
  const auto pages = static_cast<std::uint64_t>(std::max(::sysconf(_SC_PHYS_PAGES), 0L));
  const auto page = static_cast<std::uint64_t>(std::max(::sysconf(_SC_PAGESIZE), 0L));
  return std::max((pages * page >> 20) / jobs, sim_limits::kMinWorkerMegabytes);
}

RunnerOptions runner_options(const SeedsOptions& options, std::function<std::string(std::uint64_t seed)> plan_of) {
  return {.jobs = options.jobs,
          .patience = std::chrono::seconds(options.seed_seconds),
          .megabytes = options.megabytes > 0 ? options.megabytes : share_of_memory(options.jobs),
          .plan_of = std::move(plan_of)};
}

}  // namespace meshdict::sim
