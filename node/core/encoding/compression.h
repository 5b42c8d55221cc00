#pragma once
// The compression methods of py2p 0.6, as their libraries have them. A whole body is compressed at once.

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/encoding/msgpack.h"

namespace meshdict {

enum class Compression : std::uint32_t { kBz2 = 16, kGzip = 17, kLzma = 18, kZlib = 19, kSnappy = 32 };

/// All that can be read: snappy, zlib, gzip, bz2, lzma.
std::span<const Compression> known_compressions();

/// The methods that we offer, and so those that a peer may use, in py2p's order of preference: snappy, zlib, gzip. Rationale:
/// what they cost is bounded by the bytes that come in (a byte becomes 1,032 at the most, by zlib). Some 50 bytes of bz2 hold a
/// block of 900,000 and cost milliseconds, and lzma takes 9 MiB first. No peer needs those two: zlib comes with each Python.
std::span<const Compression> offered_compressions();

/// Those of offered_compressions() that `theirs` contains, in our order.
std::vector<Compression> common_compressions(std::span<const std::uint64_t> theirs);

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
