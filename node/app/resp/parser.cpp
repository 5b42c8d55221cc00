#include "app/resp/parser.h"

#include <algorithm>
#include <cassert>
#include <optional>
#include <utility>

#include "app/resp/integer.h"
#include "app/resp/limits.h"

namespace meshdict {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\0' || c == '\r' || c == '\n';
}

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

/// The character behind a backslash in double quotes; moves `at` on to its last character.
char unescape(std::string_view line, std::size_t& at) {
  if (line[at] == 'x' && at + 2 < line.size()) {
    const auto high = hex_digit(line[at + 1]);
    const auto low = hex_digit(line[at + 2]);
    if (high && low) {
      at += 2;
      return static_cast<char>(static_cast<unsigned char>(*high * 16 + *low));
    }
  }
  switch (line[at]) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'b':
      return '\b';
    case 'a':
      return '\a';
    default:
      return line[at];
  }
}

/// Reads a quoted argument that opens at line[at]; `at` ends behind the closing quote. False when it does not close, or
/// when something other than a blank follows.
bool read_quoted(std::string_view line, std::size_t& at, std::string& out) {
  const char quote = line[at++];
  for (; at < line.size(); ++at) {
    const char c = line[at];
    if (c == quote) {
      ++at;
      return at == line.size() || is_blank(line[at]);
    }
    if (c == '\\' && at + 1 < line.size() && (quote == '"' || line[at + 1] == '\'')) {
      ++at;
      out.push_back(quote == '"' ? unescape(line, at) : '\'');
    } else {
      out.push_back(c);
    }
  }
  return false;
}

}  // namespace

void RespParser::begin() {
  fresh_ = false;
  in_array_ = false;
  missing_ = 0;
  length_ = kNoLength;
  position_ = 0;
  searched_ = 0;
  slices_.clear();
  unquoted_.clear();
}

RespParser::Result RespParser::fail(std::string what) {
  error_ = "Protocol error: " + std::move(what);
  return Result::kError;
}

RespParser::Result RespParser::next(std::string_view bytes) {
  if (fresh_) begin();
  if (bytes.empty()) return Result::kPartial;
  return bytes.front() == '*' ? array(bytes) : inline_command(bytes);
}

std::size_t RespParser::longest_line() const {
  return stranger_ ? resp_limits::kMaxCommandOfStranger : resp_limits::kMaxLine;
}

RespParser::Line RespParser::line(std::string_view bytes, std::string_view& found) {
  const std::size_t newline = bytes.find('\n', std::max(position_, searched_));
  if (newline == std::string_view::npos) {
    searched_ = bytes.size();
    return bytes.size() - position_ > longest_line() ? Line::kTooLong : Line::kMissing;
  }
  if (newline - position_ > longest_line()) return Line::kTooLong;
  found = bytes.substr(position_, newline - position_);
  if (!found.empty() && found.back() == '\r') found.remove_suffix(1);
  position_ = newline + 1;
  return Line::kFound;
}

RespParser::Line RespParser::header(std::string_view bytes, std::string_view& found) {
  const std::size_t end = bytes.find('\r', std::max(position_, searched_));
  const std::size_t length = std::min(end, bytes.size()) - position_;
  if (length > longest_line()) return Line::kTooLong;
  if (end == std::string_view::npos || end + 1 == bytes.size()) {
    searched_ = position_ + length;
    return Line::kMissing;
  }
  found = bytes.substr(position_, length);
  position_ = end + 2;
  return Line::kFound;
}

