#pragma once
// A fuzz target's input as a list of choices: each call takes what it needs from the front. When the input ends, all further
// choices are zero.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace meshdict::fuzz {

class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }

  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto first = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return first;
  }
  /// Below `bound`, which is at most 256.
  std::size_t below(std::size_t bound) { return byte() % bound; }
  std::uint64_t number() {
    std::uint64_t value = 0;
    for (std::size_t bytes = below(9); bytes > 0; --bytes)
      value = value << 8 | byte();
    return value;
  }
  /// Up to `most` bytes; two in front say how many.
  std::string_view text(std::size_t most = 65'535) {
    const std::size_t high = byte();
    const std::size_t low = byte();
    const std::string_view taken = rest_.substr(0, std::min(most, high << 8 | low));
    rest_.remove_prefix(taken.size());
    return taken;
  }
  std::string_view rest() {
    const std::string_view all = rest_;
    rest_ = {};
    return all;
  }

 private:
  std::string_view rest_;
};

}  // namespace meshdict::fuzz
