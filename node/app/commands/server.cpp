// COMMAND: what client libraries ask before they begin. And the clock.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/commands/commands.h"
#include "app/resp/glob.h"

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
    if (spec.is(flag)) names.push_back(name);
  }
  return names;
}

/// A command, or a subcommand as a part of its container, whose flags and keys it shares.
struct Named {
  const CommandSpec* spec = nullptr;
  const Subcommand* sub = nullptr;

  [[nodiscard]] std::string name() const {
    return sub ? fmt::format("{}|{}", spec->name, sub->name) : std::string(spec->name);
  }
  [[nodiscard]] std::span<const Subcommand> subcommands() const {
    return sub == nullptr && spec->subcommands != nullptr ? spec->subcommands() : std::span<const Subcommand>();
  }
};

/// "get", or "client|list"; nothing when it is neither.
std::optional<Named> find_named(const CommandTable& commands, std::string_view name) {
  const std::size_t bar = name.find('|');
  Named found{.spec = commands.find(name.substr(0, bar))};
  if (found.spec == nullptr) return std::nullopt;
  if (bar == std::string_view::npos) return found;
  for (const Subcommand& sub : found.subcommands()) {
    if (is_word(name.substr(bar + 1), sub.name)) return Named{.spec = found.spec, .sub = &sub};
  }
  return std::nullopt;
}

std::vector<Named> all_named() {
  std::vector<Named> all;
  for (const CommandSpec& spec : all_commands())
    all.push_back({.spec = &spec});
  return all;
}

/// Ten elements as from Redis 7, of which three (ACL categories, tips, key specifications) are empty.
void reply_info(RespSession& session, const Named& what) {
  const CommandSpec& spec = *what.spec;
  session.reply().array(10).bulk(what.name()).integer(what.sub ? what.sub->arity : spec.arity);
  const auto flags = flag_names(spec);
  session.reply().array(flags.size());
  for (const std::string_view flag : flags)
    session.reply().simple(flag);
  session.reply().integer(spec.first_key).integer(spec.last_key).integer(spec.key_step);
  session.reply().array(0).array(0).array(0).array(what.subcommands().size());
  for (const Subcommand& sub : what.subcommands())
    reply_info(session, {.spec = &spec, .sub = &sub});
}

/// Clients show name and arguments one behind the other. Our arguments are one text, which says as much to people as
/// Redis's tree of tokens does, and to redis-cli, which prints the names in it.
void reply_docs(RespSession& session, const Named& what) {
  const std::string_view syntax = what.sub ? what.sub->syntax : what.spec->syntax;
  const auto subcommands = what.subcommands();
  session.reply().bulk(what.name()).array(6 + (syntax.empty() ? 0U : 2U) + (subcommands.empty() ? 0U : 2U));
  session.reply().field("summary", what.sub ? what.sub->summary : what.spec->summary);
  session.reply().field("since", MESHDICT_VERSION).field("group", what.spec->group);
  if (!syntax.empty()) {
    session.reply().bulk("arguments").array(1).array(4).field("name", syntax).field("type", "string");
  }
  if (subcommands.empty()) return;
  session.reply().bulk("subcommands").array(2 * subcommands.size());
  for (const Subcommand& sub : subcommands)
    reply_docs(session, {.spec = what.spec, .sub = &sub});
}

void command_docs(RespSession& session, Arguments arguments) {
  const Arguments names = arguments.subspan(2);
  std::vector<Named> found;
  if (names.empty()) found = all_named();
  for (const std::string_view name : names) {
    if (const auto named = find_named(session.service().commands, name)) found.push_back(*named);
  }
  session.reply().array(2 * found.size());
  for (const Named& named : found) {
    if (session.reply_full()) return;
    reply_docs(session, named);
  }
}

void command_info(RespSession& session, Arguments arguments) {
  const Arguments names = arguments.size() > 1 ? arguments.subspan(2) : Arguments();
  std::vector<std::optional<Named>> found;
  if (names.empty()) {
    const auto all = all_named();
    found.assign(all.begin(), all.end());
  }
  for (const std::string_view name : names)
    found.push_back(find_named(session.service().commands, name));
  session.reply().array(found.size());
  for (const auto& named : found) {
    if (session.reply_full()) return;
    if (named) {
      reply_info(session, *named);
    } else {
      session.reply().nil();
    }
  }
}

void command_list(RespSession& session, Arguments arguments) {
  constexpr std::size_t kStepsOfNames = 256;
  std::string wanted = "*";
  if (arguments.size() > 2) {
    if (arguments.size() != 5 || !is_word(arguments[2], "filterby") || !is_word(arguments[3], "pattern")) {
      return reply_syntax_error(session);
    }
    wanted = to_lower(arguments[4]);
  }
  session.charge(Glob::compile_cost(wanted) + kStepsOfNames);
  const auto pattern = Glob::compile(wanted);
  if (!pattern) return reply_bad_pattern(session);
  std::vector<std::string> names;
  const auto add = [&](const Named& named) {
    if (std::string name = named.name(); pattern->matches(name)) names.push_back(std::move(name));
  };
  for (const Named& named : all_named()) {
    add(named);
    for (const Subcommand& sub : named.subcommands())
      add({.spec = named.spec, .sub = &sub});
  }
  session.reply().array(names.size());
  for (const std::string& name : names)
    session.reply().bulk(name);
}

void command_getkeys(RespSession& session, Arguments arguments) {
  const Arguments inner = arguments.subspan(2);
  const CommandSpec* spec = session.service().commands.find(inner[0]);
  if (spec == nullptr || spec->first_key == 0) {
    session.reply().error(spec == nullptr ? "ERR Invalid command specified" : "ERR The command has no key arguments");
    return;
  }
  if (!fits_arity(inner.size(), spec->arity)) {
    session.reply().error("ERR Invalid number of arguments specified for command");
    return;
  }
  const KeyPositions keys = key_positions(*spec, inner.size());
  session.reply().array((keys.last - keys.first) / keys.step + 1);
  for (std::size_t i = keys.first; i <= keys.last; i += keys.step)
    session.reply().bulk(inner[i]);
}

}  // namespace

void command(RespSession& session, Arguments arguments) {
  if (arguments.size() == 1) {
    command_info(session, arguments);
  } else {
    run_subcommand(session, arguments);
  }
}

std::span<const Subcommand> command_subcommands() {
  static constexpr Subcommand kSubcommands[] = {
      {"count", 2, Access::everybody(), [](RespSession& s, Arguments) { s.reply().integer(all_commands().size()); }, "",
       "Returns the number of commands."},
      {"docs", -2, Access::everybody(), command_docs, "[name [name ...]]", "Documents commands."},
      {"getkeys", -4, Access::everybody(), command_getkeys, "command [arg ...]",
       "Returns which of the arguments of a command are keys."},
      {"info", -2, Access::everybody(), command_info, "[name [name ...]]", "Describes commands."},
      {"list", -2, Access::everybody(), command_list, "[FILTERBY PATTERN pattern]",
       "Returns the names of commands and subcommands."},
  };
  return kSubcommands;
}

void time(RespSession& session, Arguments) {
  const auto now = session.service().clock.wall().time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  const auto rest = std::chrono::duration_cast<std::chrono::microseconds>(now - seconds);
  session.reply().array(2).bulk(std::to_string(seconds.count())).bulk(std::to_string(rest.count()));
}

}  // namespace meshdict::commands
