#pragma once
// Frames of py2p 0.6: size (4 bytes, big-endian) | body; body, once decompressed: SHA-256(S) | S.

#include <cstddef>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/ids.h"
#include "core/encoding/compression.h"
#include "core/encoding/msgpack.h"
#include "core/env/transport.h"

namespace meshdict {

/// Cuts a byte stream into frame bodies. Holds at most one incomplete frame; a size header of zero or beyond the limit
/// is an error before a single byte of the body is kept. After an error further bytes are dropped, and next() repeats
/// it.
class FrameDecoder {
 public:
  /// `max_frame` bounds the body, as the size header announces it.
  explicit FrameDecoder(std::size_t max_frame) : max_frame_(max_frame) {}

  /// For the larger limit, once the peer has shown a good handshake.
  void set_max_frame(std::size_t max_frame) { max_frame_ = max_frame; }

  /// Takes the next bytes of the stream. Afterwards call next() until it gives nothing.
  /// REQUIRES: next() has given nothing since the last feed. `bytes` stays valid until then: whole frames are read in
  /// place and only an incomplete rest is copied.
  void feed(std::string_view bytes);

  /// The next whole body, valid until the next call of a non-const member; nothing when more bytes are needed.
  std::expected<std::optional<std::string_view>, DecodeError> next();

  [[nodiscard]] std::size_t buffered() const { return kept_.size(); }

 private:
  /// Moves up to `size` bytes of fresh_ behind kept_, so that kept_ holds `size` at the most. True when it does.
  bool keep_up_to(std::size_t size);
  /// The size of the body that `header` announces.
  std::expected<std::size_t, DecodeError> body_size(std::string_view header);

  std::size_t max_frame_;
  // An incomplete frame, with its header.
  std::string kept_;
  // What feed() brought and next() has not consumed.
  std::string_view fresh_;
  bool kept_consumed_ = false;
  std::optional<DecodeError> failure_;
};

/// The two parts of a body. Views into the body.
struct PlainBody {
  MessageId id;
  /// S, with the stamp behind its array.
  std::string_view message;
};

/// Splits an uncompressed body without checking its hash: enough to recognise a duplicate. Error when shorter than 33
/// bytes.
std::expected<PlainBody, DecodeError> split_body(std::string_view body);

/// True when the hash fits the message.
bool hash_matches(const PlainBody& body);

/// A body as it came, opened: uncompressed when it was compressed, and its hash checked. May be moved, not copied:
/// `plain` would point into the original.
struct OpenedBody {
  PlainBody plain;
  /// Holds the decompressed bytes that `plain` points into; empty when the body came plain.
  std::string inflated;
  std::optional<Compression> method;
};

/// Finds out whether and how `body` is compressed: plain first, then by magic, of the methods in `taken`; the hash
/// decides. Nothing is decompressed by a method that is not among them.
std::expected<OpenedBody, DecodeError> open_body(std::string_view body, std::span<const Compression> taken);

/// The same of a body that is not plain.
std::expected<OpenedBody, DecodeError> open_compressed(std::string_view body, std::span<const Compression> taken);

/// Bytes of size in front of a body.
inline constexpr std::size_t kFrameHeader = 4;
/// Bytes of hash in front of S.
inline constexpr std::size_t kHashSize = 32;
/// The smallest body: a hash and the one byte of an empty array.
inline constexpr std::size_t kMinBody = kHashSize + 1;

/// A message that no frame can carry. What a message holds may have come from outside, so that this is an outcome, not a broken
/// invariant.
struct FrameTooLarge {
  /// Size of the body, in bytes.
  std::size_t size = 0;
};

/// Builds the uncompressed frame of message S.
std::expected<Frame, FrameTooLarge> make_frame(std::string_view message);

/// The uncompressed frame of a message whose hash is known: what a relay sends on.
std::expected<Frame, FrameTooLarge> reframe(const PlainBody& body);

/// The frame of a body that came compressed, as it came. `plain`: the same message's uncompressed frame.
Frame keep_compressed(const Frame& plain, std::string_view body);

/// The same frame compressed; `plain_size` and id stay. The plain one again when compression gains nothing.
Frame compress_frame(const Frame& plain, Compression method);

}  // namespace meshdict
