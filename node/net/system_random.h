#pragma once
// Streams derived from a seed that the kernel drew at construction.

#include <cstdint>

#include "core/base/random.h"

namespace meshdict {

class SystemRandom final : public Random {
 public:
  /// Aborts when the kernel has no entropy to give: without it no identity may be made.
  SystemRandom();
  [[nodiscard]] RandomStream stream(std::string_view subsystem) const override;

 private:
  std::uint64_t seed_ = 0;
};

}  // namespace meshdict
