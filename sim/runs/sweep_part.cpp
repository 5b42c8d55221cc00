#include "sim/runs/sweep_part.h"

#include <fmt/format.h>

namespace meshdict::sim {

SeedSequence SweepPart::sequence() const {
  const std::uint64_t skipped = shard.index - 1;
  if (skipped >= seeds.count()) return {.first = seeds.first, .count = 0, .step = shard.count};
  return {.first = seeds.first + skipped,
          .count = (seeds.count() - skipped + shard.count - 1) / shard.count,
          .step = shard.count};
}

std::string range_text(const SeedRange& seeds) {
  return fmt::format("{}..{}", seeds.first, seeds.last);
}

std::string SweepPart::text() const {
  std::string text = "seeds " + range_text(seeds);
  if (shard.count > 1) text += fmt::format(", part {}/{}", shard.index, shard.count);
  if (!check.empty()) text += fmt::format(", --check {}", fmt::join(check, ","));
  return text;
}

}  // namespace meshdict::sim
