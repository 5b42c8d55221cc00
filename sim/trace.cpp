#include "sim/trace.h"

#include <fmt/format.h>

namespace meshdict::sim {

std::string seconds_text(Duration time) {
  return fmt::format("{}.{:06}", time.count() / 1'000'000, time.count() % 1'000'000);
}

void Transcript::line(Duration at, std::string_view node, std::string_view what) const {
  if (out_ == nullptr) return;
  const std::string text = fmt::format("{:>13} {:<8} {}\n", seconds_text(at), node, what);
  std::fwrite(text.data(), 1, text.size(), out_);
}

}  // namespace meshdict::sim
