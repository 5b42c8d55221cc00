// ACL: who the users are and what each may do. They come from a file (access/users.h); no command changes them.

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "app/commands/commands.h"

namespace meshdict::commands {
namespace {

/// As Redis writes it: "-@all +@read +@write".
std::string rights_of(const User& user) {
  if (user.rights == Rights::all()) return "+@all";
  std::string text = "-@all";
  for (const auto& [right, name] : kRightNames) {
    if (user.rights.include(right)) text += fmt::format(" +@{}", name);
  }
  return text;
}

/// "~app:* ~tmp:*", with the sign for keys or that for channels.
std::string names_of(const User& user, char sign) {
  std::string text;
  for (const std::string& prefix : user.names.list())
    text += fmt::format("{}{}{}*", text.empty() ? "" : " ", sign, prefix);
  return text;
}

/// A line of ACL LIST. Hashes of passwords stay in their file.
std::string line_of(const User& user) {
  std::string line = fmt::format("user {} on", user.name);
  const std::string secret = user.password ? "" : "nopass";
  for (const std::string& part : {secret, names_of(user, '~'), names_of(user, '&'), rights_of(user)}) {
    if (!part.empty()) line += " " + part;
  }
  return line;
}

void acl_list(RespSession& session, Arguments) {
  const auto& users = session.service().logins.users().all();
  session.reply().array(users.size());
  for (const auto& user : users)
    session.reply().bulk(line_of(*user));
}

void acl_users(RespSession& session, Arguments) {
  const auto& users = session.service().logins.users().all();
  session.reply().array(users.size());
  for (const auto& user : users)
    session.reply().bulk(user->name);
}

void acl_getuser(RespSession& session, Arguments arguments) {
  const auto user = session.service().logins.users().find(arguments[2]);
  if (user == nullptr) {
    session.reply().nil();
    return;
  }
  session.reply().array(12).bulk("flags").array(user->password ? 1 : 2).bulk("on");
  if (!user->password) session.reply().bulk("nopass");
  session.reply().bulk("passwords").array(0);
  session.reply().field("commands", rights_of(*user));
  session.reply().field("keys", names_of(*user, '~')).field("channels", names_of(*user, '&'));
  session.reply().bulk("selectors").array(0);
}

void acl_whoami(RespSession& session, Arguments) {
  session.reply().bulk(session.user()->name);
}

void add_if_needs(std::vector<std::string>& names, Rights right, const Access& access, const std::string& name) {
  if (access.needs.include(right)) names.push_back(name);
}

void acl_cat(RespSession& session, Arguments arguments) {
  if (arguments.size() > 3) return reply_arity(session, "acl|cat");
  if (arguments.size() == 2) {
    session.reply().array(kRightNames.size());
    for (const auto& [right, name] : kRightNames)
      session.reply().bulk(name);
    return;
  }
  const auto wanted =
      std::ranges::find_if(kRightNames, [&](const auto& one) { return is_word(arguments[2], one.second); });
  if (wanted == kRightNames.end()) {
    session.reply().error(fmt::format("ERR Unknown category '{}'", arguments[2].substr(0, 128)));
    return;
  }
  std::vector<std::string> names;
  for (const CommandSpec& spec : all_commands()) {
    add_if_needs(names, wanted->first, spec.access, std::string(spec.name));
    if (spec.subcommands == nullptr) continue;
    for (const Subcommand& sub : spec.subcommands())
      add_if_needs(names, wanted->first, sub.access, fmt::format("{}|{}", spec.name, sub.name));
  }
  session.reply().array(names.size());
  for (const std::string& name : names)
    session.reply().bulk(name);
}

}  // namespace

std::span<const Subcommand> acl_subcommands() {
  static constexpr Access kAdminister{Right::kAdmin, Access::Touches::kNothing};
  static constexpr Subcommand kSubcommands[] = {
      {"cat", -2, Access::everybody(), acl_cat, "[right]", "Lists the rights, or the commands that need one."},
      {"getuser", 3, kAdminister, acl_getuser, "username", "Tells what a user may do."},
      {"list", 2, kAdminister, acl_list, "", "Describes all users."},
      {"users", 2, kAdminister, acl_users, "", "Lists the names of all users."},
      {"whoami", 2, Access::everybody(), acl_whoami, "", "Returns the name of this connection's user."},
  };
  return kSubcommands;
}

}  // namespace meshdict::commands
