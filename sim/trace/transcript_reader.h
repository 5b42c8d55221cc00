#pragma once
// Reads transcripts back: lines, and the words in them. What the lines mean: sim/README.md. What a run looks like that is made
// of them: picture/history.h.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/time.h"

namespace meshdict::sim {

struct TranscriptLine {
  /// In the file, from 1.
  std::size_t number = 0;
  /// As it stands, without its end.
  std::string text;
  /// "# <what>": of the run as a whole.
  bool remark = false;
  Duration at{};
  /// "-": nobody's; both point into `text`.
  std::string_view node;
  std::string_view what;

  TranscriptLine() = default;
  TranscriptLine(const TranscriptLine&) = delete;
  TranscriptLine& operator=(const TranscriptLine&) = delete;
};

/// Reads the lines of one transcript. A line has at most sim_limits::kMaxLine bytes.
class TranscriptReader {
 public:
  /// `file` stays the caller's and is read from where it stands; `name` is for errors.
  TranscriptReader(std::FILE* file, std::string name) : file_(file), name_(std::move(name)) {}

  /// False at the end. Error text, with file and line: it is no transcript, cannot be read, or a line is damaged.
  std::expected<bool, std::string> next(TranscriptLine& line);
  /// An error text about the line that was read last.
  [[nodiscard]] std::string error(std::string_view what) const;

 private:
  std::FILE* file_;
  std::string name_;
  std::size_t lines_ = 0;
};

/// The words of a line, as word_text() has written them.
class Words {
 public:
  /// Keeps a view of `text`.
  explicit Words(std::string_view text) : rest_(text) {}
  explicit Words(std::string&& text) = delete;
  /// The next word without its quotes; nothing at the end.
  std::optional<std::string> next();
  /// What was not taken yet, without the spaces before it.
  [[nodiscard]] std::string_view rest() const { return rest_; }
  /// Takes `word` when it is next.
  bool skip(std::string_view word);

 private:
  void skip_spaces();
  std::string_view rest_;
};

/// Reads what seconds_text() writes.
std::optional<Duration> parse_seconds(std::string_view text);

/// A line that speaks of a frame: "c3 -> bob #17 store 212 B 3fa9c1d2 colour".
struct FrameLine {
  std::uint64_t conn = 0;
  /// Otherwise it has arrived.
  bool sent = false;
  std::string peer;
  std::uint64_t number = 0;
  std::string kind;
  std::uint64_t size = 0;
  std::string id;
  /// Words; points into the line.
  std::string_view keys;
};
/// Nothing for any other line.
std::optional<FrameLine> parse_frame_line(std::string_view what);

}  // namespace meshdict::sim
