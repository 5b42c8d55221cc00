#include "app/option_values.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

#include "app/system/byte_size.h"
#include "net/addresses.h"

namespace meshdict {

Endpoint read_endpoint(const char* option, const std::string& text) {
  auto parsed = parse_endpoint(text);
  if (!parsed) throw CLI::ValidationError(option, printable(parsed.error()));
  return std::move(*parsed);
}

std::size_t read_choice(const char* option, const std::string& text, std::initializer_list<std::string_view> choices) {
  const std::string_view* const found = std::ranges::find(choices, CLI::detail::to_lower(text));
  if (found != choices.end()) return static_cast<std::size_t>(found - choices.begin());
  throw CLI::ValidationError(option, fmt::format("'{}' is neither {}", printable(text, 40),
                                                 fmt::join(choices.begin(), choices.end(), " nor ")));
}

std::int64_t read_whole_number(const char* option, const std::string& text, std::int64_t least, std::int64_t most) {
  std::int64_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && stop == text.data() + text.size();
  if (!whole || number < least || number > most) {
    throw CLI::ValidationError(option,
                               fmt::format("'{}' is not a number from {} to {}", printable(text, 40), least, most));
  }
  return number;
}

LogLevel read_log_level(const char* option, const std::string& text) {
  if (const auto level = log_level_named(text)) return *level;
  throw CLI::ValidationError(option,
                             fmt::format("'{}' is not one of trace, debug, info, warn, error", printable(text, 40)));
}

std::uint64_t read_size(const char* option, const std::string& text, std::uint64_t least) {
  const auto size = parse_byte_size(text);
  if (!size) {
    throw CLI::ValidationError(option,
                               fmt::format("'{}' is not a size such as 100000000, 120MB or 2GB", printable(text, 40)));
  }
  if (*size > 0 && *size < least) {
    throw CLI::ValidationError(option,
                               fmt::format("{} bytes are too few: {} at least, or 0 for no bound", *size, least));
  }
  return *size;
}

}  // namespace meshdict
