#include "core/encoding/value.h"

#include <cstddef>
#include <cstdint>
#include <msgpack/null_visitor.hpp>
#include <msgpack/unpack.hpp>

#include "core/encoding/json_text.h"
#include "core/limits.h"

namespace meshdict {
namespace {

/// Length of the well-formed UTF-8 character at the front of `text` (Unicode 15, table 3-7), or 0.
std::size_t utf8_character(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto within = [](unsigned char c, unsigned char low, unsigned char high) { return c >= low && c <= high; };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  if (!within(first, 0xC2, 0xF4)) return 0;
  const std::size_t size = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (text.size() < size) return 0;
  // The second byte's range excludes overlong forms, surrogates, and what is beyond U+10FFFF.
  const unsigned char low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  const unsigned char high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  if (!within(byte(1), low, high)) return 0;
  for (std::size_t i = 2; i < size; ++i) {
    if (!within(byte(i), 0x80, 0xBF)) return 0;
  }
  return size;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = utf8_character(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

/// Refuses what no writer may store.
struct CheckVisitor : msgpack::null_visitor {
  std::size_t depth = 0;
  const char* refused = nullptr;

  bool refuse(const char* why) {
    refused = why;
    return false;
  }
  bool enter() { return ++depth <= limits::kMaxDepth ? true : refuse("nested too deeply"); }
  bool leave() {
    --depth;
    return true;
  }
  bool visit_str(const char* data, std::uint32_t size) {
    return is_utf8({data, size}) ? true : refuse("a string is not UTF-8");
  }
  bool visit_ext(const char* /*data*/, std::uint32_t /*size*/) { return refuse("an extension type"); }
  bool start_array(std::uint32_t /*size*/) { return enter(); }
  bool end_array() { return leave(); }
  bool start_map(std::uint32_t /*size*/) { return enter(); }
  bool end_map() { return leave(); }
};

}  // namespace

Raw bytes_value(std::string_view bytes) {
  Raw out;
  out.reserve(bytes.size() + 5);
  MsgpackWriter(out).bin(bytes);
  return out;
}

Raw text_value(std::string_view text) {
  Raw out;
  out.reserve(text.size() + 5);
  MsgpackWriter(out).str(text);
  return out;
}

std::expected<void, std::string> check_value(RawView value) {
  if (value.size() > limits::kMaxValue) {
    return std::unexpected("value of " + std::to_string(value.size()) + " bytes, more than " +
                           std::to_string(limits::kMaxValue));
  }
  if (is_bytes(value)) {
    MsgpackCursor cursor(value);
    if (!cursor.bin() || !cursor.at_end()) return std::unexpected("not one complete MessagePack value");
    return {};
  }
  CheckVisitor visitor;
  std::size_t end = 0;
  if (!msgpack::parse(value.data(), value.size(), end, visitor) || end != value.size()) {
    return std::unexpected(visitor.refused != nullptr ? visitor.refused : "not one complete MessagePack value");
  }
  return {};
}

bool is_bytes(RawView value) {
  return !value.empty() && value[0] >= '\xC4' && value[0] <= '\xC6';
}

std::string client_text(RawView value) {
  if (const auto bytes = MsgpackCursor(value).bin_or_str()) return std::string(*bytes);
  JsonText json;
  std::string text;
  const auto state = json.append(value, value.size(), text);
  return state == JsonText::State::kDone ? text : "null";
}

bool is_empty_bytes(RawView value) {
  const auto bytes = MsgpackCursor(value).bin();
  return bytes && bytes->empty();
}

bool deletes_at_py2p(RawView value) {
  const auto text = MsgpackCursor(value).bin_or_str();
  return text && text->empty();
}

}  // namespace meshdict
