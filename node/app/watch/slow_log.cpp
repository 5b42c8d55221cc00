#include "app/watch/slow_log.h"

#include <fmt/format.h>

#include <utility>

#include "app/watch/limits.h"
#include "core/base/ascii.h"

namespace meshdict {
namespace {

std::string cut(std::string_view argument) {
  if (argument.size() <= watch_limits::kSlowArgumentBytes) return std::string(argument);
  return fmt::format("{}... ({} more bytes)", argument.substr(0, watch_limits::kSlowArgumentBytes),
                     argument.size() - watch_limits::kSlowArgumentBytes);
}

}  // namespace

std::vector<std::string> shown_arguments(std::span<const std::string_view> arguments) {
  const bool secret = is_word(arguments[0], "auth") || is_word(arguments[0], "hello");
  if (secret && arguments.size() > 1) return {std::string(arguments[0]), "(redacted)"};
  const bool all = arguments.size() <= watch_limits::kSlowArguments;
  std::vector<std::string> shown;
  for (const std::string_view one : arguments.first(all ? arguments.size() : watch_limits::kSlowArguments - 1))
    shown.push_back(cut(one));
  if (!all) shown.push_back(fmt::format("... ({} more arguments)", arguments.size() - shown.size()));
  return shown;
}

void SlowLog::add(SlowCommand command) {
  command.id = next_++;
  entries_.push_front(std::move(command));
  limit(most_);
}

void SlowLog::limit(std::size_t most) {
  most_ = most;
  if (entries_.size() > most) entries_.resize(most);
}

}  // namespace meshdict
