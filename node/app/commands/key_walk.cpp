#include "app/commands/key_walk.h"

#include <cstdint>

#include "app/commands/commands.h"
#include "core/base/parse_number.h"

namespace meshdict::commands {
namespace {

/// As Redis reads it, with C's strtoull: nothing is 0, and a sign may stand before the digits; but none is below 0.
std::optional<std::uint64_t> read_cursor(std::string_view text) {
  if (text.empty()) return 0;
  const bool negative = text.front() == '-';
  if (negative || text.front() == '+') text.remove_prefix(1);
  const auto number = parse_number<std::uint64_t>(text);
  if (!number || (negative && *number != 0)) return std::nullopt;
  return number;
}

}  // namespace

std::string behind(std::string_view key) {
  return std::string(key) + '\0';
}

std::optional<std::string> begin_walk(RespSession& session, std::string_view text) {
  const auto cursor = read_cursor(text);
  if (!cursor) {
    session.reply().error("ERR invalid cursor");
    return std::nullopt;
  }
  if (*cursor == 0) return std::string();
  const auto last_key = session.service().cursors.take(*cursor, session.user()->name);
  if (!last_key) {
    session.reply().error("ERR invalid cursor: unknown to this node, or forgotten; start again with 0");
    return std::nullopt;
  }
  return behind(*last_key);
}

}  // namespace meshdict::commands
