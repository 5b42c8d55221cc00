#include "core/encoding/msgpack.h"

#include <bit>
#include <cassert>
#include <limits>
#include <msgpack/null_visitor.hpp>
#include <msgpack/pack.hpp>
#include <msgpack/parse.hpp>
#include <msgpack/unpack.hpp>

#include "core/limits.h"

namespace meshdict {
namespace {

enum class Kind : std::uint8_t { kNothing, kInteger, kNegative, kNil, kBoolean, kReal, kStr, kBin, kExt, kArray, kMap };

/// The first bytes of a value.
struct Head {
  Kind kind = Kind::kNothing;
  /// Of the head; with the whole value for scalars.
  std::uint8_t size = 0;
  /// An integer's value (two's complement), a length or a count.
  std::uint64_t number = 0;
};

std::uint64_t big_endian(const char* from, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i)
    value = (value << 8) | static_cast<unsigned char>(from[i]);
  return value;
}

std::uint64_t sign_extended(std::uint64_t value, std::size_t size) {
  const auto unused = static_cast<int>(64 - 8 * size);
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(value << unused) >> unused);
}

/// How the types from 0xC0 to 0xDF are laid out: a number of `width` bytes, and `extra` bytes of an ext's type.
struct Layout {
  Kind kind;
  std::uint8_t width;
  bool is_signed = false;
  std::uint8_t extra = 0;
  /// Length that the type byte itself gives.
  std::uint8_t fixed = 0;
};
constexpr Layout kLayouts[] = {
    {Kind::kNil, 0},
    {Kind::kNothing, 0},
    {Kind::kBoolean, 0},
    {Kind::kBoolean, 0},
    {Kind::kBin, 1},
    {Kind::kBin, 2},
    {Kind::kBin, 4},
    {Kind::kExt, 1, false, 1},
    {Kind::kExt, 2, false, 1},
    {Kind::kExt, 4, false, 1},
    {Kind::kReal, 4},
    {Kind::kReal, 8},
    {Kind::kInteger, 1},
    {Kind::kInteger, 2},
    {Kind::kInteger, 4},
    {Kind::kInteger, 8},
    {Kind::kInteger, 1, true},
    {Kind::kInteger, 2, true},
    {Kind::kInteger, 4, true},
    {Kind::kInteger, 8, true},
    {Kind::kExt, 0, false, 1, 1},
    {Kind::kExt, 0, false, 1, 2},
    {Kind::kExt, 0, false, 1, 4},
    {Kind::kExt, 0, false, 1, 8},
    {Kind::kExt, 0, false, 1, 16},
    {Kind::kStr, 1},
    {Kind::kStr, 2},
    {Kind::kStr, 4},
    {Kind::kArray, 2},
    {Kind::kArray, 4},
    {Kind::kMap, 2},
    {Kind::kMap, 4},
};
static_assert(std::size(kLayouts) == 32);

/// kNothing when `bytes` ends within the head or starts with 0xC1, which no value does.
Head read_head(std::string_view bytes) {
  if (bytes.empty()) return {};
  const auto type = static_cast<std::uint8_t>(bytes.front());
  if (type < 0x80) return {Kind::kInteger, 1, type};
  if (type < 0x90) return {Kind::kMap, 1, type & 0x0FU};
  if (type < 0xA0) return {Kind::kArray, 1, type & 0x0FU};
  if (type < 0xC0) return {Kind::kStr, 1, type & 0x1FU};
  if (type >= 0xE0) return {Kind::kNegative, 1, sign_extended(type, 1)};
  const Layout layout = kLayouts[type - 0xC0];
  const auto size = static_cast<std::uint8_t>(1 + layout.width + layout.extra);
  if (bytes.size() < size) return {};
  const std::uint64_t number = layout.fixed != 0 ? layout.fixed : big_endian(bytes.data() + 1, layout.width);
  if (!layout.is_signed) return {layout.kind, size, number};
  const std::uint64_t extended = sign_extended(number, layout.width);
  return {static_cast<std::int64_t>(extended) < 0 ? Kind::kNegative : Kind::kInteger, size, extended};
}

