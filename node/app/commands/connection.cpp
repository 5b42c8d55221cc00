// The connection itself: greetings, names, goodbye. Also the helpers that all commands share.

#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "app/access/access_limits.h"
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

void log_in(RespSession& session, std::string_view user, std::string_view password, RespSession::Greeting greet) {
  if (password.size() > access_limits::kMaxPassword) {
    session.reply().error(fmt::format("ERR a password has at most {} bytes", access_limits::kMaxPassword));
  } else if (session.runs_transaction()) {
    session.reply().error("ERR a password cannot be checked inside a transaction");
  } else {
    session.log_in(user, password, std::move(greet));
  }
}

}  // namespace

void auth(RespSession& session, Arguments arguments) {
  if (arguments.size() > 3) return reply_syntax_error(session);
  const Users& users = session.service().logins.users();
  if (arguments.size() == 2 && users.find(kDefaultUser) == users.stranger() && users.stranger() != nullptr) {
    session.reply().error(
        "ERR AUTH <password> called without any password configured for the default user. Are you "
        "sure your configuration is correct?");
    return;
  }
  const std::string_view user = arguments.size() == 2 ? kDefaultUser : arguments[1];
  log_in(session, user, arguments.back(), [](ReplyWriter reply) { reply.simple("OK"); });
}

namespace {

struct HelloOptions {
  std::optional<std::pair<std::string_view, std::string_view>> login;  ///< user and password
  std::optional<std::string_view> name;
};

/// False when it has replied with an error.
bool read_options(RespSession& session, Arguments arguments, HelloOptions& out) {
  for (std::size_t i = 2; i < arguments.size(); ++i) {
    if (is_word(arguments[i], "auth") && i + 2 < arguments.size()) {
      out.login = {arguments[i + 1], arguments[i + 2]};
      i += 2;
    } else if (is_word(arguments[i], "setname") && i + 1 < arguments.size()) {
      out.name = arguments[++i];
      if (!check_client_name(session, *out.name)) return false;
    } else {
      session.reply().error(fmt::format("ERR Syntax error in HELLO option '{}'", arguments[i].substr(0, 128)));
      return false;
    }
  }
  return true;
}

void greet(RespSession& session, ReplyWriter reply) {
  reply.array(14);
  reply.field("server", "redis").field("version", kRedisVersion).field("proto", 2);
  reply.field("id", session.id()).field("mode", "standalone").field("role", "master");
  reply.bulk("modules").array(0);
}

}  // namespace

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
  HelloOptions options;
  if (!read_options(session, arguments, options)) return;
  const auto welcome = [&session, name = options.name ? std::optional<std::string>(*options.name)
                                                      : std::nullopt](ReplyWriter reply) {
    if (name) session.name = *name;
    greet(session, reply);
  };
  if (options.login) return log_in(session, options.login->first, options.login->second, welcome);
  if (session.user() == nullptr) {
    session.reply().error(
        "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> "
        "<pass> option can be used to authenticate the client and select the RESP protocol version at the same time");
    return;
  }
  welcome(session.reply());
}

void reset(RespSession& session, Arguments) {
  session.reset();
  session.reply().simple("RESET");
}

}  // namespace commands
}  // namespace meshdict
