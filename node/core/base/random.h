#pragma once
// Randomness for the core: our own integer generator, so that every compiler and library draws the same numbers.
//
// 1. One stream per (seed, node, subsystem): one more draw in one place shifts nothing elsewhere.
// 2. Only integers; no std::*_distribution, no std::shuffle: their results differ between libraries.
// 3. Never two draws in one expression: C++ leaves their order open.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace meshdict {

/// xoshiro256** 1.0 (Blackman and Vigna, https://prng.di.unimi.it/), seeded through splitmix64. Not for secrets.
class RandomStream {
 public:
  explicit RandomStream(std::uint64_t seed);

  std::uint64_t next();

  /// Uniform in [0, bound), without bias. REQUIRES: bound > 0.
  std::uint64_t below(std::uint64_t bound);

  /// Uniform in [low, high], both included. REQUIRES: low <= high.
  std::int64_t between(std::int64_t low, std::int64_t high);

  /// True in `numerator` of `denominator` cases. REQUIRES: denominator > 0.
  bool chance(std::uint64_t numerator, std::uint64_t denominator);

  /// Fisher-Yates, in place. `Sequence` has size() and operator[].
  template <typename Sequence>
  void shuffle(Sequence& items) {
    for (std::size_t left = items.size(); left > 1; --left) {
      const auto pick = static_cast<std::size_t>(below(left));
      using std::swap;
      swap(items[left - 1], items[pick]);
    }
  }

 private:
  std::array<std::uint64_t, 4> state_;
};

/// Where streams come from. Production derives them from entropy drawn once at start, the simulator from
/// (seed, node). The same name gives the same stream again: ask once per subsystem and keep it.
class Random {
 public:
  virtual ~Random() = default;
  [[nodiscard]] virtual RandomStream stream(std::string_view subsystem) const = 0;
};

/// Mixes a key into a seed: FNV-1a over `name`, then splitmix64's finaliser over it and `seed`.
std::uint64_t derive_seed(std::uint64_t seed, std::string_view name);
/// The same for an integer key.
std::uint64_t derive_seed(std::uint64_t seed, std::uint64_t key);

}  // namespace meshdict
