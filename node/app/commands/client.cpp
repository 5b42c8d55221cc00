// CLIENT: names, lists and ends the connections of clients.

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/commands/commands.h"
#include "app/resp/integer.h"
#include "app/resp/limits.h"

namespace meshdict::commands {
namespace {

/// Names stand in the lines of CLIENT LIST: no blanks, nothing unprintable.
bool is_good_name(std::string_view name) {
  return name.size() <= resp_limits::kMaxClientName &&
         std::ranges::all_of(name, [](char c) { return c > ' ' && c <= '~'; });
}

void reply_bad_name(RespSession& session, std::string_view what) {
  session.reply().error(fmt::format("ERR {} cannot contain spaces, newlines or special characters.", what));
}

}  // namespace

bool check_client_name(RespSession& session, std::string_view name) {
  if (is_good_name(name)) return true;
  reply_bad_name(session, "Client names");
  return false;
}

namespace {

void client_setname(RespSession& session, Arguments arguments) {
  if (!check_client_name(session, arguments[2])) return;
  session.name = arguments[2];
  session.reply().simple("OK");
}

void client_getname(RespSession& session, Arguments) {
  if (session.name.empty()) {
    session.reply().nil();
  } else {
    session.reply().bulk(session.name);
  }
}

void client_setinfo(RespSession& session, Arguments arguments) {
  const bool is_library = is_word(arguments[2], "lib-name");
  if (!is_library && !is_word(arguments[2], "lib-ver")) {
    session.reply().error(fmt::format("ERR Unrecognized option '{}'", arguments[2].substr(0, 128)));
    return;
  }
  if (!is_good_name(arguments[3])) {
    return reply_bad_name(session, is_library ? "lib-name" : "lib-ver");
  }
  (is_library ? session.library : session.library_version) = arguments[3];
  session.reply().simple("OK");
}

/// Redis's kinds of clients: there is no other node among ours.
bool is_client_type(std::string_view word) {
  return is_word(word, "normal") || is_word(word, "pubsub") || is_word(word, "master") || is_word(word, "replica") ||
         is_word(word, "slave");
}

/// Which clients are meant: all, without conditions.
struct ClientFilter {
  std::vector<std::uint64_t> ids;  ///< in order
  std::optional<std::string> address;
  std::optional<std::string> own_address;
  std::optional<std::string> type;
  std::optional<std::string> user;
  bool skip_me = false;

  [[nodiscard]] bool matches(RespSession& asking, const RespSession& other) const {
    if (skip_me && &asking == &other) return false;
    if (!ids.empty() && !std::ranges::binary_search(ids, other.id())) return false;
    if (address && *address != other.remote()) return false;
    if (own_address && *own_address != to_string(asking.service().facts.resp_address)) return false;
    if (user && (other.user() == nullptr ? kDefaultUser : std::string_view(other.user()->name)) != *user) return false;
    return !type || is_word(*type, other.subscriptions() > 0 ? "pubsub" : "normal");
  }
};

/// False when it has replied with an error.
bool read_type(RespSession& session, std::string_view word, ClientFilter& out) {
  if (!is_client_type(word)) {
    session.reply().error(fmt::format("ERR Unknown client type '{}'", word.substr(0, 128)));
    return false;
  }
  out.type = std::string(word);
  return true;
}

/// One option of CLIENT KILL and its value. False when it has replied with an error.
bool read_kill_option(RespSession& session, std::string_view option, std::string_view value, ClientFilter& out) {
  if (is_word(option, "id")) {
    const auto id = parse_integer(value);
    if (!id || *id < 1) {
      session.reply().error("ERR client-id should be greater than 0");
      return false;
    }
    out.ids = {static_cast<std::uint64_t>(*id)};
  } else if (is_word(option, "addr")) {
    out.address = std::string(value);
  } else if (is_word(option, "laddr")) {
    out.own_address = std::string(value);
  } else if (is_word(option, "type")) {
    return read_type(session, value, out);
  } else if (is_word(option, "user")) {
    if (value != kDefaultUser && session.service().logins.users().find(value) == nullptr) {
      session.reply().error(fmt::format("ERR No such user '{}'", value.substr(0, 128)));
      return false;
    }
    out.user = std::string(value);
  } else if (is_word(option, "skipme") && (is_word(value, "yes") || is_word(value, "no"))) {
    out.skip_me = is_word(value, "yes");
  } else {
    reply_syntax_error(session);
    return false;
  }
  return true;
}

/// How many were ended. The one that asks gets its reply first.
std::size_t end_matching(RespSession& session, const ClientFilter& filter) {
  session.charge(session.service().sessions.size());
  std::size_t count = 0;
  for (const auto& [id, other] : session.service().sessions) {
    if (other->closing() || !filter.matches(session, *other)) continue;
    ++count;
    if (other == &session) {
      session.close_after_reply();
    } else {
      other->end();
    }
  }
  return count;
}

void client_kill(RespSession& session, Arguments arguments) {
  ClientFilter filter;
  if (arguments.size() == 3) {
    filter.address = std::string(arguments[2]);
    if (end_matching(session, filter) > 0) {
      session.reply().simple("OK");
    } else {
      session.reply().error("ERR No such client");
    }
    return;
  }
  filter.skip_me = true;
  if (arguments.size() % 2 != 0) return reply_syntax_error(session);
  for (std::size_t i = 2; i < arguments.size(); i += 2) {
    if (!read_kill_option(session, arguments[i], arguments[i + 1], filter)) return;
  }
  session.reply().integer(end_matching(session, filter));
}

/// CLIENT LIST, step by step, in the order of ids. One that comes or goes meanwhile may be in it or not.
class ClientsMatching {
 public:
  ClientsMatching(RespSession& session, ClientFilter filter) : session_(session), filter_(std::move(filter)) {}

