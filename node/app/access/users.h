#pragma once
// Who may log in at the Redis-protocol endpoint, and what each may do: a file of one line for each user.
//
// 1. A line is "NAME HASH +RIGHT... ~PREFIX*..."; empty lines and those that begin with # are passed over. HASH is that of its
//    password; the user default may have "nopass" instead, and is then who has not logged in. "~*" is for all keys.
// 2. Whoever reads, writes or publishes needs a "~": nothing is open because a word was forgotten.
// 3. Error texts name the line, and repeat nothing of a hash.

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/access/password.h"
#include "app/access/prefixes.h"
#include "app/access/rights.h"
#include "net/tls/file_watch.h"

namespace meshdict {

/// Who a client is that has not said another name.
inline constexpr std::string_view kDefaultUser = "default";

struct User {
  std::string name;
  std::optional<PasswordHash> password;  ///< none: any will do
  Rights rights;
  Prefixes names;  ///< of keys and channels

  [[nodiscard]] bool may_all() const {
    constexpr Rights kAll = Rights::all();
    return rights == kAll && names.allow_all();
  }
};

/// Immutable; users are shared with the clients that they are.
class Users {
 public:
  using UserPtr = std::shared_ptr<const User>;

  /// Without a file: the user default is everybody, and may do everything.
  static std::shared_ptr<const Users> open();
  /// Error text without the name of the file.
  static std::expected<std::shared_ptr<const Users>, std::string> parse(std::string_view text);

  /// Null when there is none of this name.
  [[nodiscard]] UserPtr find(std::string_view name) const;
  /// Who a client is before it logs in; null: nobody.
  [[nodiscard]] const UserPtr& stranger() const { return stranger_; }
  [[nodiscard]] const std::vector<UserPtr>& all() const { return all_; }
  /// Without a file.
  [[nodiscard]] bool are_open() const { return open_; }

 private:
  void add(User user);

  std::vector<UserPtr> all_;  // in the order of names
  UserPtr stranger_;
  bool open_ = false;
};

/// Users of a file that is read again when it changes.
class UsersKeeper final : public FileKeeper {
 public:
  explicit UsersKeeper(std::string path) : FileKeeper({path}), path_(std::move(path)) {}
  /// Null before load().
  [[nodiscard]] const std::shared_ptr<const Users>& users() const { return users_; }

 private:
  std::expected<void, std::string> read_first() override;
  std::expected<void, std::string> read_again() override;

  std::string path_;
  std::shared_ptr<const Users> users_;
};

}  // namespace meshdict
