#pragma once
// Integer mixing for draws that need no stream of their own (one per event or frame), and for the trace hash.

#include <cstdint>
#include <string_view>

namespace meshdict::sim {

/// splitmix64's finaliser (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
constexpr std::uint64_t mix64(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15U;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31);
}

/// Maps a mixed word to [low, high]. REQUIRES: 0 <= high - low < 2^32. The bias is below high - low over 2^32.
constexpr std::int64_t spread(std::uint64_t mixed, std::int64_t low, std::int64_t high) {
  const auto width = static_cast<std::uint64_t>(high - low) + 1;
  return low + static_cast<std::int64_t>(((mixed >> 32) * width) >> 32);
}

/// The next at most eight bytes of `text` as a little-endian word, whatever the machine's byte order.
inline std::uint64_t word_of(std::string_view text) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < text.size() && i < 8; ++i) {
    word |= static_cast<std::uint64_t>(static_cast<unsigned char>(text[i])) << (8 * i);
  }
  return word;
}

}  // namespace meshdict::sim
