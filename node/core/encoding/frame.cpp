#include "core/encoding/frame.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

#include "core/base/sha256.h"
#include "core/limits.h"

namespace meshdict {
namespace {

/// A buffer that held a frame above this is given back, so that an idle connection holds little.
constexpr std::size_t kKeepCapacity = 16'384;

std::uint32_t read_size(std::string_view header) {
  std::uint32_t size = 0;
  for (std::size_t i = 0; i < kFrameHeader; ++i)
    size = (size << 8) | static_cast<unsigned char>(header[i]);
  return size;
}

void append_size(std::string& out, std::size_t size) {
  for (int shift = 24; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(size >> shift));
}

DecodeError short_body(std::size_t size) {
  return {"body of " + std::to_string(size) + " bytes, less than " + std::to_string(kMinBody), 0};
}

}  // namespace

void FrameDecoder::feed(std::string_view bytes) {
  if (failure_) return;
  assert(fresh_.empty());
  fresh_ = bytes;
}

bool FrameDecoder::keep_up_to(std::size_t size) {
  const std::size_t taken = std::min(size - kept_.size(), fresh_.size());
  kept_ += fresh_.substr(0, taken);
  fresh_.remove_prefix(taken);
  return kept_.size() == size;
}

std::expected<std::size_t, DecodeError> FrameDecoder::body_size(std::string_view header) {
  const std::size_t size = read_size(header);
  if (size != 0 && size <= max_frame_) return size;
  failure_ = size == 0 ? DecodeError{"frame of no bytes", 0}
                       : DecodeError{
                             "frame of " + std::to_string(size) + " bytes, more than " + std::to_string(max_frame_), 0};
  fresh_ = {};
  return std::unexpected(*failure_);
}

std::expected<std::optional<std::string_view>, DecodeError> FrameDecoder::next() {
  if (failure_) return std::unexpected(*failure_);
  if (kept_consumed_) {
    if (kept_.capacity() > kKeepCapacity) kept_ = {};
    kept_.clear();
    kept_consumed_ = false;
  }
  if (kept_.empty() && fresh_.size() >= kFrameHeader) {
    const auto size = body_size(fresh_);
    if (!size) return std::unexpected(size.error());
    if (fresh_.size() - kFrameHeader >= *size) {
      const std::string_view body = fresh_.substr(kFrameHeader, *size);
      fresh_.remove_prefix(kFrameHeader + *size);
      return body;
    }
  }
  if (kept_.size() < kFrameHeader && !keep_up_to(kFrameHeader)) return std::nullopt;
  const std::size_t known = read_size(kept_);
  if (kept_.size() == kFrameHeader) {
    if (const auto size = body_size(kept_); !size) return std::unexpected(size.error());
  }
  if (!keep_up_to(kFrameHeader + known)) return std::nullopt;
  kept_consumed_ = true;
  return std::string_view(kept_).substr(kFrameHeader);
}

std::expected<PlainBody, DecodeError> split_body(std::string_view body) {
  if (body.size() < kMinBody) return std::unexpected(short_body(body.size()));
  PlainBody plain;
  std::memcpy(plain.id.bytes.data(), body.data(), kHashSize);
  plain.message = body.substr(kHashSize);
  return plain;
}

bool hash_matches(const PlainBody& body) {
  return sha256(body.message) == body.id;
}

std::expected<OpenedBody, DecodeError> open_body(std::string_view body, std::span<const Compression> taken) {
  auto plain = split_body(body);
  if (!plain) return std::unexpected(std::move(plain.error()));
  if (hash_matches(*plain)) return OpenedBody{*plain, {}, std::nullopt};
  return open_compressed(body, taken);
}

std::expected<OpenedBody, DecodeError> open_compressed(std::string_view body, std::span<const Compression> taken) {
  // The error of the method that the magic names, if there is one: snappy's says little, as anything may be snappy.
  DecodeError error{"hash does not match", 0};
  const CompressionGuess guess = guess_compression(body);
  for (std::size_t i = 0; i < guess.count; ++i) {
    const Compression method = guess.methods[i];
    if (std::ranges::find(taken, method) == taken.end()) {
      if (method != Compression::kSnappy) error.what += " as it is; not a compression that was offered";
      continue;
    }
    auto inflated = decompress(method, body, limits::kMaxInflated);
    if (!inflated) {
      if (method != Compression::kSnappy) error.what += " as it is; " + inflated.error().what;
      continue;
    }
    OpenedBody opened{{}, std::move(*inflated), method};
    auto inner = split_body(opened.inflated);
    if (!inner || !hash_matches(*inner)) continue;
    opened.plain = *inner;
    return opened;
  }
  return std::unexpected(std::move(error));
}

std::expected<Frame, FrameTooLarge> make_frame(std::string_view message) {
  // Before its hash is taken.
  if (const std::size_t size = kHashSize + message.size(); size > limits::kMaxFrame) {
    return std::unexpected(FrameTooLarge{size});
  }
  return reframe({.id = sha256(message), .message = message});
}

std::expected<Frame, FrameTooLarge> reframe(const PlainBody& body) {
  const std::size_t size = kHashSize + body.message.size();
  if (size > limits::kMaxFrame) return std::unexpected(FrameTooLarge{size});
  Frame frame;
  frame.id = body.id;
  auto bytes = std::make_shared<std::string>();
  bytes->reserve(kFrameHeader + size);
  append_size(*bytes, size);
  *bytes += body.id.view();
  *bytes += body.message;
  frame.plain_size = static_cast<std::uint32_t>(bytes->size());
  frame.bytes = std::move(bytes);
  return frame;
}

Frame keep_compressed(const Frame& plain, std::string_view body) {
  auto bytes = std::make_shared<std::string>();
  bytes->reserve(kFrameHeader + body.size());
  append_size(*bytes, body.size());
  *bytes += body;
  Frame frame = plain;
  frame.bytes = std::move(bytes);
  return frame;
}

Frame compress_frame(const Frame& plain, Compression method) {
  const std::string packed = compress(method, std::string_view(*plain.bytes).substr(kFrameHeader));
  if (kFrameHeader + packed.size() >= plain.bytes->size()) return plain;
  return keep_compressed(plain, packed);
}

}  // namespace meshdict
