#pragma once
// Where two runs part: the first line in which two transcripts differ, and what led to it.

#include <cstdio>
#include <expected>
#include <string>

namespace meshdict::sim {

struct TraceDifference {
  bool equal = true;
  /// For a person, with line ends: what was compared; where the two part, at which node, and the causes of that event.
  std::string text;
};

/// Reads both once, side by side, and keeps a few lines of each node. Remarks (plan, seed, result) are shown, not compared.
/// Error text when one of them is no transcript or cannot be read.
std::expected<TraceDifference, std::string> diff_traces(std::FILE* a, const std::string& name_a, std::FILE* b,
                                                        const std::string& name_b);

/// The command `diff`: prints on stdout what diff_traces() finds. Exit code: 0 equal, 1 they part, 2 bad input.
int diff_command(const std::string& a, const std::string& b);

}  // namespace meshdict::sim