/// What the head says, for error texts.
std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::kNothing:
      return "a damaged value";
    case Kind::kInteger:
      return "an integer";
    case Kind::kNegative:
      return "a negative integer";
    case Kind::kNil:
      return "nil";
    case Kind::kBoolean:
      return "a boolean";
    case Kind::kReal:
      return "a float";
    case Kind::kStr:
      return "a string";
    case Kind::kBin:
      return "bytes";
    case Kind::kExt:
      return "an extension";
    case Kind::kArray:
      return "an array";
    case Kind::kMap:
      return "a map";
  }
  return "a value";
}

DecodeError not_expected(std::string_view wanted, std::string_view rest, Kind found, std::size_t at) {
  std::string what = "expected ";
  what += wanted;
  what += ", found ";
  what += rest.empty() ? "the end" : name_of(found);
  return {std::move(what), at};
}

DecodeError cut_off(Kind kind, std::size_t at) {
  return {std::string(name_of(kind)) + " is longer than the bytes that are left", at};
}

/// Bounds the nesting; everything else is msgpack-c's to check.
struct DepthVisitor : msgpack::null_visitor {
  std::size_t depth = 0;
  bool too_deep = false;

  bool enter() {
    too_deep = ++depth > limits::kMaxDepth;
    return !too_deep;
  }
  bool leave() {
    --depth;
    return true;
  }
  bool start_array(std::uint32_t /*size*/) { return enter(); }
  bool end_array() { return leave(); }
  bool start_map(std::uint32_t /*size*/) { return enter(); }
  bool end_map() { return leave(); }
};

/// The stream of a msgpack::packer.
struct Appender {
  std::string& out;
  void write(const char* data, std::size_t size) { out.append(data, size); }
};
using Packer = msgpack::packer<Appender>;

std::uint32_t checked_size(std::string_view bytes) {
  assert(bytes.size() <= std::numeric_limits<std::uint32_t>::max());
  return static_cast<std::uint32_t>(bytes.size());
}

}  // namespace

std::expected<std::uint32_t, DecodeError> MsgpackCursor::array_size() {
  const Head head = read_head(rest());
  if (head.kind != Kind::kArray) return std::unexpected(not_expected("an array", rest(), head.kind, position_));
  position_ += head.size;
  return static_cast<std::uint32_t>(head.number);
}

std::expected<std::uint32_t, DecodeError> MsgpackCursor::map_size() {
  const Head head = read_head(rest());
  if (head.kind != Kind::kMap) return std::unexpected(not_expected("a map", rest(), head.kind, position_));
  position_ += head.size;
  return static_cast<std::uint32_t>(head.number);
}

std::expected<std::uint64_t, DecodeError> MsgpackCursor::unsigned_integer() {
  const Head head = read_head(rest());
  if (head.kind != Kind::kInteger) {
    return std::unexpected(not_expected("an unsigned integer", rest(), head.kind, position_));
  }
  position_ += head.size;
  return head.number;
}

std::expected<std::int64_t, DecodeError> MsgpackCursor::signed_integer() {
  const Head head = read_head(rest());
  if (head.kind != Kind::kInteger && head.kind != Kind::kNegative) {
    return std::unexpected(not_expected("an integer", rest(), head.kind, position_));
  }
  if (head.kind == Kind::kInteger && head.number > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
    return std::unexpected(DecodeError{"integer of more than 63 bits", position_});
  }
  position_ += head.size;
  return static_cast<std::int64_t>(head.number);
}

std::expected<std::string_view, DecodeError> MsgpackCursor::bytes_of(Bytes wanted) {
  const bool take_bin = wanted != Bytes::kStr;
  const bool take_str = wanted != Bytes::kBin;
  const Head head = read_head(rest());
  const bool fits = (head.kind == Kind::kBin && take_bin) || (head.kind == Kind::kStr && take_str);
  if (!fits) {
    const std::string_view name = take_bin && take_str ? "bytes or a string" : take_bin ? "bytes" : "a string";
    return std::unexpected(not_expected(name, rest(), head.kind, position_));
  }
  const std::string_view body = rest().substr(head.size);
  if (head.number > body.size()) return std::unexpected(cut_off(head.kind, position_));
  position_ += head.size + head.number;
  return body.substr(0, head.number);
}

