#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "sim/commands/run_files.h"
#include "sim/runs/runner.h"
#include "sim/runs/shard.h"

namespace meshdict::sim {

struct SweepOptions {
  std::string file;  ///< empty: swarm plans
  bool swarm = false;
  SeedRange seeds{1, 1000};
  unsigned jobs = 1;
  Shard shard;
  std::string json_lines;
  std::vector<Property> check;  ///< empty: what the plans say
  bool stop_at_first = false;   ///< behind the first seed that fails
};

/// Runs many seeds, of a file or of swarm plans. Prints those that fail and a summary. Exit code.
int sweep_command(const SweepOptions& options);

/// Joins what `sweep --json-lines` has written. Exit code: 1 when a run failed.
int summarize_command(const std::vector<std::string>& files);

/// Runs one swarm plan, or a file. Exit code.
struct ReplayOptions {
  std::string what;  ///< a seed of a swarm plan
  std::string trace;
  PictureNames pictures;
  std::string plan_out;
  std::vector<Property> check;  ///< empty: what the plan says
};
int replay_command(const ReplayOptions& options);

}  // namespace meshdict::sim
