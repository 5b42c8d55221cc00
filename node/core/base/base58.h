#pragma once
// base58, in which py2p writes ids, times and hashes.

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace meshdict {

/// Base58 as py2p 0.6 uses it: the bytes are one big-endian integer, no padding, zero is "1".
std::string base58_encode(std::span<const std::uint8_t> big_endian);
std::string base58_encode(std::uint64_t number);

/// The integer as big-endian bytes without leading zeros (zero is empty). Error text for the empty string, for a
/// character outside the alphabet (with its position), and for more than 128 characters.
std::expected<std::vector<std::uint8_t>, std::string> base58_decode(std::string_view text);

/// Error text also when the number does not fit 64 bits.
std::expected<std::uint64_t, std::string> base58_decode_u64(std::string_view text);

bool is_base58_character(char c);
/// Whether all characters are; fast, as each id that arrives goes through it.
bool is_base58(std::string_view text);

}  // namespace meshdict
