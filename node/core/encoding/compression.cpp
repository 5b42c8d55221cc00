#include "core/encoding/compression.h"

#include <bzlib.h>
#include <lzma.h>
#include <snappy.h>
#include <zlib.h>

#include <algorithm>
#include <cassert>
#include <iterator>
#include <limits>

namespace meshdict {
namespace {

/// Those that are offered first.
constexpr std::array kKnown = {Compression::kSnappy, Compression::kZlib, Compression::kGzip, Compression::kBz2,
                               Compression::kLzma};
constexpr std::size_t kOffered = 3;

/// py2p compresses with xz's preset 6, whose decoder needs 9 MiB (xz(1), "Compression presets").
constexpr std::uint64_t kLzmaMemory = 16U << 20;
/// Presets above need more memory than a frame of 4 MB is worth.
constexpr std::uint32_t kLzmaPreset = 1;
/// zlib's flags in the window argument: 15 is the largest window, 16 more asks for gzip's header.
constexpr int kZlibWindow = 15;
constexpr int kGzipWindow = 15 + 16;

std::string_view name_of(Compression method) {
  switch (method) {
    case Compression::kBz2:
      return "bz2";
    case Compression::kGzip:
      return "gzip";
    case Compression::kLzma:
      return "lzma";
    case Compression::kZlib:
      return "zlib";
    case Compression::kSnappy:
      return "snappy";
  }
  return "unknown";
}

DecodeError failed(Compression method, std::string_view what, std::size_t at) {
  return {std::string(name_of(method)) + ": " + std::string(what), at};
}

DecodeError too_large(Compression method, std::size_t limit) {
  return failed(method, "inflates beyond " + std::to_string(limit) + " bytes", 0);
}

/// What a step of a decompressor did with the space it was given.
struct Step {
  enum class State : std::uint8_t { kGoesOn, kEnd, kDamaged } state = State::kDamaged;
  std::size_t produced = 0;
};

/// Runs `step(space, size) -> Step` until its stream ends. Room grows as it is filled, up to one byte more than
/// `limit`, so that a stream of exactly `limit` bytes can still say its end.
template <typename Stepper>
std::expected<std::string, DecodeError> inflate_bounded(Compression method, std::size_t packed_size, std::size_t limit,
                                                        Stepper step) {
  const std::size_t most = limit + 1;
  std::string out;
  out.resize(std::min(most, std::max<std::size_t>(4 * packed_size, 512)));
  std::size_t used = 0;
  for (;;) {
    const Step done = step(out.data() + used, out.size() - used);
    used += done.produced;
    if (used > limit) return std::unexpected(too_large(method, limit));
    if (done.state == Step::State::kDamaged) return std::unexpected(failed(method, "damaged", 0));
    if (done.state == Step::State::kEnd) break;
    // All input was given at once: a step that leaves room has run out of it.
    if (used < out.size()) return std::unexpected(failed(method, "incomplete", packed_size));
    out.resize(std::min(most, 2 * out.size()));
  }
  out.resize(used);
  return out;
}

/// zlib and bzip2 take non-const pointers to input that they only read.
template <typename Byte>
Byte* unconst(std::string_view bytes) {
  return reinterpret_cast<Byte*>(const_cast<char*>(bytes.data()));
}

unsigned as_unsigned(std::size_t size) {
  assert(size <= std::numeric_limits<unsigned>::max());
  return static_cast<unsigned>(size);
}

std::string deflate_all(std::string_view plain, int window) {
  z_stream stream{};
  [[maybe_unused]] int result =
      deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window, MAX_MEM_LEVEL - 1, Z_DEFAULT_STRATEGY);
  assert(result == Z_OK);
  std::string out;
  out.resize(deflateBound(&stream, plain.size()));
  stream.next_in = unconst<Bytef>(plain);
  stream.avail_in = as_unsigned(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = as_unsigned(out.size());
  result = deflate(&stream, Z_FINISH);
  assert(result == Z_STREAM_END);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

std::expected<std::string, DecodeError> inflate_all(Compression method, std::string_view packed, std::size_t limit) {
  z_stream stream{};
  [[maybe_unused]] const int ready = inflateInit2(&stream, method == Compression::kGzip ? kGzipWindow : kZlibWindow);
  assert(ready == Z_OK);
  stream.next_in = unconst<Bytef>(packed);
  stream.avail_in = as_unsigned(packed.size());
  auto out = inflate_bounded(method, packed.size(), limit, [&](char* space, std::size_t size) -> Step {
    stream.next_out = reinterpret_cast<Bytef*>(space);
    stream.avail_out = as_unsigned(size);
    const int result = inflate(&stream, Z_NO_FLUSH);
    const std::size_t produced = size - stream.avail_out;
    if (result == Z_STREAM_END) return {Step::State::kEnd, produced};
    if (result == Z_OK || result == Z_BUF_ERROR) return {Step::State::kGoesOn, produced};
    return {Step::State::kDamaged, produced};
  });
  const std::size_t left = stream.avail_in;
  inflateEnd(&stream);
  if (out && left != 0) return std::unexpected(failed(method, "followed by other bytes", packed.size() - left));
  return out;
}

std::string bz2_all(std::string_view plain) {
  // The bound that bzip2's manual gives for BZ2_bzBuffToBuffCompress.
  std::string out;
  out.resize(plain.size() + plain.size() / 100 + 601);
  unsigned size = as_unsigned(out.size());
  [[maybe_unused]] const int result =
      BZ2_bzBuffToBuffCompress(out.data(), &size, unconst<char>(plain), as_unsigned(plain.size()), 9, 0, 0);
  assert(result == BZ_OK);
  out.resize(size);
  return out;
}

std::expected<std::string, DecodeError> unbz2_all(std::string_view packed, std::size_t limit) {
  bz_stream stream{};
  [[maybe_unused]] const int ready = BZ2_bzDecompressInit(&stream, 0, 0);
  assert(ready == BZ_OK);
  stream.next_in = unconst<char>(packed);
  stream.avail_in = as_unsigned(packed.size());
  auto out = inflate_bounded(Compression::kBz2, packed.size(), limit, [&](char* space, std::size_t size) -> Step {
    stream.next_out = space;
    stream.avail_out = as_unsigned(size);
    const int result = BZ2_bzDecompress(&stream);
    const std::size_t produced = size - stream.avail_out;
    if (result == BZ_STREAM_END) return {Step::State::kEnd, produced};
    return {result == BZ_OK ? Step::State::kGoesOn : Step::State::kDamaged, produced};
  });
  const std::size_t left = stream.avail_in;
  BZ2_bzDecompressEnd(&stream);
  if (out && left != 0) {
    return std::unexpected(failed(Compression::kBz2, "followed by other bytes", packed.size() - left));
  }
  return out;
}

std::string lzma_all(std::string_view plain) {
  std::string out;
  out.resize(lzma_stream_buffer_bound(plain.size()));
  std::size_t size = 0;
  [[maybe_unused]] const lzma_ret result = lzma_easy_buffer_encode(
      kLzmaPreset, LZMA_CHECK_CRC32, nullptr, reinterpret_cast<const std::uint8_t*>(plain.data()), plain.size(),
      reinterpret_cast<std::uint8_t*>(out.data()), &size, out.size());
  assert(result == LZMA_OK);
  out.resize(size);
  return out;
}

std::expected<std::string, DecodeError> unlzma_all(std::string_view packed, std::size_t limit) {
  lzma_stream stream = LZMA_STREAM_INIT;
  [[maybe_unused]] const lzma_ret ready = lzma_stream_decoder(&stream, kLzmaMemory, 0);
  assert(ready == LZMA_OK);
  stream.next_in = reinterpret_cast<const std::uint8_t*>(packed.data());
  stream.avail_in = packed.size();
  auto out = inflate_bounded(Compression::kLzma, packed.size(), limit, [&](char* space, std::size_t size) -> Step {
    stream.next_out = reinterpret_cast<std::uint8_t*>(space);
    stream.avail_out = size;
    const lzma_ret result = lzma_code(&stream, LZMA_FINISH);
    const std::size_t produced = size - stream.avail_out;
    if (result == LZMA_STREAM_END) return {Step::State::kEnd, produced};
    if (result == LZMA_OK || result == LZMA_BUF_ERROR) return {Step::State::kGoesOn, produced};
    return {Step::State::kDamaged, produced};
  });
  const std::size_t left = stream.avail_in;
  lzma_end(&stream);
  if (out && left != 0) {
    return std::unexpected(failed(Compression::kLzma, "followed by other bytes", packed.size() - left));
  }
  return out;
}

std::expected<std::string, DecodeError> unsnappy_all(std::string_view packed, std::size_t limit) {
  std::size_t size = 0;
  if (!snappy::GetUncompressedLength(packed.data(), packed.size(), &size)) {
    return std::unexpected(failed(Compression::kSnappy, "damaged", 0));
  }
  if (size > limit) return std::unexpected(too_large(Compression::kSnappy, limit));
  std::string out;
  out.resize(size);
  if (!snappy::RawUncompress(packed.data(), packed.size(), out.data())) {
    return std::unexpected(failed(Compression::kSnappy, "damaged", 0));
  }
  return out;
}

}  // namespace

std::span<const Compression> known_compressions() {
  return kKnown;
}

std::span<const Compression> offered_compressions() {
  return known_compressions().first(kOffered);
}

std::vector<Compression> common_compressions(std::span<const std::uint64_t> theirs) {
  std::vector<Compression> common;
  std::ranges::copy_if(offered_compressions(), std::back_inserter(common), [&](Compression ours) {
    return std::ranges::find(theirs, static_cast<std::uint64_t>(ours)) != theirs.end();
  });
  return common;
}

std::string compress(Compression method, std::string_view plain) {
  switch (method) {
    case Compression::kBz2:
      return bz2_all(plain);
    case Compression::kGzip:
      return deflate_all(plain, kGzipWindow);
    case Compression::kLzma:
      return lzma_all(plain);
    case Compression::kZlib:
      return deflate_all(plain, kZlibWindow);
    case Compression::kSnappy:
      break;
  }
  std::string out;
  snappy::Compress(plain.data(), plain.size(), &out);
  return out;
}

std::expected<std::string, DecodeError> decompress(Compression method, std::string_view packed, std::size_t limit) {
  switch (method) {
    case Compression::kBz2:
      return unbz2_all(packed, limit);
    case Compression::kGzip:
    case Compression::kZlib:
      return inflate_all(method, packed, limit);
    case Compression::kLzma:
      return unlzma_all(packed, limit);
    case Compression::kSnappy:
      break;
  }
  return unsnappy_all(packed, limit);
}

CompressionGuess guess_compression(std::string_view body) {
  using namespace std::string_view_literals;
  CompressionGuess guess;
  const auto add = [&guess](Compression method) { guess.methods[guess.count++] = method; };
  if (body.starts_with("\x78"sv)) {
    add(Compression::kZlib);
  } else if (body.starts_with("\x1F\x8B"sv)) {
    add(Compression::kGzip);
  } else if (body.starts_with("BZh"sv)) {
    add(Compression::kBz2);
  } else if (body.starts_with("\xFD\x37\x7A\x58\x5A\x00"sv)) {
    add(Compression::kLzma);
  }
  add(Compression::kSnappy);
  return guess;
}

}  // namespace meshdict
