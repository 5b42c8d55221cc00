// COMMAND and CONFIG: what client libraries ask before they begin.

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "app/commands.h"
#include "app/glob.h"
#include "app/resp_limits.h"

namespace meshdict::commands {
namespace {

std::vector<std::string_view> flag_names(const CommandSpec& spec) {
  constexpr std::array<std::pair<CommandSpec::Flags, std::string_view>, 5> kNames{{{CommandSpec::kWrite, "write"},
                                                                                   {CommandSpec::kReadonly, "readonly"},
                                                                                   {CommandSpec::kFast, "fast"},
                                                                                   {CommandSpec::kPubsub, "pubsub"},
                                                                                   {CommandSpec::kAdmin, "admin"}}};
  std::vector<std::string_view> names;
  for (const auto& [flag, name] : kNames) {
    if ((spec.flags & flag) != 0) names.push_back(name);
  }
  return names;
}

/// Ten elements as from Redis 7: the last four (ACL categories, tips, key specifications, subcommands) are empty.
void reply_info(RespSession& session, const CommandSpec& spec) {
  session.reply().array(10).bulk(spec.name).integer(spec.arity);
  const auto flags = flag_names(spec);
  session.reply().array(flags.size());
  for (const std::string_view flag : flags)
    session.reply().simple(flag);
  session.reply().integer(spec.first_key).integer(spec.last_key).integer(spec.key_step);
  session.reply().array(0).array(0).array(0).array(0);
}

/// Clients show name and arguments one behind the other. Our arguments are one text, which says as much to people as
/// Redis's tree of tokens does, and to redis-cli, which prints the names in it.
void reply_docs(RespSession& session, const CommandSpec& spec) {
  session.reply().bulk(spec.name).array(spec.syntax.empty() ? 6 : 8);
  session.reply().field("summary", spec.summary).field("since", MESHDICT_VERSION).field("group", spec.group);
  if (spec.syntax.empty()) return;
  session.reply().bulk("arguments").array(1).array(4).field("name", spec.syntax).field("type", "string");
}

void command_docs(RespSession& session, Arguments arguments) {
  const Arguments names = arguments.subspan(2);
  std::vector<const CommandSpec*> found;
  if (names.empty()) {
    for (const CommandSpec& spec : all_commands())
      found.push_back(&spec);
  }
  for (const std::string_view name : names) {
    if (const CommandSpec* spec = find_command(name)) found.push_back(spec);
  }
  session.reply().array(2 * found.size());
  for (const CommandSpec* spec : found)
    reply_docs(session, *spec);
}

void command_info(RespSession& session, Arguments arguments) {
  const Arguments names = arguments.size() > 1 ? arguments.subspan(2) : Arguments();
  if (names.empty()) {
    session.reply().array(all_commands().size());
    for (const CommandSpec& spec : all_commands())
      reply_info(session, spec);
    return;
  }
  session.reply().array(names.size());
  for (const std::string_view name : names) {
    if (const CommandSpec* spec = find_command(name)) {
      reply_info(session, *spec);
    } else {
      session.reply().nil_array();
    }
  }
}

void command_list(RespSession& session, Arguments) {
  session.reply().array(all_commands().size());
  for (const CommandSpec& spec : all_commands())
    session.reply().bulk(spec.name);
}

constexpr std::string_view kCommandHelp[] = {
    "COMMAND",
    "    Return details about all commands.",
    "COMMAND COUNT",
    "    Return the number of commands.",
    "COMMAND DOCS [<command-name> ...]",
    "    Return documentation about commands.",
    "COMMAND INFO [<command-name> ...]",
    "    Return details about commands.",
    "COMMAND LIST",
    "    Return the names of all commands.",
};

constexpr std::string_view kConfigHelp[] = {
    "CONFIG GET <pattern> [<pattern> ...]",
    "    Return settings whose names match.",
};

/// Those that redis-benchmark and client libraries ask for.
std::vector<std::pair<std::string_view, std::string>> settings(const RespService& service) {
  return {{"appendonly", "no"},
          {"databases", "1"},
          {"maxclients", std::to_string(service.max_clients)},
          {"maxmemory", "0"},
          {"notify-keyspace-events", "E$g"},
          {"proto-max-bulk-len", std::to_string(resp_limits::kMaxCommand)},
          {"save", ""},
          {"timeout", "0"}};
}

void config_get(RespSession& session, Arguments arguments) {
  const Arguments patterns = arguments.subspan(2);
  std::vector<std::pair<std::string_view, std::string>> found;
  for (auto& [name, value] : settings(session.service())) {
    for (const std::string_view pattern : patterns) {
      if (!glob_match(to_lower(pattern), name)) continue;
      found.emplace_back(name, std::move(value));
      break;
    }
  }
  session.reply().array(2 * found.size());
  for (const auto& [name, value] : found)
    session.reply().field(name, value);
}

}  // namespace

void command(RespSession& session, Arguments arguments) {
  static constexpr Subcommand kSubcommands[] = {
      {"count", 2, [](RespSession& s, Arguments) { s.reply().integer(all_commands().size()); }},
      {"docs", -2, command_docs},
      {"info", -2, command_info},
      {"list", 2, command_list},
      {"help", 2, [](RespSession& s, Arguments) { reply_help(s, kCommandHelp); }},
  };
  if (arguments.size() == 1) return command_info(session, arguments);
  run_subcommand(session, arguments, kSubcommands);
}

void config(RespSession& session, Arguments arguments) {
  static constexpr Subcommand kSubcommands[] = {
      {"get", -3, config_get},
      {"set", -4,
       [](RespSession& s, Arguments) {
         s.reply().error("ERR CONFIG SET is not available: options are given when the node starts");
       }},
      {"help", 2, [](RespSession& s, Arguments) { reply_help(s, kConfigHelp); }},
  };
  run_subcommand(session, arguments, kSubcommands);
}

void time(RespSession& session, Arguments) {
  const auto now = session.service().clock.wall().time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  const auto rest = std::chrono::duration_cast<std::chrono::microseconds>(now - seconds);
  session.reply().array(2).bulk(std::to_string(seconds.count())).bulk(std::to_string(rest.count()));
}

}  // namespace meshdict::commands
