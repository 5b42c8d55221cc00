#pragma once
// A node with users, whose passwords are compared when the test says so.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/access/access_limits.h"
#include "app/access/logins.h"
#include "app/access/users.h"
#include "proptests/app/resp_fixture.h"

namespace meshdict {

/// Of "secret", made by Python's hashlib.scrypt.
inline constexpr std::string_view kHashOfSecret =
    "$scrypt$ln=15,r=8,p=3$AAECAwQFBgcICQoLDA0ODw$dJjH24E4NX6nzpVwT3tjaq4fioVPdvMyW6bGf5Y60ew";

inline constexpr std::string_view kNoAuth = "-NOAUTH Authentication required.\r\n";

/// Stands in for the thread: it compares by what it knows, and tells when asked to.
class PlannedWorker final : public HashWorker {
 public:
  void compare(const PasswordHash& hash, std::string password, Done done) override {
    wanted = {hash, std::move(password)};
    done_ = std::move(done);
    ++count;
  }
  [[nodiscard]] bool is_asked() const { return done_ != nullptr; }
  void answer(PasswordHash::Match match) { std::exchange(done_, nullptr)(match); }
  /// As scrypt would.
  void answer() {
    const bool right = wanted.first.text() == kHashOfSecret && wanted.second == "secret";
    answer(right ? PasswordHash::Match::kYes : PasswordHash::Match::kNo);
  }

  std::pair<PasswordHash, std::string> wanted{PasswordHash::of_nobody(), ""};
  std::size_t count = 0;  ///< of comparisons that were begun

 private:
  Done done_;
};

inline std::shared_ptr<const Users> users_of(const std::string& text) {
  auto users = Users::parse(text);
  if (!users) throw std::runtime_error(users.error());
  return *users;
}

/// A line of a user whose password is "secret".
inline std::string line_of(std::string_view name, std::string_view rights) {
  return std::string(name) + " " + std::string(kHashOfSecret) + " " + std::string(rights) + "\n";
}

class GuardedNode : public LonelyNode {
 public:
  explicit GuardedNode(const std::string& users) : LonelyNode({}, 1, users_of(users)) {
    service.logins.set_worker(&worker);
  }
  /// What the session says once it goes on.
  std::string go_on() {
    session.feed({});
    return take_output();
  }
  /// Logs the session in, with all that it takes.
  std::string log_in(const std::string& user, const std::string& password = "secret") {
    return answered(run({"AUTH", user, password}));
  }
  /// The reply to come, when `reply` is none yet.
  std::string answered(std::string reply) {
    if (!session.held()) return reply;
    if (worker.is_asked()) worker.answer();
    if (session.held()) {
      clock.passed += access_limits::kWrongPause;
      session.give_up_waiting();
    }
    return reply + go_on();
  }
  /// Says it as somebody who may do everything and is not seen.
  void write(const std::string& key, const std::string& value) {
    std::string packed;
    MsgpackWriter(packed).bin(value);
    if (!engine.set(key, packed)) throw std::runtime_error("not written");
  }

  PlannedWorker worker;
};

}  // namespace meshdict
