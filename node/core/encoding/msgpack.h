#pragma once
// Reading and writing MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md).
//
// Values stay encoded: the core hashes, stores and relays the bytes as they came. `Raw` marks such bytes. Writing, and
// walking nested values, is done by msgpack-c; only the heads of messages are read by hand, because msgpack-c does not
// tell where an element ends.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace meshdict {

/// The bytes of one complete MessagePack value. A view: it lives as long as what it points into.
using RawView = std::string_view;
/// The same, owned.
using Raw = std::string;

/// Why bytes from elsewhere were not taken. `at` counts bytes from the start of what was decoded.
struct DecodeError {
  std::string what;
  std::size_t at = 0;
};

/// Reads one value after the other from untrusted bytes. Never reads beyond them, never recurses, checks each length
/// before it is used. Each reader leaves the position unchanged when it fails.
class MsgpackCursor {
 public:
  explicit MsgpackCursor(std::string_view bytes) : bytes_(bytes) {}

  [[nodiscard]] bool at_end() const { return position_ == bytes_.size(); }
  [[nodiscard]] std::size_t position() const { return position_; }
  [[nodiscard]] std::string_view rest() const { return bytes_.substr(position_); }

  std::expected<std::uint32_t, DecodeError> array_size();
  std::expected<std::uint32_t, DecodeError> map_size();
  /// Any integer form, shortest or not.
  std::expected<std::uint64_t, DecodeError> unsigned_integer();
  std::expected<std::int64_t, DecodeError> signed_integer();
  std::expected<std::string_view, DecodeError> bin();
  std::expected<std::string_view, DecodeError> str();
  std::expected<std::string_view, DecodeError> bin_or_str();
  bool skip_nil();

  /// The next value as raw bytes, whatever its type; nested at most limits::kMaxDepth.
  std::expected<RawView, DecodeError> value();

 private:
  enum class Bytes : std::uint8_t { kBin, kStr, kEither };
  std::expected<std::string_view, DecodeError> bytes_of(Bytes wanted);

  std::string_view bytes_;
  std::size_t position_ = 0;
};

/// Appends to a string; integers in their shortest form, floats in eight bytes, as py2p writes them.
class MsgpackWriter {
 public:
  explicit MsgpackWriter(std::string& out) : out_(out) {}

  MsgpackWriter& array(std::uint32_t size);
  MsgpackWriter& map(std::uint32_t size);
  MsgpackWriter& integer(std::uint64_t value);
  MsgpackWriter& integer(std::int64_t value);
  MsgpackWriter& bin(std::string_view bytes);
  MsgpackWriter& str(std::string_view text);
  MsgpackWriter& nil();
  MsgpackWriter& boolean(bool value);
  MsgpackWriter& real(double value);
  MsgpackWriter& raw(RawView value);

 private:
  std::string& out_;
};

}  // namespace meshdict
