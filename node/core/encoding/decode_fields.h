#pragma once
// A helper of the decoders. Users of messages do not need it.

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/encoding/msgpack.h"

namespace meshdict {

/// Takes results one after the other and remembers the first error, so that a decoder reads like the list of its
/// fields.
class Fields {
 public:
  template <typename T>
  T take(std::expected<T, DecodeError>&& result, std::string_view field) {
    if (result) return *std::move(result);
    fail(field, result.error().what, result.error().at);
    return T{};
  }
  void fail(std::string_view field, std::string_view what, std::size_t at = 0) {
    if (!error_) error_ = DecodeError{std::string(field) + ": " + std::string(what), at};
  }
  [[nodiscard]] bool failed() const { return error_.has_value(); }

  template <typename T>
  std::expected<T, DecodeError> result(T&& value) {
    if (error_) return std::unexpected(std::move(*error_));
    return std::forward<T>(value);
  }

 private:
  std::optional<DecodeError> error_;
};

}  // namespace meshdict