RespParser::Result RespParser::array(std::string_view bytes) {
  if (!in_array_) {
    std::string_view text;
    const Line outcome = header(bytes, text);
    if (outcome == Line::kMissing) return Result::kPartial;
    if (outcome == Line::kTooLong) return fail("too big mbulk count string");
    const auto count = parse_integer(text.substr(1));
    if (!count || *count > resp_limits::kMaxArguments) return fail("invalid multibulk length");
    if (stranger_ && *count > resp_limits::kMaxArgumentsOfStranger) return fail("unauthenticated multibulk length");
    if (*count <= 0) {
      fresh_ = true;
      return Result::kNothing;
    }
    in_array_ = true;
    missing_ = *count;
  }
  while (missing_ > 0) {
    if (length_ == kNoLength) {
      if (const Result outcome = bulk_header(bytes); outcome != Result::kCommand) return outcome;
    }
    const auto length = static_cast<std::size_t>(length_);
    // The two bytes behind an argument are not looked at, as in Redis.
    if (bytes.size() - position_ < length + 2) return Result::kPartial;
    slices_.push_back({static_cast<std::uint32_t>(position_), static_cast<std::uint32_t>(length)});
    position_ += length + 2;
    length_ = kNoLength;
    --missing_;
  }
  return finish(bytes);
}

RespParser::Result RespParser::bulk_header(std::string_view bytes) {
  if (position_ < bytes.size() && bytes[position_] != '$') {
    const char c = bytes[position_];
    const char shown = c >= ' ' && c <= '~' ? c : '?';
    return fail(std::string("expected '$', got '") + shown + "'");
  }
  std::string_view text;
  const Line outcome = header(bytes, text);
  if (outcome == Line::kMissing) return Result::kPartial;
  if (outcome == Line::kTooLong) return fail("too big bulk count string");
  const auto length = parse_integer(text.substr(1));
  if (!length || *length < 0) return fail("invalid bulk length");
  if (stranger_ && (*length > static_cast<std::int64_t>(resp_limits::kMaxCommandOfStranger) ||
                    position_ + static_cast<std::size_t>(*length) > resp_limits::kMaxCommandOfStranger)) {
    return fail("unauthenticated bulk length");
  }
  if (static_cast<std::uint64_t>(*length) > resp_limits::kMaxCommand ||
      position_ + static_cast<std::size_t>(*length) > resp_limits::kMaxCommand) {
    return fail("invalid bulk length: a command may be " + std::to_string(resp_limits::kMaxCommand) + " bytes long");
  }
  length_ = *length;
  return Result::kCommand;
}

RespParser::Result RespParser::inline_command(std::string_view bytes) {
  std::string_view text;
  const Line outcome = line(bytes, text);
  if (outcome == Line::kMissing) return Result::kPartial;
  if (outcome == Line::kTooLong) return fail("too big inline request");
  if (text.find_first_of("\"'") != std::string_view::npos) {
    if (!split_quoted(text)) return fail("unbalanced quotes in request");
    fresh_ = true;
    arguments_.assign(unquoted_.begin(), unquoted_.end());
    return arguments_.empty() ? Result::kNothing : Result::kCommand;
  }
  const auto start = static_cast<std::size_t>(text.data() - bytes.data());
  std::size_t at = 0;
  while (at < text.size()) {
    if (is_blank(text[at])) {
      ++at;
      continue;
    }
    const std::size_t from = at;
    while (at < text.size() && !is_blank(text[at]))
      ++at;
    slices_.push_back({static_cast<std::uint32_t>(start + from), static_cast<std::uint32_t>(at - from)});
  }
  return finish(bytes);
}

bool RespParser::split_quoted(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    if (is_blank(text[at])) {
      ++at;
      continue;
    }
    std::string& argument = unquoted_.emplace_back();
    while (at < text.size() && !is_blank(text[at])) {
      if (text[at] == '"' || text[at] == '\'') {
        if (!read_quoted(text, at, argument)) return false;
      } else {
        argument.push_back(text[at++]);
      }
    }
  }
  return true;
}

RespParser::Result RespParser::finish(std::string_view bytes) {
  fresh_ = true;
  arguments_.clear();
  for (const Slice slice : slices_)
    arguments_.push_back(bytes.substr(slice.offset, slice.length));
  // One huge command does not keep its memory.
  if (slices_.capacity() > 1'024) std::vector<Slice>().swap(slices_);
  return arguments_.empty() ? Result::kNothing : Result::kCommand;
}

}  // namespace meshdict
