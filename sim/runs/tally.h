#pragma once
// What a summary needs to know of one run: from the run itself, or from the line of JSON that it has left.

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/plan/fault.h"
#include "sim/plan/thresholds.h"
#include "sim/runs/sweep_part.h"
#include "sim/world/world.h"

namespace meshdict::sim {

struct Tally {
  std::string plan;
  std::uint64_t seed = 0;
  bool passed = true;
  std::uint64_t events = 0;
  std::uint64_t delivered = 0;
  Duration simulated{};
  std::uint64_t trace = 0;
  std::array<std::uint64_t, kFaults> faults{};
  Crossings crossings{};
  /// The first violation of each promise, in words.
  std::vector<std::pair<std::string, std::string>> failures;
  /// The sweep to which it belongs, if a sweep has written the line.
  std::optional<SweepPart> of;
};

Tally tally_of(const RunResult& result);

/// Reads what result_json() has written. Error: what is wrong with the line.
std::expected<Tally, std::string> parse_tally(std::string_view line);

}  // namespace meshdict::sim
