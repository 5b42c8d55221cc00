#include "meshdict/value.h"

#include <limits>
#include <ostream>

#include "core/encoding/value.h"
#include "meshdict/errors.h"

namespace meshdict {

Value::Value(std::initializer_list<std::pair<const char*, Value>> map) {
  Map& made = held_.emplace<Map>();
  for (const auto& [key, value] : map)
    made.insert_or_assign(key, value);
}

Value Value::integer(std::int64_t value) {
  Value made;
  made.held_ = value;
  return made;
}

Value Value::integer(std::uint64_t value) {
  constexpr auto kLargest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (value <= kLargest) return integer(static_cast<std::int64_t>(value));
  Value made;
  made.held_ = value;
  return made;
}

Value::Type Value::type() const {
  struct TypeOf {
    Type operator()(std::monostate /*nil*/) const { return Type::kNil; }
    Type operator()(bool /*value*/) const { return Type::kBool; }
    Type operator()(std::int64_t /*value*/) const { return Type::kInteger; }
    Type operator()(std::uint64_t /*value*/) const { return Type::kInteger; }
    Type operator()(double /*value*/) const { return Type::kReal; }
    Type operator()(const std::string& /*text*/) const { return Type::kText; }
    Type operator()(const Bytes& /*bytes*/) const { return Type::kBytes; }
    Type operator()(const Array& /*array*/) const { return Type::kArray; }
    Type operator()(const Map& /*map*/) const { return Type::kMap; }
  };
  return std::visit(TypeOf{}, held_);
}

std::string_view to_string(Value::Type type) {
  switch (type) {
    case Value::Type::kNil:
      return "nil";
    case Value::Type::kBool:
      return "bool";
    case Value::Type::kInteger:
      return "integer";
    case Value::Type::kReal:
      return "float";
    case Value::Type::kText:
      return "text";
    case Value::Type::kBytes:
      return "bytes";
    case Value::Type::kArray:
      return "array";
    case Value::Type::kMap:
      return "map";
  }
  return "nil";
}

std::optional<std::int64_t> Value::if_signed() const {
  const auto* const held = std::get_if<std::int64_t>(&held_);
  return held == nullptr ? std::nullopt : std::optional(*held);
}

std::optional<std::uint64_t> Value::if_unsigned() const {
  if (const auto* const large = std::get_if<std::uint64_t>(&held_)) return *large;
  const auto held = if_signed();
  return held && *held >= 0 ? std::optional(static_cast<std::uint64_t>(*held)) : std::nullopt;
}

void Value::refuse() const {
  throw TypeError("this value is " + std::string(to_string(type())) + ", or too large for what was asked for");
}

std::size_t Value::size() const {
  if (const Array* const array = if_array()) return array->size();
  if (const Map* const map = if_map()) return map->size();
  throw TypeError(std::string(to_string(type())) + " has no size; arrays and maps do");
}

const Value& Value::at(std::size_t index) const {
  const Array* const array = if_array();
  if (array == nullptr) throw TypeError(std::string(to_string(type())) + " is no array");
  if (index >= array->size()) {
    throw TypeError("element " + std::to_string(index) + " of an array of " + std::to_string(array->size()));
  }
  return (*array)[index];
}

const Value& Value::at(std::string_view key) const {
  const Map* const map = if_map();
  if (map == nullptr) throw TypeError(std::string(to_string(type())) + " is no map");
  const auto found = map->find(key);
  if (found == map->end()) throw KeyError(std::string(key));
  return found->second;
}

std::string Value::json() const {
  // client_text() shows text and bytes as they are, unless they are a part of something.
  const std::string listed = client_text(array({*this}).packed());
  return listed.substr(1, listed.size() - 2);
}

std::ostream& operator<<(std::ostream& out, const Value& value) {
  return out << value.json();
}

}  // namespace meshdict
