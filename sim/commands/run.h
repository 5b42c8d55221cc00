#pragma once
// The command `run`: plans from files, with one seed or many.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/commands/run_files.h"
#include "sim/commands/seeds.h"
#include "sim/machines/guests.h"
#include "sim/plan/plan.h"
#include "sim/runs/report.h"

namespace meshdict::sim {

struct RunCommandOptions {
  /// Null: there are none.
  const GuestMaker* programs = nullptr;
  std::vector<std::string> files;
  std::uint64_t seed = 1;
  std::optional<SeedRange> seeds;  ///< instead
  SeedsOptions how;                ///< with `seeds`
  std::string trace;
  PictureNames pictures;
  std::string plan_out;
  /// Empty: what the plans say.
  std::vector<Property> check;
  bool json = false;
  bool rate = false;
  Shown shown = Shown::kSome;
};

/// Runs plans, and interleavings that an exploration has found. Returns the worst exit code of all runs.
int run_command(const RunCommandOptions& options);

}  // namespace meshdict::sim
