#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace meshdict {

/// "120MB" -> 125829120. As Redis reads them: a number alone is bytes; k, m and g are powers of 1000, kb, mb and gb (also kib, mib
/// and gib) of 1024; in any case. Nothing for what is no size.
std::optional<std::uint64_t> parse_byte_size(std::string_view text);

}  // namespace meshdict
