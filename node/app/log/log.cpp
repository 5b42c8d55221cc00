#include "app/log/log.h"

#include <fmt/format.h>
#include <spdlog/details/os.h>
#include <spdlog/pattern_formatter.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <ctime>
#include <iterator>
#include <string>

#include "app/log/format.h"
#include "app/log/writer.h"
#include "core/base/ascii.h"

namespace meshdict {
namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kTrace:
      return spdlog::level::trace;
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

/// On a terminal; elsewhere nothing.
std::string_view colour_of(LogLevel level) {
  static const bool kColours = spdlog::details::os::in_terminal(stderr) && spdlog::details::os::is_color_terminal();
  if (!kColours) return {};
  switch (level) {
    case LogLevel::kTrace:
      return "\033[37m";
    case LogLevel::kDebug:
      return "\033[36m";
    case LogLevel::kInfo:
      return "\033[32m";
    case LogLevel::kWarn:
      return "\033[33m\033[1m";
    case LogLevel::kError:
      return "\033[31m\033[1m";
  }
  return {};
}

LogFormat format_of_lines = LogFormat::kText;

/// In the order of LogLevel.
constexpr std::array<std::string_view, 5> kLevels{"trace", "debug", "info", "warn", "error"};

/// As lines for people have it.
std::string_view shown_level(LogLevel level) {
  return level == LogLevel::kWarn ? "warning" : to_string(level);
}

/// `text` is printable, or nearly so: what is not ASCII stands as its bytes.
std::string json_line(std::string_view level, std::string_view text) {
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  std::string line = fmt::format(R"({{"time":"{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z","level":"{}","message":")",
                                 utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                                 now.time_since_epoch().count() % 1000, level);
  for (const char c : text) {
    if (c == '"' || c == '\\') line += '\\';
    if (c >= ' ' && c <= '~') {
      line += c;
    } else {
      fmt::format_to(std::back_inserter(line), "\\u{:04x}", static_cast<unsigned char>(c));
    }
  }
  return line + "\"}\n";
}

/// With time and level, and the level in colour where there is one.
std::string make_line(LogLevel level, std::string_view text) {
  if (format_of_lines == LogFormat::kJson) return json_line(shown_level(level), text);
  static spdlog::pattern_formatter formatter("%Y-%m-%dT%H:%M:%S.%e %^%-7l%$ %v");
  const spdlog::details::log_msg message("meshdict", to_spdlog(level), text);
  spdlog::memory_buf_t made;
  formatter.format(message, made);
  std::string line(made.data(), made.size());
  if (const std::string_view colour = colour_of(level); !colour.empty()) {
    line.insert(message.color_range_end, "\033[m");
    line.insert(message.color_range_start, colour);
  }
  return line;
}

LogWriter& writer() {
  static LogWriter writer(STDERR_FILENO);
  return writer;
}

/// A reader that is not there for longer is not there.
constexpr std::chrono::seconds kPatience{1};

}  // namespace

LogLimiter::Verdict LogLimiter::count(MonoTime now) {
  Verdict verdict;
  if (now - second_begins_ >= 1s) {
    verdict.suppressed_before = take_suppressed(now);
    second_begins_ = now;
    in_second_ = 0;
  }
  verdict.write = ++in_second_ <= kPerSecond;
  return verdict;
}

std::uint64_t LogLimiter::take_suppressed(MonoTime now) {
  if (now - second_begins_ < 1s || in_second_ <= kPerSecond) return 0;
  const std::uint64_t suppressed = in_second_ - kPerSecond;
  in_second_ = 0;
  return suppressed;
}

Log::Log(LogLevel level, const Clock& clock) : level_(level), clock_(clock) {}

void Log::write(LogLevel level, std::string_view text) {
  if (is_on(level)) writer().add(make_line(level, text));
}

void Log::write_limited(LogLevel level, std::string_view kind, std::string_view text) {
  if (!is_on(level)) return;
  auto found = kinds_.find(kind);
  if (found == kinds_.end()) found = kinds_.emplace(std::string(kind), Kind{}).first;
  Kind& entry = found->second;
  entry.level = level;
  const LogLimiter::Verdict verdict = entry.limiter.count(clock_.monotonic());
  if (verdict.suppressed_before > 0) {
    write(level, fmt::format("{}: {} more suppressed", kind, verdict.suppressed_before));
  }
  if (verdict.write) {
    write(level, text);
  } else {
    has_suppressed_ = true;
  }
}

void Log::report_suppressed() {
  report_dropped();
  if (!has_suppressed_) return;
  const MonoTime now = clock_.monotonic();
  bool left = false;
  for (auto& [kind, entry] : kinds_) {
    if (const std::uint64_t count = entry.limiter.take_suppressed(now); count > 0) {
      write(entry.level, fmt::format("{}: {} more suppressed", kind, count));
    }
    left = left || entry.limiter.is_suppressing();
  }
  has_suppressed_ = left;
}

void Log::report_dropped() {
  const MonoTime now = clock_.monotonic();
  // A log that cannot be written at all loses this line as well: not more often than it is of use.
  if (now - told_dropped_ < 1s) return;
  told_dropped_ = now;
  if (const std::uint64_t count = writer().take_lost(); count > 0) {
    write(LogLevel::kError, fmt::format("{} lines of this log are lost: they could not be written in time", count));
  }
}

std::string_view to_string(LogLevel level) {
  return kLevels[static_cast<std::size_t>(level)];
}

std::optional<LogLevel> log_level_named(std::string_view name) {
  for (std::size_t i = 0; i < kLevels.size(); ++i) {
    if (is_word(name, kLevels[i])) return static_cast<LogLevel>(i);
  }
  return std::nullopt;
}

void set_log_format(LogFormat format) {
  format_of_lines = format;
}

void write_last_line(std::string_view text) {
  writer().add_last(format_of_lines == LogFormat::kJson ? json_line("fatal", text) : std::string(text) + "\n");
  flush_log();
}

void flush_log() {
  writer().flush(kPatience);
}

std::string printable(std::string_view text, std::size_t bound) {
  std::string result;
  for (const char c : text) {
    if (result.size() >= bound) return result + "...";
    if (c >= ' ' && c <= '~') {
      result += c;
    } else {
      fmt::format_to(std::back_inserter(result), "\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  return result;
}

}  // namespace meshdict
