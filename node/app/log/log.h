#pragma once
// The node's log on stderr, its levels, and the limit for lines that strangers can cause.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/env/clock.h"

namespace meshdict {

enum class LogLevel : std::uint8_t { kTrace, kDebug, kInfo, kWarn, kError };
/// As options name it: "trace", "debug", "info", "warn" or "error".
std::string_view to_string(LogLevel level);
/// In any case; nothing for what is none of these.
std::optional<LogLevel> log_level_named(std::string_view name);

/// Counts lines of one kind: those beyond kPerSecond in a second are to be suppressed, and reported as a number later.
class LogLimiter {
 public:
  static constexpr std::uint64_t kPerSecond = 5;

  struct Verdict {
    bool write = false;
    /// Lines suppressed in the last second that had any; to be reported first.
    std::uint64_t suppressed_before = 0;
  };
  Verdict count(MonoTime now);
  /// Suppressed lines of a second that is over; each is told once.
  std::uint64_t take_suppressed(MonoTime now);
  /// True while there is something that has not been told.
  [[nodiscard]] bool is_suppressing() const { return in_second_ > kPerSecond; }

 private:
  MonoTime second_begins_;
  std::uint64_t in_second_ = 0;
};

/// The node's log, on stderr: one line an event. Kinds of lines that strangers can cause are limited. No call waits for the
/// reader of the log: lines that find no room are dropped, and their number is told once there is room.
class Log {
 public:
  /// `clock` outlives the log.
  Log(LogLevel level, const Clock& clock);

  void set_level(LogLevel level) { level_ = level; }
  [[nodiscard]] bool is_on(LogLevel level) const { return level >= level_; }
  void write(LogLevel level, std::string_view text);
  /// `kind`: one of a set of a few, not a text of others.
  void write_limited(LogLevel level, std::string_view kind, std::string_view text);
  /// Reports what was suppressed in seconds that are over, and what was dropped. Call now and then.
  void report_suppressed();

 private:
  void report_dropped();

  struct Kind {
    LogLimiter limiter;
    LogLevel level = LogLevel::kInfo;
  };

  LogLevel level_;
  const Clock& clock_;
  std::map<std::string, Kind, std::less<>> kinds_;
  bool has_suppressed_ = false;
  MonoTime told_dropped_;
};

/// The line with which a program ends, on stderr, behind all that was logged. On return it has been written, or nobody reads.
void write_last_line(std::string_view text);
/// Waits until what was logged has been written, for a second at most.
void flush_log();

/// Text from others, fit for a log line: unprintable characters as \xNN, cut at `bound` characters.
std::string printable(std::string_view text, std::size_t bound = 200);

}  // namespace meshdict
