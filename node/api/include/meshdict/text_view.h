#pragma once
// How a key, an id or the name of an event is passed to a function.

#include <concepts>
#include <cstddef>
#include <string_view>
#include <type_traits>

#include "meshdict/errors.h"

namespace meshdict {

/// Bytes of anything that converts to std::string_view, for the time of a call. Neither nullptr nor a number converts, so that
/// `socket[0]`, in which the zero would be a null pointer, does not compile. Throws Error for a pointer that is null.
class TextView {
 public:
  TextView() = default;
  template <typename T>
    requires(std::convertible_to<const T&, std::string_view> && !std::same_as<T, std::nullptr_t> &&
             !std::same_as<T, TextView>)
  TextView(const T& text) : bytes_(checked(text)) {}

  operator std::string_view() const { return bytes_; }

 private:
  template <typename T>
  static std::string_view checked(const T& text) {
    if constexpr (std::is_pointer_v<T>) {
      if (text == nullptr) throw Error("a null pointer where text is expected");
    }
    return text;
  }

  std::string_view bytes_;
};

}  // namespace meshdict
