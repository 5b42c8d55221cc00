#pragma once
// A sweep that is divided among machines.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/runs/runner.h"

namespace meshdict::sim {

/// The `index`-th of `count` parts of a sweep, from 1.
struct Shard {
  std::uint64_t index = 1;
  std::uint64_t count = 1;
  bool operator==(const Shard&) const = default;
};

/// The sweep, and the part of it, to which a result belongs.
struct SweepPart {
  SeedRange seeds;
  Shard shard;
  /// The promises that were judged; empty: those of the plans.
  std::vector<std::string> check;
  bool operator==(const SweepPart&) const = default;

  /// Every `count`-th seed.
  [[nodiscard]] SeedSequence sequence() const;
  /// "seeds 1..1000, part 2/4".
  [[nodiscard]] std::string text() const;
};

/// "1..1000".
std::string range_text(const SeedRange& seeds);

}  // namespace meshdict::sim
