#pragma once
// The command `explore`, and what `run` does with an interleaving that it found.

#include <cstdint>
#include <optional>
#include <string>

namespace meshdict::sim {

struct ExploreOptions {
  std::string file;
  /// The policy to use instead of the file's.
  std::string policy;
  /// Where a violation's interleaving goes.
  std::string out = "violation.yaml";
  std::uint64_t states = 100'000'000;
  std::uint64_t megabytes = 4'096;
};

/// The command `explore`. Exit code: 0 all visited and nothing wrong, 1 a violation, 2 bad input or not all visited.
int explore_command(const ExploreOptions& options);

/// The command `run` of an exploration with `choices`: applies them and judges. Exit code as for other plans; nothing
/// when the file is no exploration. An exploration without choices is bad input when it is `alone`; otherwise it is named and
/// left out.
std::optional<int> replay_exploration(const std::string& file, bool alone);

}  // namespace meshdict::sim
