#pragma once
// Words of ASCII in any case, whatever the locale.

#include <algorithm>
#include <string_view>

namespace meshdict {

constexpr char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Whether `text` is the word `lower`, which has no upper-case letter.
constexpr bool is_word(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower, {}, ascii_lower);
}

}  // namespace meshdict
