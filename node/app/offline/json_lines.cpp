#include "app/offline/json_lines.h"

#include <fmt/format.h>
#include <nettle/base64.h>

#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "app/log/log.h"
#include "core/encoding/json_text.h"
#include "core/encoding/value.h"
#include "core/limits.h"

namespace meshdict {
namespace {

/// Keeps the order of names.
using Json = nlohmann::ordered_json;
using Error = std::unexpected<std::string>;

constexpr std::string_view kBase64 = "_base64";

bool is_utf8(std::string_view bytes) {
  return check_value(text_value(bytes)).has_value();
}

std::optional<std::string> from_base64(std::string_view text) {
  base64_decode_ctx context{};
  base64_decode_init(&context);
  std::string bytes(BASE64_DECODE_LENGTH(text.size()), '\0');
  std::size_t size = bytes.size();
  const bool good = base64_decode_update(&context, &size, reinterpret_cast<std::uint8_t*>(bytes.data()), text.size(),
                                         text.data()) == 1 &&
                    base64_decode_final(&context) == 1;
  if (!good) return std::nullopt;
  bytes.resize(size);
  return bytes;
}

/// False for what is nested too deep.
bool write(const Json& json, std::size_t depth, MsgpackWriter& out) {
  if (depth > limits::kMaxDepth) return false;
  switch (json.type()) {
    case Json::value_t::null:
      out.nil();
      return true;
    case Json::value_t::boolean:
      out.boolean(json.get<bool>());
      return true;
    case Json::value_t::number_integer:
      out.integer(json.get<std::int64_t>());
      return true;
    case Json::value_t::number_unsigned:
      out.integer(json.get<std::uint64_t>());
      return true;
    case Json::value_t::number_float:
      out.real(json.get<double>());
      return true;
    case Json::value_t::string:
      out.str(json.get_ref<const std::string&>());
      return true;
    case Json::value_t::array:
      out.array(static_cast<std::uint32_t>(json.size()));
      break;
    case Json::value_t::object:
      out.map(static_cast<std::uint32_t>(json.size()));
      break;
    case Json::value_t::binary:
    case Json::value_t::discarded:
      return false;
  }
  for (const auto& [name, element] : json.items()) {
    if (json.is_object()) out.str(name);
    if (!write(element, depth + 1, out)) return false;
  }
  return true;
}

std::optional<Raw> msgpack_of(const Json& json) {
  Raw value;
  MsgpackWriter out(value);
  if (!write(json, 1, out)) return std::nullopt;
  return value;
}

/// The JSON of a value, if exactly this value comes back from it.
std::optional<std::string> exact_json(RawView value) {
  std::string text;
  if (JsonText().append(value, value.size() + 1, text) != JsonText::State::kDone) return std::nullopt;
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded() || msgpack_of(json) != Raw(value)) return std::nullopt;
  return text;
}

/// "name":"..." or "name_base64":"..."
std::string member(std::string_view name, std::string_view bytes) {
  if (is_utf8(bytes)) return fmt::format("\"{}\":{}", name, Json(bytes).dump());
  return fmt::format("\"{}{}\":\"{}\"", name, kBase64, base64_of(bytes));
}

/// Notes names that stand twice in the line's own object: of them the last alone would be left.
class NamesOnce {
 public:
  bool operator()(int depth, Json::parse_event_t event, const Json& parsed) {
    if (event == Json::parse_event_t::key && depth == 1 && !names_.insert(parsed.get<std::string>()).second) {
      twice_ = parsed.get<std::string>();
    }
    return true;
  }
  [[nodiscard]] const std::optional<std::string>& twice() const { return twice_; }

