#pragma once
// Who a client is: users, and passwords that are checked one after the other, away from the loop.
//
// 1. One password is checked at a time, and access_limits::kMaxChecks wait. The same password for the same name, given by several
//    connections, as those of a pool, is checked once for all.
// 2. A name that nobody has is checked like another, so that neither the answer nor its time tells whether there is such a user.
// 3. What was right is remembered by a keyed hash, until users change: the connections of a program that come later cost nothing.
//    What was wrong is not.
// 4. A change of the users while a password is checked makes it wrong, unless the user is still there with that password.

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/access/password.h"
#include "app/access/users.h"

namespace meshdict {

/// Compares a password with a hash, away from the loop.
class HashWorker {
 public:
  using Done = std::function<void(PasswordHash::Match match)>;
  virtual ~HashWorker() = default;
  /// `done` is called from the loop, never from within this call. REQUIRES: the one before is done.
  virtual void compare(const PasswordHash& hash, std::string password, Done done) = 0;
};

class Logins {
 public:
  using ClientId = std::uint64_t;
  enum class Answer : std::uint8_t {
    kRight,
    kWrong,
    kPending,   ///< on_answer() follows
    kBusy,      ///< too many wait already
    kNoMemory,  ///< for the hash
  };
  /// Since the beginning.
  struct Counts {
    std::uint64_t right = 0;
    std::uint64_t wrong = 0;
    std::uint64_t busy = 0;
  };

  /// `worker` outlives this, and is given before any user has a password.
  void set_worker(HashWorker* worker) { worker_ = worker; }
  void set_users(std::shared_ptr<const Users> users);
  [[nodiscard]] const Users& users() const { return *users_; }

  /// A client says who it is. REQUIRES: no answer to it is pending.
  Answer begin(ClientId client, std::string_view host, std::string_view name, std::string_view password);
  /// Asks for no answer any more.
  void forget(ClientId client);
  /// Called with kRight, kWrong or kNoMemory.
  std::function<void(ClientId client, Answer answer)> on_answer = [](ClientId, Answer) {};
  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] std::size_t pending() const { return checks_.size(); }

 private:
  /// Of name and password, by a key of this process.
  using Digest = std::array<unsigned char, 32>;
  /// One that waits, or, at the front, is under way.
  struct Check {
    Digest digest{};
    std::string name;
    std::string host;
    PasswordHash hash;
    std::string password;
    std::vector<ClientId> clients;
  };

  static Digest digest_of(std::string_view name, std::string_view password);
  [[nodiscard]] bool has_room(std::string_view host) const;
  void start_next();
  void on_compared(PasswordHash::Match match);

  HashWorker* worker_ = nullptr;
  std::shared_ptr<const Users> users_ = Users::open();
  const PasswordHash nobodys_ = PasswordHash::of_nobody();
  std::map<std::string, Digest, std::less<>> known_;
  std::deque<Check> checks_;
  bool comparing_ = false;
  Counts counts_;
};

}  // namespace meshdict
