#include "sim/trace/transcript_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <system_error>
#include <utility>

#include "core/base/parse_number.h"
#include "sim/plan/limits.h"
#include "sim/trace/trace.h"

namespace meshdict::sim {
namespace {

constexpr std::size_t kMicroDigits = 6;
constexpr std::int64_t kMicrosPerSecond = 1'000'000;

std::optional<std::uint8_t> hex_byte(std::string_view digits) {
  std::uint8_t value = 0;
  const auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (digits.size() != 2 || error != std::errc() || rest != digits.data() + digits.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string TranscriptReader::error(std::string_view what) const {
  return fmt::format("{}:{}: {}", name_, std::max<std::size_t>(lines_, 1), what);
}

std::expected<bool, std::string> TranscriptReader::next(TranscriptLine& line) {
  errno = 0;
  line.text.clear();
  int c = 0;
  while ((c = std::getc(file_)) != EOF && c != '\n' && line.text.size() < sim_limits::kMaxLine)
    line.text += static_cast<char>(c);
  if (std::ferror(file_) != 0) {
    return std::unexpected(fmt::format("cannot read '{}': {}", name_, std::generic_category().message(errno)));
  }
  if (c == EOF && line.text.empty()) {
    if (lines_ == 0) return std::unexpected(error("is empty, expected a transcript, as --trace writes it"));
    return false;
  }
  line.number = ++lines_;
  line.remark = line.text.starts_with("# ");
  if (lines_ == 1 && line.text != fmt::format("# {}", kTranscriptTitle)) {
    return std::unexpected(error(fmt::format("is no transcript, expected '# {}'", kTranscriptTitle)));
  }
  const std::string_view text = line.text;
  if (line.remark) {
    line.at = {};
    line.node = "-";
    line.what = text.substr(2);
    return true;
  }
  Words words(text);
  const auto time = words.next();
  const auto at = time ? parse_seconds(*time) : std::nullopt;
  const std::string_view rest = words.rest();
  const std::size_t end_of_node = rest.find(' ');
  if (!at || end_of_node == std::string_view::npos) {
    return std::unexpected(error("is no line of a transcript, expected '<seconds> <node> <what>'"));
  }
  line.at = *at;
  line.node = rest.substr(0, end_of_node);
  const std::size_t what = rest.find_first_not_of(' ', end_of_node);
  line.what = what == std::string_view::npos ? std::string_view() : rest.substr(what);
  return true;
}

// Words

void Words::skip_spaces() {
  rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size()));
}

std::optional<std::string> Words::next() {
  skip_spaces();
  if (rest_.empty()) return std::nullopt;
  std::string word;
  if (rest_.front() == '"') {
    std::size_t i = 1;
    for (; i < rest_.size() && rest_[i] != '"'; ++i) {
      if (rest_[i] != '\\' || i + 1 == rest_.size()) {
        word += rest_[i];
        continue;
      }
      ++i;
      if (const auto byte = rest_[i] == 'x' ? hex_byte(rest_.substr(i + 1, 2)) : std::nullopt) {
        word += static_cast<char>(*byte);
        i += 2;
      } else {
        word += rest_[i];
      }
    }
    rest_.remove_prefix(std::min(i + 1, rest_.size()));
  }
  // All of a plain word; behind a quoted one, the dots of a value that was cut.
  const std::size_t end = std::min(rest_.find(' '), rest_.size());
  word += rest_.substr(0, end);
  rest_.remove_prefix(end);
  skip_spaces();
  return word;
}

bool Words::skip(std::string_view word) {
  skip_spaces();
  if (!rest_.starts_with(word) || (rest_.size() > word.size() && rest_[word.size()] != ' ')) return false;
  rest_.remove_prefix(word.size());
  skip_spaces();
  return true;
}

std::optional<Duration> parse_seconds(std::string_view text) {
  constexpr std::uint64_t kMostSeconds = INT64_MAX / kMicrosPerSecond - 1;
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos || text.size() - dot - 1 != kMicroDigits) return std::nullopt;
  const auto whole = parse_number<std::uint64_t>(text.substr(0, dot));
  const auto micros = parse_number<std::uint64_t>(text.substr(dot + 1));
  if (!whole || !micros || *whole > kMostSeconds) return std::nullopt;
  return Duration(static_cast<std::int64_t>(*whole) * kMicrosPerSecond + static_cast<std::int64_t>(*micros));
}

std::optional<FrameLine> parse_frame_line(std::string_view what) {
  Words words(what);
  const auto conn = words.next();
  if (!conn || !conn->starts_with('c')) return std::nullopt;
  FrameLine line;
  line.sent = words.skip("->");
  if (!line.sent && !words.skip("<-")) return std::nullopt;
  const auto peer = words.next();
  const auto frame = words.next();
  const auto kind = words.next();
  const auto size = words.next();
  const bool has_unit = words.skip("B");
  const auto id = words.next();
  if (!id || !has_unit || !frame->starts_with('#')) return std::nullopt;
  const auto conn_number = parse_number<std::uint64_t>(std::string_view(*conn).substr(1));
  const auto frame_number = parse_number<std::uint64_t>(std::string_view(*frame).substr(1));
  const auto bytes = parse_number<std::uint64_t>(*size);
  if (!conn_number || !frame_number || !bytes) return std::nullopt;
  line.conn = *conn_number;
  line.peer = *peer;
  line.number = *frame_number;
  line.kind = *kind;
  line.size = *bytes;
  line.id = *id;
  line.keys = words.rest();
  return line;
}

}  // namespace meshdict::sim
