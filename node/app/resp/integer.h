#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/base/parse_number.h"

namespace meshdict {

/// An integer as Redis reads it: one way to write each, so no zero before other digits and no minus before zero.
inline std::optional<std::int64_t> parse_integer(std::string_view text) {
  const std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
  if (digits.starts_with('0') && text != "0") return std::nullopt;
  return parse_number<std::int64_t>(text);
}

}  // namespace meshdict
