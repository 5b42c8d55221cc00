// Values: made of C's types, JSON and MessagePack, and read again.

#include <nlohmann/json.hpp>

#include "handles.h"

namespace {

using namespace meshdict::c;
using meshdict::Bytes;
using meshdict::Value;

/// As deep as a value may be (core/limits.h, kMaxDepth, which the library does not show).
constexpr int kMaxDepth = 32;

Value value_of(const nlohmann::json& json, int depth) {
  if (depth > kMaxDepth) throw meshdict::ValueError("JSON that is nested more than 32 deep");
  switch (json.type()) {
    case nlohmann::json::value_t::boolean:
      return json.get<bool>();
    case nlohmann::json::value_t::number_integer:
      return Value::integer(json.get<std::int64_t>());
    case nlohmann::json::value_t::number_unsigned:
      return Value::integer(json.get<std::uint64_t>());
    case nlohmann::json::value_t::number_float:
      return json.get<double>();
    case nlohmann::json::value_t::string:
      return json.get<std::string>();
    case nlohmann::json::value_t::array: {
      Value::Array array;
      for (const nlohmann::json& item : json)
        array.push_back(value_of(item, depth + 1));
      return array;
    }
    case nlohmann::json::value_t::object: {
      Value::Map map;
      for (const auto& [key, item] : json.items())
        map.emplace(key, value_of(item, depth + 1));
      return map;
    }
    default:
      return {};
  }
}

/// Gives what `value` holds as a T, or says that it does not.
template <typename T, typename Out>
meshdict_code read_as(const meshdict_value* value, Out* out) {
  return guarded([&] {
    given(out, "out") = static_cast<Out>(value_given(value).as<T>());
    return MESHDICT_OK;
  });
}

}  // namespace

meshdict_value* meshdict_value_nil(void) {
  return made([] { return handed_over({}); });
}

meshdict_value* meshdict_value_bool(int value) {
  return made([&] { return handed_over(value != 0); });
}

meshdict_value* meshdict_value_int(int64_t value) {
  return made([&] { return handed_over(Value::integer(value)); });
}

meshdict_value* meshdict_value_uint(uint64_t value) {
  return made([&] { return handed_over(Value::integer(value)); });
}

meshdict_value* meshdict_value_real(double value) {
  return made([&] { return handed_over(value); });
}

meshdict_value* meshdict_value_text(const char* text, size_t size) {
  return made([&] { return handed_over(std::string(text_given(text, size, "text"))); });
}

meshdict_value* meshdict_value_bytes(const void* bytes, size_t size) {
  return made([&] { return handed_over(Bytes{std::string(text_given(bytes, size, "bytes"))}); });
}

meshdict_value* meshdict_value_from_json(const char* json, size_t size) {
  return made([&] {
    try {
      return handed_over(value_of(nlohmann::json::parse(text_given(json, size, "json")), 0));
    } catch (const nlohmann::json::exception& error) {
      throw meshdict::ValueError(error.what());
    }
  });
}

meshdict_value* meshdict_value_from_msgpack(const void* bytes, size_t size) {
  return made([&] { return handed_over(Value::unpacked(text_given(bytes, size, "bytes"))); });
}

void meshdict_value_free(meshdict_value* value) {
  const std::unique_ptr<Value> owned(reinterpret_cast<Value*>(value));
}

meshdict_type meshdict_value_type(const meshdict_value* value) {
  return value == nullptr ? MESHDICT_NIL : static_cast<meshdict_type>(value_given(value).type());
}

meshdict_code meshdict_value_as_bool(const meshdict_value* value, int* out) {
  return read_as<bool>(value, out);
}

meshdict_code meshdict_value_as_int(const meshdict_value* value, int64_t* out) {
  return read_as<std::int64_t>(value, out);
}

meshdict_code meshdict_value_as_uint(const meshdict_value* value, uint64_t* out) {
  return read_as<std::uint64_t>(value, out);
}

meshdict_code meshdict_value_as_real(const meshdict_value* value, double* out) {
  return read_as<double>(value, out);
}

meshdict_code meshdict_value_as_bytes(const meshdict_value* value, const char** data, size_t* size) {
  return guarded([&] {
    const Value& held = value_given(value);
    const Bytes* const bytes = held.if_bytes();
    const std::string* const text = bytes == nullptr ? held.if_text() : &bytes->data;
    if (text == nullptr) return fail(MESHDICT_OTHER_TYPE, "a value that is neither text nor bytes");
    given(data, "data") = text->c_str();
    if (size != nullptr) *size = text->size();
    return MESHDICT_OK;
  });
}

size_t meshdict_value_size(const meshdict_value* value) {
  if (value == nullptr) return 0;
  const Value& held = value_given(value);
  return held.is_array() || held.is_map() ? held.size() : 0;
}

const meshdict_value* meshdict_value_at(const meshdict_value* value, size_t index) {
  const Value::Array* const array = value == nullptr ? nullptr : value_given(value).if_array();
  return array == nullptr || index >= array->size() ? nullptr : shown(&(*array)[index]);
}

const meshdict_value* meshdict_value_of(const meshdict_value* value, const char* key) {
  const Value::Map* const map = value == nullptr || key == nullptr ? nullptr : value_given(value).if_map();
  if (map == nullptr) return nullptr;
  const auto found = map->find(std::string_view(key));
  return found == map->end() ? nullptr : shown(&found->second);
}

meshdict_code meshdict_value_to_json(const meshdict_value* value, char** json) {
  return guarded([&] {
    given(json, "json") = copy_of(value_given(value).json());
    return MESHDICT_OK;
  });
}

meshdict_code meshdict_value_to_msgpack(const meshdict_value* value, char** bytes, size_t* size) {
  return guarded([&] {
    given(size, "size");
    const std::string packed = value_given(value).packed();
    given(bytes, "bytes") = copy_of(packed);
    *size = packed.size();
    return MESHDICT_OK;
  });
}
