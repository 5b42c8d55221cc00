#include "core/encoding/value.h"

#include <nettle/base64.h>

#include <cstddef>
#include <cstdint>
#include <msgpack/null_visitor.hpp>
#include <msgpack/unpack.hpp>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

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

std::string base64(std::string_view bytes) {
  std::string out;
  out.resize(BASE64_ENCODE_RAW_LENGTH(bytes.size()));
  base64_encode_raw(out.data(), bytes.size(), reinterpret_cast<const std::uint8_t*>(bytes.data()));
  return out;
}

/// One scalar as JSON; bytes that are not UTF-8 become U+FFFD.
std::string scalar_json(const nlohmann::json& scalar) {
  return scalar.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// Writes JSON while a value is walked. A key that is no string, as Python writes them too, is shown as the text
/// of its JSON; a nested one as "?", since quoting a quoted text over and over doubles it every time.
class JsonVisitor : public msgpack::null_visitor {
 public:
  std::string text;
  bool too_deep = false;

  bool visit_nil() { return put("null"); }
  bool visit_boolean(bool value) { return put(value ? "true" : "false"); }
  bool visit_positive_integer(std::uint64_t value) { return put(std::to_string(value)); }
  bool visit_negative_integer(std::int64_t value) { return put(std::to_string(value)); }
  bool visit_float32(float value) { return visit_float64(static_cast<double>(value)); }
  bool visit_float64(double value) { return put(scalar_json(value)); }
  bool visit_str(const char* data, std::uint32_t size) { return put(scalar_json(std::string(data, size))); }
  bool visit_bin(const char* data, std::uint32_t size) { return put(scalar_json(base64({data, size}))); }
  bool visit_ext(const char* /*data*/, std::uint32_t /*size*/) { return put("null"); }
  bool start_array(std::uint32_t /*size*/) { return open('['); }
  bool start_array_item() { return separate('['); }
  bool end_array() { return close(']'); }
  bool start_map(std::uint32_t /*size*/) { return open('{'); }
  bool start_map_key() {
    separate('{');
    key_depth_.push_back(depth_);
    return true;
  }
  bool end_map_key() {
    key_depth_.pop_back();
    return true;
  }
  bool start_map_value() {
    if (nested_in_key_ == 0) text += ':';
    return true;
  }
  bool end_map() { return close('}'); }

 private:
  [[nodiscard]] bool is_key() const { return !key_depth_.empty() && key_depth_.back() == depth_; }

  bool put(const std::string& json) {
    if (nested_in_key_ != 0) return true;
    text += is_key() && !json.starts_with('"') ? '"' + json + '"' : json;
    return true;
  }
  bool separate(char opening) {
    if (nested_in_key_ == 0 && text.back() != opening) text += ',';
    return true;
  }
  bool open(char bracket) {
    const bool starts_key = is_key();
    if (starts_key && nested_in_key_ == 0) text += "\"?\"";
    too_deep = ++depth_ > limits::kMaxDepth;
    if (starts_key || nested_in_key_ != 0) {
      ++nested_in_key_;
    } else {
      text += bracket;
    }
    return !too_deep;
  }
  bool close(char bracket) {
    --depth_;
    if (nested_in_key_ != 0) {
      --nested_in_key_;
    } else {
      text += bracket;
    }
    return true;
  }

  std::size_t depth_ = 0;
  std::size_t nested_in_key_ = 0;       ///< containers open since a key that is one began
  std::vector<std::size_t> key_depth_;  ///< for each key that is being read, the depth that it stands at
};

std::string to_json(RawView value) {
  JsonVisitor visitor;
  std::size_t end = 0;
  if (!msgpack::parse(value.data(), value.size(), end, visitor)) return "null";
  return std::move(visitor.text);
}

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
  return to_json(value);
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
