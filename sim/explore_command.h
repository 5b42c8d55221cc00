#pragma once
#include <cstdint>
#include <string>

#include "sim/explore_yaml.h"

namespace meshdict::sim {

struct ExploreOptions {
  std::string file;
  std::string policy;  ///< instead of the file's
  std::string out;     ///< where a violation's interleaving goes; empty: beside nothing, "violation.yaml"
  std::uint64_t states = 100'000'000;
  std::uint64_t megabytes = 4'096;
};

/// The command `explore`. Exit code: 0 all visited and nothing wrong, 1 a violation, 2 bad input or not all visited.
int explore_command(const ExploreOptions& options);

/// The command `run` of a file with `choices`: applies them and judges. Exit code as for other plans.
int replay_choices(const Exploration& exploration, const std::string& file);

}  // namespace meshdict::sim
