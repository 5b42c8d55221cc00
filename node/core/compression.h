#pragma once
// Compression methods of py2p 0.6, through their libraries. A whole body is compressed at once.

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/msgpack.h"

namespace meshdict {

enum class Compression : std::uint32_t { kBz2 = 16, kGzip = 17, kLzma = 18, kZlib = 19, kSnappy = 32 };

/// Ours, by preference: snappy, zlib, gzip, bz2, lzma, as py2p prefers them.
std::span<const Compression> supported_compressions();

/// The first of ours that `theirs` contains; nothing when there is none.
std::optional<Compression> choose_compression(std::span<const std::uint64_t> theirs);

std::string compress(Compression method, std::string_view plain);

/// Error when the input is damaged, is followed by other bytes, or inflates to more than `limit` bytes; never allocates
/// much more than `limit`.
std::expected<std::string, DecodeError> decompress(Compression method, std::string_view packed, std::size_t limit);

/// Methods whose magic number `body` begins with (wire.md, "Compression"). Snappy has none and is always a candidate.
/// At most two candidates.
struct CompressionGuess {
  std::array<Compression, 2> methods{};
  std::size_t count = 0;
};
CompressionGuess guess_compression(std::string_view body);

}  // namespace meshdict