  bool operator()(std::string& reply, std::size_t& steps) {
    constexpr std::size_t kStepsToDescribe = 30;
    const auto& all = session_.service().sessions;
    for (auto it = all.upper_bound(last_); it != all.end(); ++it) {
      if (steps == 0) return false;
      --steps;
      last_ = it->first;
      if (!filter_.matches(session_, *it->second)) continue;
      steps -= std::min(steps, kStepsToDescribe);
      list_ += it->second->describe() + "\n";
    }
    ReplyWriter(reply).bulk(list_);
    return true;
  }

 private:
  RespSession& session_;
  ClientFilter filter_;
  std::uint64_t last_ = 0;
  std::string list_;
};

void client_list(RespSession& session, Arguments arguments) {
  const Arguments options = arguments.subspan(2);
  ClientFilter filter;
  if (options.size() == 2 && is_word(options[0], "type")) {
    if (!read_type(session, options[1], filter)) return;
  } else if (options.size() > 1 && is_word(options[0], "id")) {
    for (const std::string_view word : options.subspan(1)) {
      const auto id = parse_integer(word);
      if (!id) {
        session.reply().error("ERR Invalid client ID");
        return;
      }
      filter.ids.push_back(static_cast<std::uint64_t>(*id));
    }
    std::ranges::sort(filter.ids);
  } else if (!options.empty()) {
    return reply_syntax_error(session);
  }
  const std::size_t holds = filter.ids.size() * sizeof(std::uint64_t);
  session.run_long(ClientsMatching(session, std::move(filter)), holds);
}

void client_pause(RespSession& session, Arguments arguments) {
  const bool writes = arguments.size() == 4 && is_word(arguments[3], "write");
  if (arguments.size() > 4) return reply_syntax_error(session);
  if (arguments.size() == 4 && !writes && !is_word(arguments[3], "all")) {
    session.reply().error("ERR CLIENT PAUSE mode must be WRITE or ALL");
    return;
  }
  const auto timeout = parse_integer(arguments[2]);
  if (!timeout || *timeout < 0) {
    session.reply().error(timeout ? "ERR timeout is negative" : "ERR timeout is not an integer or out of range");
    return;
  }
  RespService& service = session.service();
  const std::int64_t ms = std::min<std::int64_t>(*timeout, resp_limits::kLongestPause.count());
  Pause pause{.until = service.clock.monotonic() + std::chrono::milliseconds(ms), .writes_only = writes};
  // Of two pauses the longer and the stricter holds.
  if (service.pause && service.clock.monotonic() < service.pause->until) {
    pause.until = std::max(pause.until, service.pause->until);
    pause.writes_only &= service.pause->writes_only;
  }
  service.pause = pause;
  session.reply().simple("OK");
}

void client_unpause(RespSession& session, Arguments) {
  session.service().end_pause();
  session.reply().simple("OK");
}

/// Nobody's keys are evicted and no reads are noted, so that either is in force for everybody.
void client_on_or_off(RespSession& session, Arguments arguments) {
  if (!is_word(arguments[2], "on") && !is_word(arguments[2], "off")) return reply_syntax_error(session);
  session.reply().simple("OK");
}

}  // namespace

std::span<const Subcommand> client_subcommands() {
  static constexpr Access kAdminister{Right::kAdmin, Access::Touches::kNothing};
  static constexpr Subcommand kSubcommands[] = {
      {"getname", 2, Access::everybody(), client_getname, "", "Returns the name of this connection."},
      {"id", 2, Access::everybody(), [](RespSession& s, Arguments) { s.reply().integer(s.id()); }, "",
       "Returns the number of this connection."},
      {"info", 2, Access::everybody(), [](RespSession& s, Arguments) { s.reply().bulk(s.describe() + "\n"); }, "",
       "Describes this connection."},
      {"kill", -3, kAdminister, client_kill,
       "ip:port | [ID id] [ADDR ip:port] [LADDR ip:port] [TYPE NORMAL | PUBSUB] [USER name] [SKIPME yes | no]",
       "Ends connections of clients."},
      {"list", -2, kAdminister, client_list, "[TYPE NORMAL | PUBSUB] [ID id [id ...]]",
       "Describes the connections of clients."},
      {"no-evict", 3, kAdminister, client_on_or_off, "ON | OFF", "Answers OK: no client is ended to make room."},
      {"no-touch", 3, Access::everybody(), client_on_or_off, "ON | OFF", "Answers OK: reads are not noted."},
      {"pause", -3, kAdminister, client_pause, "timeout [WRITE | ALL]",
       "Holds back the commands of clients, or those that write, for so many ms; CLIENT itself goes on."},
      {"setinfo", 4, Access::everybody(), client_setinfo, "LIB-NAME name | LIB-VER version",
       "Tells the name or version of the client's library."},
      {"setname", 3, Access::everybody(), client_setname, "name", "Names this connection."},
      {"unpause", 2, kAdminister, client_unpause, "", "Ends the pause."},
  };
  return kSubcommands;
}

}  // namespace meshdict::commands
