#pragma once
// Ranges that plans are written with.

#include <cstdint>
#include <limits>

#include "core/base/time.h"

namespace meshdict::sim {

/// Drawn uniformly per seed, both ends included.
struct DurationRange {
  Duration low{};
  Duration high{};
  [[nodiscard]] bool fixed() const { return low == high; }
  bool operator==(const DurationRange&) const = default;
};

/// How many of something must be there, both ends included.
struct CountRange {
  std::uint64_t low = 0;
  std::uint64_t high = std::numeric_limits<std::uint64_t>::max();
  [[nodiscard]] bool contains(std::uint64_t count) const { return low <= count && count <= high; }
};

}  // namespace meshdict::sim
