#include "app/system/byte_size.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <limits>
#include <string>
#include <utility>

namespace meshdict {
namespace {

constexpr std::uint64_t kKibi = 1024;
constexpr std::array<std::pair<std::string_view, std::uint64_t>, 11> kUnits{{{"", 1},
                                                                             {"b", 1},
                                                                             {"k", 1'000},
                                                                             {"kb", kKibi},
                                                                             {"kib", kKibi},
                                                                             {"m", 1'000'000},
                                                                             {"mb", kKibi* kKibi},
                                                                             {"mib", kKibi* kKibi},
                                                                             {"g", 1'000'000'000},
                                                                             {"gb", kKibi* kKibi* kKibi},
                                                                             {"gib", kKibi* kKibi* kKibi}}};

}  // namespace

std::optional<std::uint64_t> parse_byte_size(std::string_view text) {
  std::uint64_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string unit(static_cast<const char*>(stop), text.data() + text.size());
  std::ranges::transform(unit, unit.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto* const found = std::ranges::find(kUnits, unit, &std::pair<std::string_view, std::uint64_t>::first);
  if (error != std::errc() || found == kUnits.end() ||
      number > std::numeric_limits<std::int64_t>::max() / found->second) {
    return std::nullopt;
  }
  return number * found->second;
}

}  // namespace meshdict
