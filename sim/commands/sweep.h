#pragma once
// The commands `sweep` and `summarize`: many seeds, and one summary of them.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/commands/seeds.h"
#include "sim/machines/guests.h"
#include "sim/plan/plan.h"
#include "sim/runs/report.h"
#include "sim/runs/sweep_part.h"

namespace meshdict::sim {

struct SweepOptions {
  /// Null: there are none.
  const GuestMaker* programs = nullptr;
  /// Empty: swarm plans.
  std::string file;
  bool swarm = false;
  SeedRange seeds{1, 1000};
  SeedsOptions how;
  Shard shard;
  std::string json_lines;
  /// A file of json_lines to go on with.
  std::string resume;
  std::string junit;
  /// Empty: what the plans say.
  std::vector<Property> check;
  /// The same as most_failures 1.
  bool stop_at_first = false;
  /// After so many seeds that fail no further seed is run; 0: all are run.
  std::uint64_t most_failures = 0;
  Shown shown = Shown::kSome;
};

/// Runs many seeds of a file or of swarm plans. Prints those that fail, and a summary. Returns the exit code.
int sweep_command(const SweepOptions& options);

/// Joins what `sweep --json-lines` has written. Exit code: 1 when a run failed, 2 when a seed is missing.
int summarize_command(const std::vector<std::string>& files, const std::string& junit);

}  // namespace meshdict::sim
