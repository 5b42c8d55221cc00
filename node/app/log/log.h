#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "core/env/clock.h"

namespace meshdict {

enum class LogLevel : std::uint8_t { kTrace, kDebug, kInfo, kWarn, kError };

/// Counts lines of one kind: those beyond kPerSecond in a second are to be suppressed, and reported as a number later.
class LogLimiter {
 public:
  static constexpr std::uint64_t kPerSecond = 5;

  struct Verdict {
    bool write = false;
    std::uint64_t suppressed_before = 0;  ///< in the last second that had any; to be reported first
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

/// The node's log, on stderr: one line an event. Kinds of lines that strangers can cause are limited. No call waits for who
/// reads it: lines that find no room are dropped, and their number is told once there is some.
class Log {
 public:
  /// `clock` outlives the log.
  Log(LogLevel level, const Clock& clock);

  void set_level(LogLevel level) { level_ = level; }
  [[nodiscard]] bool is_on(LogLevel level) const { return level >= level_; }
  void write(LogLevel level, std::string_view text);
  /// `kind` lives for ever (a literal).
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
  std::map<std::string_view, Kind> kinds_;
  bool has_suppressed_ = false;
  MonoTime told_dropped_;
};

/// One line on stderr behind all that was logged, with which a program ends; it has then got out, or nobody reads.
void write_last_line(std::string_view text);
/// Waits until what was logged has got out, for a second at most.
void flush_log();

/// Text of others for a log line: unprintable characters as \xNN, cut at `bound` characters.
std::string printable(std::string_view text, std::size_t bound = 200);

}  // namespace meshdict
