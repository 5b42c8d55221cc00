#pragma once
// How ordinary C++ types become a Value and come back. Included by value.h.
//
// To teach Value a type of your own, specialise meshdict::detail::Convert for it:
//
//   template <>
//   struct meshdict::detail::Convert<Point> {
//     static Value to(const Point& p) { return Value::array({p.x, p.y}); }
//     static std::optional<Point> from(const Value& v) {
//       const auto xy = v.to<std::array<double, 2>>();
//       return xy ? std::optional(Point{(*xy)[0], (*xy)[1]}) : std::nullopt;
//     }
//   };

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "meshdict/value.h"

namespace meshdict::detail {

/// char is a number to one programmer and text to another: here it is neither.
template <typename T>
concept Character = std::same_as<T, char> || std::same_as<T, wchar_t> || std::same_as<T, char8_t> ||
                    std::same_as<T, char16_t> || std::same_as<T, char32_t>;
template <typename T>
concept Integer = std::integral<T> && !std::same_as<T, bool> && !Character<T>;
template <typename T>
concept Textual = std::convertible_to<const T&, std::string_view>;

template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {};

template <typename T>
struct IsTuple : std::false_type {};
template <typename... T>
struct IsTuple<std::tuple<T...>> : std::true_type {};
template <typename First, typename Second>
struct IsTuple<std::pair<First, Second>> : std::true_type {};

template <typename T>
struct IsStdArray : std::false_type {};
template <typename T, std::size_t N>
struct IsStdArray<std::array<T, N>> : std::true_type {};

template <typename T>
concept Range =
    std::ranges::input_range<const T&> && !Textual<T> && !std::same_as<T, Value::Array> && !std::same_as<T, Value::Map>;
template <typename T>
concept ByteRange = Range<T> && std::same_as<std::ranges::range_value_t<const T&>, std::byte>;
template <typename T>
concept MapRange = Range<T> && requires {
  typename T::key_type;
  typename T::mapped_type;
} && Textual<typename T::key_type>;
template <typename T>
concept ItemRange = Range<T> && !ByteRange<T> && !MapRange<T>;

template <>
struct Convert<Value> {
  static std::optional<Value> from(const Value& value) { return value; }
};

template <>
struct Convert<bool> {
  static std::optional<bool> from(const Value& value) {
    const bool* const held = value.if_bool();
    return held == nullptr ? std::nullopt : std::optional(*held);
  }
};

template <Integer T>
struct Convert<T> {
  static Value to(const T& from) {
    if constexpr (std::is_signed_v<T>) {
      return Value::integer(static_cast<std::int64_t>(from));
    } else {
      return Value::integer(static_cast<std::uint64_t>(from));
    }
  }
  static std::optional<T> from(const Value& value) {
    if constexpr (std::is_signed_v<T>) {
      const auto held = value.if_signed();
      return held && std::in_range<T>(*held) ? std::optional(static_cast<T>(*held)) : std::nullopt;
    } else {
      const auto held = value.if_unsigned();
      return held && std::in_range<T>(*held) ? std::optional(static_cast<T>(*held)) : std::nullopt;
    }
  }
};

template <std::floating_point T>
struct Convert<T> {
  static Value to(const T& from)
    requires(!std::same_as<T, double>)
  {
    return static_cast<double>(from);
  }
  static std::optional<T> from(const Value& value) {
    if (const double* const held = value.if_real()) return static_cast<T>(*held);
    if (const auto held = value.if_signed()) return static_cast<T>(*held);
    if (const auto held = value.if_unsigned()) return static_cast<T>(*held);
    return std::nullopt;
  }
};

template <>
struct Convert<std::string> {
  /// Text, and bytes too: other programs may have written either, and a std::string holds both.
  static std::optional<std::string> from(const Value& value) {
    if (const std::string* const text = value.if_text()) return *text;
    if (const Bytes* const bytes = value.if_bytes()) return bytes->data;
    return std::nullopt;
  }
};

template <Textual T>
  requires(!std::same_as<T, std::string>)
struct Convert<T> {
  static Value to(const T& from) { return std::string(static_cast<std::string_view>(from)); }
};

template <>
struct Convert<Bytes> {
  static std::optional<Bytes> from(const Value& value) {
    const Bytes* const held = value.if_bytes();
    return held == nullptr ? std::nullopt : std::optional(*held);
  }
};

template <>
struct Convert<Value::Array> {
  static std::optional<Value::Array> from(const Value& value) {
    const Value::Array* const held = value.if_array();
    return held == nullptr ? std::nullopt : std::optional(*held);
  }
};

template <>
struct Convert<Value::Map> {
  static std::optional<Value::Map> from(const Value& value) {
    const Value::Map* const held = value.if_map();
    return held == nullptr ? std::nullopt : std::optional(*held);
  }
};

/// Nil when it holds nothing. An optional of an optional does not convert: it would come back as the outer one, empty.
template <typename T>
  requires(!IsOptional<T>::value)
struct Convert<std::optional<T>> {
  static Value to(const std::optional<T>& from)
    requires std::convertible_to<const T&, Value>
  {
    return from ? Value(*from) : Value();
  }
  static std::optional<std::optional<T>> from(const Value& value)
    requires OutOfValue<T>
  {
    if (value.is_nil()) return std::optional<T>();
    std::optional<T> held = Convert<T>::from(value);
    return held ? std::optional(std::move(held)) : std::nullopt;
  }
};

template <ByteRange T>
struct Convert<T> {
  static Value to(const T& from) {
    Bytes bytes;
    for (const std::byte byte : from)
      bytes.data.push_back(static_cast<char>(byte));
    return bytes;
  }
  static std::optional<T> from(const Value& value)
    requires requires(T out) { out.push_back(std::byte{}); }
  {
    const Bytes* const held = value.if_bytes();
    if (held == nullptr) return std::nullopt;
    T out;
    for (const char c : held->data)
      out.push_back(static_cast<std::byte>(c));
    return out;
  }
};

template <MapRange T>
struct Convert<T> {
  static Value to(const T& from)
    requires std::convertible_to<const typename T::mapped_type&, Value>
  {
    Value::Map map;
    for (const auto& [key, item] : from)
      map.insert_or_assign(std::string(static_cast<std::string_view>(key)), Value(item));
    return map;
  }
  static std::optional<T> from(const Value& value)
    requires OutOfValue<typename T::mapped_type>
  {
    const Value::Map* const held = value.if_map();
    if (held == nullptr) return std::nullopt;
    T out;
    for (const auto& [key, item] : *held) {
      auto converted = Convert<typename T::mapped_type>::from(item);
      if (!converted) return std::nullopt;
      out.emplace(key, *std::move(converted));
    }
    return out;
  }
};

template <ItemRange T>
struct Convert<T> {
  using Item = std::ranges::range_value_t<const T&>;

