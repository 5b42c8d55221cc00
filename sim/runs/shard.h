#pragma once
// A sweep that is divided among machines.

#include <cstdint>

namespace meshdict::sim {

/// The `index`-th of `count` parts of a sweep, from 1.
struct Shard {
  std::uint64_t index = 1;
  std::uint64_t count = 1;
};

}  // namespace meshdict::sim
