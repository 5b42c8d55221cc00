// COMMAND and CONFIG: what client libraries ask before they begin.

#include <fmt/format.h>

#include <array>
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

void reply_docs(RespSession& session, const CommandSpec& spec) {
  session.reply().bulk(spec.name).array(8);
  session.reply().field("summary",
                        fmt::format("{}{}{}", spec.summary, spec.syntax.empty() ? "" : " Usage: ", spec.syntax));
  session.reply().field("since", MESHDICT_VERSION).field("group", spec.group);
  session.reply().bulk("arguments").array(0);
}

void command_docs(RespSession& session, Arguments names) {
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

void command_info(RespSession& session, Arguments names) {
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

void config_get(RespSession& session, Arguments patterns) {
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
  if (arguments.size() == 1) return command_info(session, {});
  const std::string_view what = arguments[1];
  if (is_word(what, "count") && arguments.size() == 2) {
    session.reply().integer(all_commands().size());
  } else if (is_word(what, "docs")) {
    command_docs(session, arguments.subspan(2));
  } else if (is_word(what, "info")) {
    command_info(session, arguments.subspan(2));
  } else if (is_word(what, "list") && arguments.size() == 2) {
    session.reply().array(all_commands().size());
    for (const CommandSpec& spec : all_commands())
      session.reply().bulk(spec.name);
  } else if (is_word(what, "help") && arguments.size() == 2) {
    reply_help(session, kCommandHelp);
  } else {
    reply_unknown_subcommand(session, arguments);
  }
}

void config(RespSession& session, Arguments arguments) {
  const std::string_view what = arguments[1];
  if (is_word(what, "get") && arguments.size() > 2) {
    config_get(session, arguments.subspan(2));
  } else if (is_word(what, "set")) {
    session.reply().error("ERR CONFIG SET is not available: options are given when the node starts");
  } else if (is_word(what, "help") && arguments.size() == 2) {
    reply_help(session, kConfigHelp);
  } else {
    reply_unknown_subcommand(session, arguments);
  }
}

}  // namespace meshdict::commands
