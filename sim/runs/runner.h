#pragma once
// Runs many seeds in several processes, each of which runs one seed after the other. For seeds that end their process:
// worker.h.

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "sim/plan/plan.h"
#include "sim/runs/worker.h"
#include "sim/world/world.h"

namespace meshdict::sim {

/// Both ends included.
struct SeedRange {
  std::uint64_t first = 1;
  std::uint64_t last = 1;
  [[nodiscard]] std::uint64_t count() const { return last - first + 1; }
  bool operator==(const SeedRange&) const = default;
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

/// Gives one seed after the other; nothing after the last.
using Seeds = std::function<std::optional<std::uint64_t>()>;
Seeds each_of(const SeedSequence& sequence);

struct RunnerOptions {
  unsigned jobs = 1;
  /// How long one seed may take.
  std::chrono::milliseconds patience = std::chrono::seconds(60);
  /// Memory for each process; 0: no bound.
  std::uint64_t megabytes = 0;
  /// The name of a seed's plan, for a seed that has no result of its own.
  std::function<std::string(std::uint64_t seed)> plan_of = [](std::uint64_t) { return std::string(); };
};

/// Calls `run` with each seed, in a process, and hands over the results in the order of seeds until `done` returns false.
/// Throws NoProcess.
/// REQUIRES: this process has one thread.
void run_seeds(const RunOf& run, const Seeds& seeds, const RunnerOptions& options,
               const std::function<bool(const RunResult&)>& done);

}  // namespace meshdict::sim
