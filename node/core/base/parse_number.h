#pragma once
// Reads decimal numbers strictly.

#include <charconv>
#include <concepts>
#include <optional>
#include <string_view>

namespace meshdict {

/// A decimal number that is all of `text` and fits; a sign only where it is a minus of a signed type.
template <std::integral Integer>
std::optional<Integer> parse_number(std::string_view text) {
  Integer number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace meshdict
