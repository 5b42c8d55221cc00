#include "app/access/users.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "app/access/access_limits.h"
#include "net/tls/secret_file.h"

namespace meshdict {
namespace {

using Wrong = std::unexpected<std::string>;

constexpr std::string_view kNoPassword = "nopass";

/// Takes the first word off `line`; empty when there is none.
std::string_view take_word(std::string_view& line) {
  constexpr std::string_view kBlank = " \t\r";
  line.remove_prefix(std::min(line.find_first_not_of(kBlank), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(kBlank));
  line.remove_prefix(word.size());
  return word;
}

bool is_good_name(std::string_view name) {
  return name.size() <= access_limits::kMaxUserName &&
         std::ranges::all_of(name, [](char c) { return c > ' ' && c <= '~'; });
}

std::expected<void, std::string> take_right(std::string_view word, User& user) {
  const auto found = std::ranges::find(kRightNames, word.substr(1), [](const auto& one) { return one.second; });
  if (found == kRightNames.end()) {
    return Wrong("a right is none of +read, +write, +publish, +mesh and +admin");
  }
  user.rights = user.rights | found->first;
  return {};
}

std::expected<void, std::string> take_prefix(std::string_view word, User& user) {
  std::string_view prefix = word.substr(1);
  if (!prefix.ends_with('*') || prefix.find_first_of("*?[\\") != prefix.size() - 1) {
    return Wrong("names are given by how they begin, with a star behind: ~app:* or, for all, ~*");
  }
  prefix.remove_suffix(1);
  if (user.names.list().size() == access_limits::kMaxPrefixes) {
    return Wrong(fmt::format("a user has at most {} beginnings of names", access_limits::kMaxPrefixes));
  }
  user.names.add(prefix);
  return {};
}

std::expected<User, std::string> read_user(std::string_view line) {
  User user;
  user.name = take_word(line);
  if (!is_good_name(user.name)) {
    return Wrong(
        fmt::format("a user's name has at most {} printable characters of ASCII", access_limits::kMaxUserName));
  }
  const std::string_view secret = take_word(line);
  if (secret == kNoPassword) {
    if (user.name != kDefaultUser) return Wrong("only the user default, who is everybody, may be without a password");
  } else {
    auto hash = PasswordHash::parse(secret);
    if (!hash) return Wrong("the second word " + hash.error());
    user.password = *hash;
  }
  for (std::string_view word = take_word(line); !word.empty(); word = take_word(line)) {
    std::expected<void, std::string> taken = Wrong("a word behind the hash begins with + (a right) or ~ (keys)");
    if (word.front() == '+') taken = take_right(word, user);
    if (word.front() == '~') taken = take_prefix(word, user);
    if (!taken) return Wrong(std::move(taken.error()));
  }
  const bool of_names =
      !(user.rights == Rights()) &&
      (user.rights.include(Right::kRead) || user.rights.include(Right::kWrite) || user.rights.include(Right::kPublish));
  if (of_names && user.names.list().empty()) {
    return Wrong(
        "it does not say which keys and channels the rights are for: ~app:* for those that begin so, ~* for all");
  }
  return user;
}

}  // namespace

std::shared_ptr<const Users> Users::open() {
  auto users = std::make_shared<Users>();
  users->add({.name = std::string(kDefaultUser), .password = {}, .rights = Rights::all(), .names = Prefixes::of_all()});
  users->open_ = true;
  return users;
}

std::expected<std::shared_ptr<const Users>, std::string> Users::parse(std::string_view text) {
  auto users = std::make_shared<Users>();
  std::map<std::string, std::size_t, std::less<>> lines;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    std::string_view rest = line;
    const std::string_view first = take_word(rest);
    if (first.empty() || first.front() == '#') continue;
    auto user = read_user(line);
    if (!user) return Wrong(fmt::format("line {}: {}", number, user.error()));
    const auto [place, added] = lines.emplace(user->name, number);
    if (!added) return Wrong(fmt::format("line {}: line {} is of the same user", number, place->second));
    if (lines.size() > access_limits::kMaxUsers) {
      return Wrong(fmt::format("line {}: there are more than {} users", number, access_limits::kMaxUsers));
    }
    users->add(*std::move(user));
  }
  if (users->all_.empty()) return Wrong("there is no user in it, and nobody could log in");
  std::ranges::sort(users->all_, {}, [](const UserPtr& user) -> const std::string& { return user->name; });
  return users;
}

void Users::add(User user) {
  all_.push_back(std::make_shared<const User>(std::move(user)));
  const UserPtr& added = all_.back();
  if (added->name == kDefaultUser && !added->password) stranger_ = added;
}

Users::UserPtr Users::find(std::string_view name) const {
  const auto found =
      std::ranges::lower_bound(all_, name, {}, [](const UserPtr& user) { return std::string_view(user->name); });
  return found == all_.end() || (*found)->name != name ? nullptr : *found;
}

std::expected<void, std::string> UsersKeeper::read_first() {
  auto text = read_file(path_, Readers::kGroup, access_limits::kMaxUsersFile);
  if (!text) return Wrong(std::move(text.error()));
  auto users = Users::parse(*text);
  wipe(*text);
  if (!users) return Wrong(fmt::format("'{}': {}", path_, users.error()));
  users_ = *std::move(users);
  return {};
}

std::expected<void, std::string> UsersKeeper::read_again() {
  auto taken = read_first();
  if (taken) return taken;
  return Wrong("the file of users has changed, and those from before stay: " + taken.error());
}

}  // namespace meshdict