std::expected<std::string_view, DecodeError> MsgpackCursor::bin() {
  return bytes_of(Bytes::kBin);
}
std::expected<std::string_view, DecodeError> MsgpackCursor::str() {
  return bytes_of(Bytes::kStr);
}
std::expected<std::string_view, DecodeError> MsgpackCursor::bin_or_str() {
  return bytes_of(Bytes::kEither);
}

bool MsgpackCursor::skip_nil() {
  const bool is_nil = !at_end() && bytes_[position_] == '\xC0';
  if (is_nil) ++position_;
  return is_nil;
}

std::expected<RawView, DecodeError> MsgpackCursor::value() {
  const std::string_view from_here = rest();
  const Head head = read_head(from_here);
  std::size_t size = head.size;
  switch (head.kind) {
    case Kind::kNothing:
      return std::unexpected(not_expected("a value", from_here, head.kind, position_));
    case Kind::kStr:
    case Kind::kBin:
    case Kind::kExt:
      if (head.number > from_here.size() - head.size) return std::unexpected(cut_off(head.kind, position_));
      size += head.number;
      break;
    case Kind::kArray:
    case Kind::kMap: {
      if (head.number == 0) break;
      DepthVisitor visitor;
      std::size_t end = 0;
      if (!msgpack::parse(from_here.data(), from_here.size(), end, visitor)) {
        if (!visitor.too_deep) return std::unexpected(DecodeError{"damaged or incomplete value", position_ + end});
        return std::unexpected(
            DecodeError{"value nested deeper than " + std::to_string(limits::kMaxDepth), position_ + end});
      }
      size = end;
      break;
    }
    case Kind::kInteger:
    case Kind::kNegative:
    case Kind::kNil:
    case Kind::kBoolean:
    case Kind::kReal:
      break;
  }
  position_ += size;
  return from_here.substr(0, size);
}

MsgpackWriter& MsgpackWriter::array(std::uint32_t size) {
  Appender stream{out_};
  Packer(stream).pack_array(size);
  return *this;
}

MsgpackWriter& MsgpackWriter::map(std::uint32_t size) {
  Appender stream{out_};
  Packer(stream).pack_map(size);
  return *this;
}

MsgpackWriter& MsgpackWriter::integer(std::uint64_t value) {
  Appender stream{out_};
  Packer(stream).pack_uint64(value);
  return *this;
}

MsgpackWriter& MsgpackWriter::integer(std::int64_t value) {
  Appender stream{out_};
  Packer(stream).pack_int64(value);
  return *this;
}

MsgpackWriter& MsgpackWriter::bin(std::string_view bytes) {
  Appender stream{out_};
  Packer(stream).pack_bin(checked_size(bytes));
  out_ += bytes;
  return *this;
}

MsgpackWriter& MsgpackWriter::str(std::string_view text) {
  Appender stream{out_};
  Packer(stream).pack_str(checked_size(text));
  out_ += text;
  return *this;
}

MsgpackWriter& MsgpackWriter::nil() {
  Appender stream{out_};
  Packer(stream).pack_nil();
  return *this;
}

MsgpackWriter& MsgpackWriter::boolean(bool value) {
  Appender stream{out_};
  value ? Packer(stream).pack_true() : Packer(stream).pack_false();
  return *this;
}

MsgpackWriter& MsgpackWriter::real(double value) {
  // Not msgpack-c's: its pack_double turns 1.0 into the integer 1.
  const auto bits = std::bit_cast<std::uint64_t>(value);
  out_.push_back('\xCB');
  for (int shift = 56; shift >= 0; shift -= 8)
    out_.push_back(static_cast<char>(bits >> shift));
  return *this;
}

MsgpackWriter& MsgpackWriter::raw(RawView value) {
  out_ += value;
  return *this;
}

}  // namespace meshdict
