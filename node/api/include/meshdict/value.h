#pragma once
// A value of the dictionary, or a packet of a message: nil, bool, integers from -2^63 to 2^64-1, floats, text, bytes,
// arrays, and maps with text as keys, nested up to 32 deep. On the wire and on disk it is MessagePack
// (https://github.com/msgpack/msgpack/blob/master/spec.md).
//
//   Value v = 42;                                        v.as<int>() == 42
//   Value v = {{"name", "sensor 7"}, {"at", 21.5}};      v.at("at").as<double>()
//   Value v = std::vector<std::string>{"a", "b"};        v.as<std::list<std::string>>()
//   Value v = Bytes{"\x00\xFF"};                         v.as<std::vector<std::byte>>()
//
// Ordinary types that convert both ways: bool; all integers but the character types; float and double; std::string (text;
// from bytes too), std::string_view and literals (into a value only); Bytes and ranges of std::byte; std::optional;
// std::vector, std::list, std::deque, std::set, std::array and other ranges; std::map and std::unordered_map with string
// keys; std::pair and std::tuple (arrays).
//
// 1. Equal values are encoded as equal bytes: an integer has one form, whatever C++ type it came from.
// 2. What converts into a Value converts back into the same type unchanged; what does not fit is a TypeError, never a
//    silent loss. A float is no integer; an integer is taken where a float is asked for.
//
// A plain value type: not thread-safe, as std::string is not.

#if __cplusplus < 202002L
#error "meshdict needs C++20: -std=c++20"
#endif

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace meshdict {

/// Bytes, as opposed to text: Python's `bytes`, MessagePack's bin.
struct Bytes {
  std::string data;
  auto operator<=>(const Bytes&) const = default;
};

class Value;

namespace detail {

/// How C++ type T goes into a Value and comes back; value_convert.h has the ordinary ones. A specialisation has
/// `static Value to(const T&)` and `static std::optional<T> from(const Value&)`, or one of them.
template <typename T>
struct Convert;

template <typename T>
concept IntoValue = requires(const T& from) { Convert<T>::to(from); };
template <typename T>
concept OutOfValue = requires(const Value& from) { Convert<T>::from(from); };

}  // namespace detail

class Value {
 public:
  using Array = std::vector<Value>;
  using Map = std::map<std::string, Value, std::less<>>;

  enum class Type : std::uint8_t { kNil, kBool, kInteger, kReal, kText, kBytes, kArray, kMap };

  /// Nil.
  Value() = default;
  Value(std::nullptr_t) {}
  Value(std::nullopt_t) {}
  /// Of exactly these types, so that no pointer becomes a bool and no character a number by accident.
  template <std::same_as<bool> B>
  Value(B value) : held_(value) {}
  template <std::same_as<double> D>
  Value(D value) : held_(value) {}
  Value(std::string text) : held_(std::move(text)) {}
  Value(const char* text) : held_(std::string(text)) {}
  Value(Bytes bytes) : held_(std::move(bytes)) {}
  Value(Array array) : held_(std::move(array)) {}
  Value(Map map) : held_(std::move(map)) {}
  /// A map, as in {{"a", 1}, {"b", 2}}; when a key is there twice, the last entry counts.
  Value(std::initializer_list<std::pair<const char*, Value>> map);
  /// Any other type that converts.
  template <typename T>
    requires detail::IntoValue<T>
  Value(const T& from) : Value(detail::Convert<T>::to(from)) {}

  [[nodiscard]] static Value integer(std::int64_t value);
  [[nodiscard]] static Value integer(std::uint64_t value);
  [[nodiscard]] static Value array(std::initializer_list<Value> items) { return Array(items); }

  [[nodiscard]] Type type() const;
  [[nodiscard]] bool is_nil() const { return type() == Type::kNil; }
  [[nodiscard]] bool is_text() const { return type() == Type::kText; }
  [[nodiscard]] bool is_bytes() const { return type() == Type::kBytes; }
  [[nodiscard]] bool is_array() const { return type() == Type::kArray; }
  [[nodiscard]] bool is_map() const { return type() == Type::kMap; }

  /// As a T. Throws TypeError when it is none, or does not fit.
  template <typename T>
    requires detail::OutOfValue<T>
  [[nodiscard]] T as() const {
    if (std::optional<T> converted = detail::Convert<T>::from(*this)) return *std::move(converted);
    refuse();
  }
  /// The same, with nothing instead of the exception.
  template <typename T>
    requires detail::OutOfValue<T>
  [[nodiscard]] std::optional<T> to() const {
    return detail::Convert<T>::from(*this);
  }

  /// What it holds, or null: for a look without a copy.
  [[nodiscard]] const bool* if_bool() const { return std::get_if<bool>(&held_); }
  [[nodiscard]] const double* if_real() const { return std::get_if<double>(&held_); }
  [[nodiscard]] const std::string* if_text() const { return std::get_if<std::string>(&held_); }
  [[nodiscard]] const Bytes* if_bytes() const { return std::get_if<Bytes>(&held_); }
  [[nodiscard]] const Array* if_array() const { return std::get_if<Array>(&held_); }
  [[nodiscard]] const Map* if_map() const { return std::get_if<Map>(&held_); }
  /// Nothing when it is no integer, or one that does not fit.
  [[nodiscard]] std::optional<std::int64_t> if_signed() const;
  [[nodiscard]] std::optional<std::uint64_t> if_unsigned() const;

  /// Of an array or map: its number of elements. Throws TypeError for anything else.
  [[nodiscard]] std::size_t size() const;
  /// Of an array. Throws TypeError when it is none or too short.
  [[nodiscard]] const Value& at(std::size_t index) const;
  /// Of a map. Throws TypeError when it is none, KeyError when the key is missing.
  [[nodiscard]] const Value& at(std::string_view key) const;

  bool operator==(const Value&) const = default;

  /// As MessagePack. Throws ValueError for what nobody may store or send: nested too deep, text that is not UTF-8, more
  /// than 4 MiB.
  [[nodiscard]] std::string packed() const;
  /// Reads one complete MessagePack value, as any node may have written it; throws ValueError for anything else. An extension
  /// type becomes nil, and a map's key that is no text becomes its JSON: C++ has no form for either.
  [[nodiscard]] static Value unpacked(std::string_view bytes);

  /// For people: JSON, with bytes as base64.
  [[nodiscard]] std::string json() const;

 private:
  [[noreturn]] void refuse() const;

  /// An unsigned integer only where a signed one cannot hold it, so that equal integers are equal here.
  std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, Bytes, Array, Map> held_;
};

/// "nil", "integer", ...
std::string_view to_string(Value::Type type);
std::ostream& operator<<(std::ostream& out, const Value& value);

}  // namespace meshdict

#include "meshdict/value_convert.h"  // IWYU pragma: export