 private:
  std::set<std::string> names_;
  std::optional<std::string> twice_;
};

std::expected<Json, std::string> parse_object(std::string_view line) {
  NamesOnce names;
  try {
    Json json = Json::parse(
        line, [&names](int depth, Json::parse_event_t event, Json& parsed) { return names(depth, event, parsed); });
    if (!json.is_object()) return Error("it is no JSON object");
    if (names.twice()) return Error(fmt::format("\"{}\" stands there twice", printable(*names.twice(), 40)));
    return json;
  } catch (const Json::parse_error& error) {
    return Error(fmt::format("column {}: it is no JSON", error.byte));
  } catch (const Json::exception&) {
    return Error("it is no JSON that can be read: a number is too large");
  }
}

/// The bytes of "name" or "name_base64", which is taken out of the object.
std::expected<std::string, std::string> take_bytes(Json& object, const std::string& name) {
  const std::string encoded = name + std::string(kBase64);
  if (object.contains(name) == object.contains(encoded)) {
    return Error(fmt::format("it needs either \"{}\" or \"{}\"", name, encoded));
  }
  const bool is_plain = object.contains(name);
  const std::string& chosen = is_plain ? name : encoded;
  if (!object[chosen].is_string()) return Error(fmt::format("\"{}\" is no text in quotes", chosen));
  std::string text = object[chosen].get<std::string>();
  object.erase(chosen);
  if (is_plain) return text;
  auto bytes = from_base64(text);
  if (!bytes) return Error(fmt::format("\"{}\" is no base64", chosen));
  return *std::move(bytes);
}

std::expected<Raw, std::string> take_value(Json& object, const std::string& type) {
  if (type == "json") {
    if (!object.contains("value")) return Error("it needs \"value\"");
    auto value = msgpack_of(object["value"]);
    object.erase("value");
    if (!value) return Error(fmt::format("its value is nested deeper than {}", limits::kMaxDepth));
    return *std::move(value);
  }
  if (type != "bytes" && type != "text" && type != "msgpack") {
    return Error(fmt::format("the type \"{}\" is none of bytes, text, json, msgpack", printable(type, 40)));
  }
  auto bytes = take_bytes(object, "value");
  if (!bytes) return bytes;
  if (type == "bytes") return bytes_value(*bytes);
  if (type == "text") return text_value(*bytes);
  return bytes;
}

}  // namespace

std::string base64_of(std::string_view bytes) {
  std::string out(BASE64_ENCODE_RAW_LENGTH(bytes.size()), '\0');
  base64_encode_raw(out.data(), bytes.size(), reinterpret_cast<const std::uint8_t*>(bytes.data()));
  return out;
}

std::string json_line(std::string_view key, RawView value) {
  const std::string begin = "{" + member("key", key) + ",\"type\":";
  MsgpackCursor cursor(value);
  if (const auto bytes = cursor.bin(); bytes && bytes_value(*bytes) == value) {
    return begin + "\"bytes\"," + member("value", *bytes) + "}\n";
  }
  if (const auto text = MsgpackCursor(value).str(); text && text_value(*text) == value) {
    return begin + "\"text\"," + member("value", *text) + "}\n";
  }
  if (const auto json = exact_json(value)) return begin + "\"json\",\"value\":" + *json + "}\n";
  return fmt::format("{}\"msgpack\",\"value{}\":\"{}\"}}\n", begin, kBase64, base64_of(value));
}

std::expected<KeyAndValue, std::string> read_json_line(std::string_view line) {
  auto object = parse_object(line);
  if (!object) return std::unexpected(std::move(object.error()));
  auto key = take_bytes(*object, "key");
  if (!key) return std::unexpected(std::move(key.error()));
  if (!object->contains("type") || !(*object)["type"].is_string()) {
    return Error("it needs a \"type\": bytes, text, json or msgpack");
  }
  const std::string type = (*object)["type"].get<std::string>();
  object->erase("type");
  auto value = take_value(*object, type);
  if (!value) return std::unexpected(std::move(value.error()));
  if (!object->empty()) {
    return Error(fmt::format("\"{}\" means nothing here", printable(object->begin().key(), 40)));
  }
  return KeyAndValue{.key = *std::move(key), .value = *std::move(value)};
}

}  // namespace meshdict
