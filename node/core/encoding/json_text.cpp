#include "core/encoding/json_text.h"

#include <nettle/base64.h>

#include <msgpack/null_visitor.hpp>
#include <msgpack/unpack.hpp>
#include <nlohmann/json.hpp>

#include "core/limits.h"

namespace meshdict {
namespace {

enum class Shape : std::uint8_t { kArray, kMap, kSigned, kUnsigned, kOther };

/// By the first byte of a value.
Shape shape_of(unsigned char type) {
  if (type < 0x80 || (type >= 0xCC && type <= 0xCF)) return Shape::kUnsigned;
  if (type >= 0xE0 || (type >= 0xD0 && type <= 0xD3)) return Shape::kSigned;
  if (type < 0x90 || type == 0xDE || type == 0xDF) return Shape::kMap;
  if (type < 0xA0 || type == 0xDC || type == 0xDD) return Shape::kArray;
  return Shape::kOther;
}

std::string base64(std::string_view bytes) {
  std::string out;
  out.resize(BASE64_ENCODE_RAW_LENGTH(bytes.size()));
  base64_encode_raw(out.data(), bytes.size(), reinterpret_cast<const std::uint8_t*>(bytes.data()));
  return out;
}

std::string in_json(const nlohmann::json& scalar) {
  return scalar.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// Of what is neither container nor integer.
struct ScalarVisitor : msgpack::null_visitor {
  std::string json = "null";

  bool put(std::string text) {
    json = std::move(text);
    return true;
  }
  bool visit_boolean(bool value) { return put(value ? "true" : "false"); }
  bool visit_float32(float value) { return visit_float64(static_cast<double>(value)); }
  bool visit_float64(double value) { return put(in_json(value)); }
  bool visit_str(const char* data, std::uint32_t size) { return put(in_json(std::string(data, size))); }
  bool visit_bin(const char* data, std::uint32_t size) { return put(in_json(base64({data, size}))); }
};

std::string scalar_json(RawView scalar) {
  MsgpackCursor cursor(scalar);
  switch (shape_of(static_cast<unsigned char>(scalar.front()))) {
    case Shape::kUnsigned:
      return std::to_string(cursor.unsigned_integer().value_or(0));
    case Shape::kSigned:
      return std::to_string(cursor.signed_integer().value_or(0));
    default:
      break;
  }
  ScalarVisitor visitor;
  std::size_t end = 0;
  msgpack::parse(scalar.data(), scalar.size(), end, visitor);
  return std::move(visitor.json);
}

}  // namespace

JsonText::State JsonText::append(RawView value, std::size_t bytes, std::string& out) {
  const std::size_t stop = position_ + bytes;
  State state = State::kMore;
  while (state == State::kMore && position_ < stop)
    state = take_one(value, out);
  return state;
}

JsonText::State JsonText::take_one(RawView value, std::string& out) {
  bool is_key = false;
  bool is_hidden = false;
  if (!levels_.empty()) {
    Level& in = levels_.back();
    is_key = in.is_map && in.left % 2 == 0;
    is_hidden = in.is_hidden;
    if (!is_hidden && in.is_map && !is_key) out += ':';
    if (!is_hidden && !in.is_empty && (is_key || !in.is_map)) out += ',';
    in.is_empty = false;
    --in.left;
  }
  MsgpackCursor cursor(value.substr(position_));
  if (cursor.at_end()) return State::kDamaged;
  const Shape shape = shape_of(static_cast<unsigned char>(cursor.rest().front()));
  if (shape == Shape::kArray || shape == Shape::kMap) {
    if (const State opened = open(cursor, is_key, out); opened != State::kMore) return opened;
  } else {
    const auto scalar = cursor.value();
    if (!scalar) return State::kDamaged;
    if (!is_hidden) {
      const std::string json = scalar_json(*scalar);
      out += is_key && !json.starts_with('"') ? '"' + json + '"' : json;
    }
  }
  position_ += cursor.position();
  while (!levels_.empty() && levels_.back().left == 0)
    close(out);
  return levels_.empty() ? State::kDone : State::kMore;
}

JsonText::State JsonText::open(MsgpackCursor& from, bool is_key, std::string& out) {
  if (levels_.size() == limits::kMaxDepth) return State::kDamaged;
  const bool is_map = shape_of(static_cast<unsigned char>(from.rest().front())) == Shape::kMap;
  const auto size = is_map ? from.map_size() : from.array_size();
  if (!size) return State::kDamaged;
  const bool was_hidden = !levels_.empty() && levels_.back().is_hidden;
  if (is_key && !was_hidden) out += "\"?\"";
  levels_.push_back(
      {.left = std::uint64_t{*size} * (is_map ? 2 : 1), .is_map = is_map, .is_hidden = was_hidden || is_key});
  if (!levels_.back().is_hidden) out += is_map ? '{' : '[';
  return State::kMore;
}

void JsonText::close(std::string& out) {
  const Level& over = levels_.back();
  if (!over.is_hidden) out += over.is_map ? '}' : ']';
  levels_.pop_back();
}

}  // namespace meshdict
