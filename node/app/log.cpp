#include "app/log.h"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <iterator>
#include <utility>

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

spdlog::logger& sink() {
  static const auto kLogger = [] {
    auto made = spdlog::stderr_color_mt("meshdict");
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%-7l%$ %v");
    made->set_level(spdlog::level::trace);
    return made;
  }();
  return *kLogger;
}

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
  if (is_on(level)) sink().log(to_spdlog(level), text);
}

void Log::write_limited(LogLevel level, std::string_view kind, std::string_view text) {
  if (!is_on(level)) return;
  Kind& entry = kinds_[kind];
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

void Log::flush() {
  sink().flush();
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
