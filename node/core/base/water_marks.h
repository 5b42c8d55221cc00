#pragma once
// A bound with a low-water mark, so that what is at the bound does not change its state with every write.

#include <cstdint>

namespace meshdict {

struct WaterMarks {
  /// Full from here on; 0: there is no bound.
  std::uint64_t most = 0;
  /// Who was full has room again when so little is used.
  std::uint64_t low = 0;

  [[nodiscard]] bool bounded() const { return most > 0; }
  [[nodiscard]] bool is_full(std::uint64_t used, bool was_full) const {
    return bounded() && (was_full ? used > low : used >= most);
  }
  bool operator==(const WaterMarks&) const = default;
};

}  // namespace meshdict
