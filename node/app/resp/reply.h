#pragma once
#include <array>
#include <charconv>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace meshdict {

/// Appends replies of RESP2 to a string.
class ReplyWriter {
 public:
  explicit ReplyWriter(std::string& out) : out_(out) {}

  ReplyWriter& simple(std::string_view text) {
    out_ += '+';
    return line(text);
  }
  /// `text` begins with the kind of error, as "ERR". Control characters in it become blanks.
  ReplyWriter& error(std::string_view text) {
    out_ += '-';
    return line(text);
  }
  template <std::integral Integer>
  ReplyWriter& integer(Integer number) {
    return counted(':', number);
  }
  ReplyWriter& bulk(std::string_view bytes) {
    counted('$', bytes.size());
    out_.append(bytes);
    out_.append("\r\n");
    return *this;
  }
  ReplyWriter& nil() {
    out_.append("$-1\r\n");
    return *this;
  }
  ReplyWriter& nil_array() {
    out_.append("*-1\r\n");
    return *this;
  }
  ReplyWriter& array(std::size_t size) { return counted('*', size); }

  /// A field of a flat array: its name and its value.
  ReplyWriter& field(std::string_view name, std::string_view value) { return bulk(name).bulk(value); }
  template <std::integral Integer>
  ReplyWriter& field(std::string_view name, Integer value) {
    return bulk(name).integer(value);
  }

 private:
  template <std::integral Integer>
  ReplyWriter& counted(char kind, Integer number) {
    std::array<char, 24> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    out_ += kind;
    out_.append(digits.data(), end);
    out_.append("\r\n");
    return *this;
  }
  ReplyWriter& line(std::string_view text) {
    for (const char c : text)
      out_ += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    out_.append("\r\n");
    return *this;
  }

  std::string& out_;
};

}  // namespace meshdict