  static Value to(const T& from)
    requires std::convertible_to<const Item&, Value>
  {
    Value::Array array;
    for (const auto& item : from)
      array.emplace_back(static_cast<const Item&>(item));
    return array;
  }
  static std::optional<T> from(const Value& value)
    requires OutOfValue<Item> && (IsStdArray<T>::value || requires(T out, Item item) { out.insert(out.end(), item); })
  {
    const Value::Array* const held = value.if_array();
    if (held == nullptr) return std::nullopt;
    T out{};
    if constexpr (IsStdArray<T>::value) {
      if (held->size() != out.size()) return std::nullopt;
    }
    std::size_t index = 0;
    for (const Value& item : *held) {
      auto converted = Convert<Item>::from(item);
      if (!converted) return std::nullopt;
      if constexpr (IsStdArray<T>::value) {
        out[index++] = *std::move(converted);
      } else {
        out.insert(out.end(), *std::move(converted));
      }
    }
    return out;
  }
};

template <typename T>
  requires IsTuple<T>::value
struct Convert<T> {
  static Value to(const T& from) {
    return std::apply([](const auto&... items) { return Value(Value::Array{Value(items)...}); }, from);
  }
  static std::optional<T> from(const Value& value) {
    return from_items(value.if_array(), std::make_index_sequence<std::tuple_size_v<T>>());
  }

 private:
  template <std::size_t... I>
  static std::optional<T> from_items(const Value::Array* held, std::index_sequence<I...>) {
    if (held == nullptr || held->size() != sizeof...(I)) return std::nullopt;
    std::tuple<std::optional<std::tuple_element_t<I, T>>...> items{
        Convert<std::tuple_element_t<I, T>>::from((*held)[I])...};
    if (!(std::get<I>(items) && ...)) return std::nullopt;
    return T(*std::move(std::get<I>(items))...);
  }
};

}  // namespace meshdict::detail
