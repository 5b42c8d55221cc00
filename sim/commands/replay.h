#pragma once
// The command `replay`: one swarm plan again, with a transcript or pictures.

#include <string>
#include <vector>

#include "sim/commands/run_files.h"
#include "sim/plan/plan.h"
#include "sim/runs/report.h"

namespace meshdict::sim {

struct ReplayOptions {
  /// A seed of a swarm plan.
  std::string what;
  std::string trace;
  PictureNames pictures;
  std::string plan_out;
  /// Empty: what the plan says.
  std::vector<Property> check;
  Shown shown = Shown::kSome;
};

/// Runs one swarm plan. Returns the exit code.
int replay_command(const ReplayOptions& options);

}  // namespace meshdict::sim
