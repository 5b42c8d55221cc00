#include "app/access/logins.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <utility>

#include "app/access/access_limits.h"
#include "net/tls/secret_file.h"

namespace meshdict {
namespace {

using Key = std::array<unsigned char, 32>;

const Key& key_of_process() {
  static const Key kKey = [] {
    Key drawn{};
    RAND_priv_bytes(drawn.data(), static_cast<int>(drawn.size()));
    return drawn;
  }();
  return kKey;
}

}  // namespace

Logins::Digest Logins::digest_of(std::string_view name, std::string_view password) {
  std::string both(name);
  both += '\0';  // which no user's name has
  both += password;
  Digest digest{};
  unsigned length = 0;
  const Key& key = key_of_process();
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(both.data()),
       both.size(), digest.data(), &length);
  wipe(both);
  return digest;
}

void Logins::set_users(std::shared_ptr<const Users> users) {
  users_ = std::move(users);
  known_.clear();
}

Logins::Answer Logins::begin(ClientId client, std::string_view host, std::string_view name, std::string_view password) {
  const Users::UserPtr user = users_->find(name);
  // The user default is no secret where it needs no password, nor is that there is no other where there is no file of users.
  if (user != nullptr && !user->password) return Answer::kRight;
  if (users_->are_open()) return Answer::kWrong;
  const Digest digest = digest_of(name, password);
  const auto known = known_.find(name);
  if (known != known_.end() && CRYPTO_memcmp(known->second.data(), digest.data(), digest.size()) == 0) {
    ++counts_.right;
    return Answer::kRight;
  }
  const auto same = std::ranges::find(checks_, digest, &Check::digest);
  if (same != checks_.end()) {
    same->clients.push_back(client);
    return Answer::kPending;
  }
  if (!has_room(host)) {
    ++counts_.busy;
    return Answer::kBusy;
  }
  checks_.push_back({.digest = digest,
                     .name = std::string(name),
                     .host = std::string(host),
                     .hash = user == nullptr ? nobodys_ : *user->password,
                     .password = std::string(password),
                     .clients = {client}});
  start_next();
  return Answer::kPending;
}

bool Logins::has_room(std::string_view host) const {
  const auto of_host = std::ranges::count(checks_, host, &Check::host);
  return checks_.size() < access_limits::kMaxChecks &&
         static_cast<std::size_t>(of_host) < access_limits::kMaxChecksOfHost;
}

void Logins::forget(ClientId client) {
  for (Check& check : checks_)
    std::erase(check.clients, client);
  // The one that is under way stays: its worker comes back.
  const auto waiting = checks_.begin() + (comparing_ ? 1 : 0);
  const auto unwanted =
      std::remove_if(waiting, checks_.end(), [](const Check& check) { return check.clients.empty(); });
  checks_.erase(unwanted, checks_.end());
}

void Logins::start_next() {
  if (comparing_ || checks_.empty()) return;
  comparing_ = true;
  Check& check = checks_.front();
  worker_->compare(check.hash, std::exchange(check.password, {}),
                   [this](PasswordHash::Match match) { on_compared(match); });
}

void Logins::on_compared(PasswordHash::Match match) {
  comparing_ = false;
  const Check check = std::move(checks_.front());
  checks_.pop_front();
  Answer answer = match == PasswordHash::Match::kNoMemory ? Answer::kNoMemory : Answer::kWrong;
  const Users::UserPtr user = users_->find(check.name);
  if (match == PasswordHash::Match::kYes && user != nullptr && user->password == check.hash) {
    answer = Answer::kRight;
    known_[check.name] = check.digest;
  }
  for (const ClientId client : check.clients) {
    if (answer == Answer::kRight) ++counts_.right;
    if (answer == Answer::kWrong) ++counts_.wrong;
    on_answer(client, answer);
  }
  start_next();
}

}  // namespace meshdict
