// The connection itself: greetings, names, goodbye. Also the helpers that all commands share.

#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <optional>

#include "app/commands/commands.h"
#include "app/resp/glob.h"
#include "app/resp/integer.h"

namespace meshdict {
void reply_syntax_error(RespSession& session) {
  session.reply().error("ERR syntax error");
}

void reply_not_integer(RespSession& session) {
  session.reply().error("ERR value is not an integer or out of range");
}

std::string bad_pattern() {
  return fmt::format("ERR a pattern may be {} bytes long, and have {} characters and sets behind its literal beginning",
                     Glob::kMaxPattern, Glob::kMaxElements);
}

void reply_bad_pattern(RespSession& session) {
  session.reply().error(bad_pattern());
}

void reply_arity(RespSession& session, std::string_view name) {
  session.reply().error(wrong_arity(name));
}

namespace {

void reply_help(RespSession& session, const CommandSpec& container) {
  const auto known = container.subcommands();
  session.reply().array(2 * known.size() + 3);
  session.reply().simple(to_upper(container.name) + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
  for (const Subcommand& one : known) {
    const std::string_view blank = one.syntax.empty() ? "" : " ";
    session.reply().simple(fmt::format("{}{}{}", to_upper(one.name), blank, one.syntax));
    session.reply().simple(fmt::format("    {}", one.summary));
  }
  session.reply().simple("HELP").simple("    Print this help.");
}

}  // namespace

void run_subcommand(RespSession& session, Arguments arguments) {
  const CommandSpec& container = *session.service().commands.find(arguments[0]);
  const Subcommand* found = container.find_subcommand(arguments[1]);
  if (found == nullptr) return reply_help(session, container);
  found->run(session, arguments);
}

namespace commands {
void ping(RespSession& session, Arguments arguments) {
  if (arguments.size() > 2) return reply_arity(session, "ping");
  if (session.subscriptions() > 0) {
    session.reply().array(2).bulk("pong").bulk(arguments.size() == 2 ? arguments[1] : "");
  } else if (arguments.size() == 2) {
    session.reply().bulk(arguments[1]);
  } else {
    session.reply().simple("PONG");
  }
}

void echo(RespSession& session, Arguments arguments) {
  session.reply().bulk(arguments[1]);
}

void select(RespSession& session, Arguments arguments) {
  const auto index = parse_integer(arguments[1]);
  if (!index) return reply_not_integer(session);
  constexpr std::int64_t kLow = std::numeric_limits<std::int32_t>::min();
  constexpr std::int64_t kHigh = std::numeric_limits<std::int32_t>::max();
  if (*index < kLow || *index > kHigh) {
    session.reply().error(fmt::format("ERR value is out of range, value must between {} and {}", kLow, kHigh));
    return;
  }
  if (*index != 0) {
    session.reply().error("ERR DB index is out of range");
    return;
  }
  session.reply().simple("OK");
}

void quit(RespSession& session, Arguments) {
  session.reply().simple("OK");
  session.close_after_reply();
}

namespace {

/// The only user is "default", and it has no password: any will do. False when it has replied with an error.
bool check_user(RespSession& session, std::string_view user) {
  if (user == "default") return true;
  session.reply().error("WRONGPASS invalid username-password pair or user is disabled.");
  return false;
}

}  // namespace

void auth(RespSession& session, Arguments arguments) {
  if (arguments.size() > 3) return reply_syntax_error(session);
  if (arguments.size() == 2) {
    session.reply().error(
        "ERR AUTH <password> called without any password configured for the default user. Are you "
        "sure your configuration is correct?");
    return;
  }
  if (check_user(session, arguments[1])) session.reply().simple("OK");
}

void hello(RespSession& session, Arguments arguments) {
  if (arguments.size() > 1) {
    const auto version = parse_integer(arguments[1]);
    if (!version) {
      session.reply().error("ERR Protocol version is not an integer or out of range");
      return;
    }
    if (*version != 2) {
      session.reply().error("NOPROTO unsupported protocol version");
      return;
    }
  }
  std::optional<std::string_view> user;
  std::optional<std::string_view> name;
  for (std::size_t i = 2; i < arguments.size(); ++i) {
    if (is_word(arguments[i], "auth") && i + 2 < arguments.size()) {
      user = arguments[i + 1];
      i += 2;
    } else if (is_word(arguments[i], "setname") && i + 1 < arguments.size()) {
      name = arguments[++i];
      if (!check_client_name(session, *name)) return;
    } else {
      session.reply().error(fmt::format("ERR Syntax error in HELLO option '{}'", arguments[i].substr(0, 128)));
      return;
    }
  }
  if (user && !check_user(session, *user)) return;
  if (name) session.name = *name;
  session.reply().array(14);
  session.reply().field("server", "redis").field("version", kRedisVersion).field("proto", 2);
  session.reply().field("id", session.id()).field("mode", "standalone").field("role", "master");
  session.reply().bulk("modules").array(0);
}

void reset(RespSession& session, Arguments) {
  session.reset();
  session.reply().simple("RESET");
}

}  // namespace commands
}  // namespace meshdict
