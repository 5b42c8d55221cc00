// The connection itself: greetings, names, goodbye. Also the helpers that all commands share.

#include <fmt/format.h>

#include <algorithm>

#include "app/commands.h"
#include "app/resp_limits.h"
#include "core/parse_number.h"

namespace meshdict {
void reply_syntax_error(RespSession& session) {
  session.reply().error("ERR syntax error");
}

void reply_not_integer(RespSession& session) {
  session.reply().error("ERR value is not an integer or out of range");
}

std::string wrong_arity(std::string_view name) {
  return fmt::format("ERR wrong number of arguments for '{}' command", name);
}

void reply_arity(RespSession& session, std::string_view name) {
  session.reply().error(wrong_arity(name));
}

void run_subcommand(RespSession& session, Arguments arguments, std::span<const Subcommand> known) {
  const std::string container = to_lower(arguments[0]);
  const auto found =
      std::ranges::find_if(known, [&](const Subcommand& one) { return is_word(arguments[1], one.name); });
  if (found == known.end()) {
    std::string upper = container;
    for (char& c : upper)
      c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    session.reply().error(fmt::format("ERR unknown subcommand '{}'. Try {} HELP.", arguments[1].substr(0, 128), upper));
    return;
  }
  const auto count = static_cast<int>(arguments.size());
  if (found->arity > 0 ? count != found->arity : count < -found->arity) {
    return reply_arity(session, fmt::format("{}|{}", container, found->name));
  }
  found->run(session, arguments);
}

void reply_help(RespSession& session, std::span<const std::string_view> lines) {
  session.reply().array(lines.size());
  for (const std::string_view text : lines)
    session.reply().simple(text);
}

namespace commands {
namespace {

/// Names stand in the lines of CLIENT LIST: no blanks, nothing unprintable.
bool is_good_name(std::string_view name) {
  return name.size() <= resp_limits::kMaxClientName &&
         std::ranges::all_of(name, [](char c) { return c > ' ' && c <= '~'; });
}

void reply_bad_name(RespSession& session, std::string_view what) {
  session.reply().error(fmt::format("ERR {} cannot contain spaces, newlines or special characters.", what));
}

bool set_name(RespSession& session, std::string_view name) {
  if (!is_good_name(name)) {
    reply_bad_name(session, "Client names");
    return false;
  }
  session.name = name;
  return true;
}

void client_setname(RespSession& session, Arguments arguments) {
  if (set_name(session, arguments[2])) session.reply().simple("OK");
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

void client_list(RespSession& session, Arguments) {
  std::string list;
  for (const auto& [id, other] : session.service().sessions)
    list += other->describe() + "\n";
  session.reply().bulk(list);
}

constexpr std::string_view kClientHelp[] = {
    "CLIENT GETNAME",
    "    Return the name of the current connection.",
    "CLIENT ID",
    "    Return the ID of the current connection.",
    "CLIENT INFO",
    "    Return information about the current connection.",
    "CLIENT LIST",
    "    Return information about all client connections.",
    "CLIENT SETINFO (LIB-NAME|LIB-VER) value",
    "    Tell the client library's name or version.",
    "CLIENT SETNAME name",
    "    Name the current connection.",
};

}  // namespace

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
  const auto index = parse_number<std::int64_t>(arguments[1]);
  if (!index) return reply_not_integer(session);
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

void auth(RespSession& session, Arguments arguments) {
  if (arguments.size() > 3) return reply_syntax_error(session);
  session.reply().error(
      "ERR AUTH <password> called without any password configured for the default user. Are you "
      "sure your configuration is correct?");
}

void hello(RespSession& session, Arguments arguments) {
  if (arguments.size() > 1) {
    const auto version = parse_number<std::int64_t>(arguments[1]);
    if (!version) {
      session.reply().error("ERR Protocol version is not an integer or out of range");
      return;
    }
    if (*version != 2) {
      session.reply().error("NOPROTO unsupported protocol version");
      return;
    }
  }
  for (std::size_t i = 2; i < arguments.size(); ++i) {
    if (is_word(arguments[i], "auth") && i + 2 < arguments.size()) {
      return auth(session, arguments.subspan(i, 3));
    }
    if (!is_word(arguments[i], "setname") || i + 1 >= arguments.size()) {
      session.reply().error(fmt::format("ERR Syntax error in HELLO option '{}'", arguments[i].substr(0, 128)));
      return;
    }
    if (!set_name(session, arguments[++i])) return;
  }
  session.reply().array(14);
  session.reply().field("server", "redis").field("version", kRedisVersion).field("proto", 2);
  session.reply().field("id", session.id()).field("mode", "standalone").field("role", "master");
  session.reply().bulk("modules").array(0);
}

void client(RespSession& session, Arguments arguments) {
  static constexpr Subcommand kSubcommands[] = {
      {"setname", 3, client_setname},
      {"getname", 2, client_getname},
      {"id", 2, [](RespSession& s, Arguments) { s.reply().integer(s.id()); }},
      {"info", 2, [](RespSession& s, Arguments) { s.reply().bulk(s.describe() + "\n"); }},
      {"list", 2, client_list},
      {"setinfo", 4, client_setinfo},
      {"help", 2, [](RespSession& s, Arguments) { reply_help(s, kClientHelp); }},
  };
  run_subcommand(session, arguments, kSubcommands);
}

void reset(RespSession& session, Arguments) {
  session.reset();
  session.reply().simple("RESET");
}

}  // namespace commands
}  // namespace meshdict
