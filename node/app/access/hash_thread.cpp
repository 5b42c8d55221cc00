#include "app/access/hash_thread.h"

#include <asio/post.hpp>
#include <cassert>
#include <system_error>
#include <utility>

#include "net/tls/secret_file.h"

namespace meshdict {

HashThread::~HashThread() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void HashThread::compare(const PasswordHash& hash, std::string password, Done done) {
  {
    const std::lock_guard lock(mutex_);
    assert(!wanted_);
    wanted_ = Wanted{.hash = hash, .password = std::move(password), .done = std::move(done)};
  }
  changed_.notify_one();
  if (thread_.joinable()) return;
  try {
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  } catch (const std::system_error&) {
    // None is to be had now (ulimit -u): nobody else knows of what is wanted.
    asio::post(io_, [unmet = std::exchange(wanted_->done, {})] { unmet(PasswordHash::Match::kNoMemory); });
    wanted_.reset();
  }
}

void HashThread::run(const std::stop_token& stop) {
  while (true) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait(lock, stop, [this] { return wanted_.has_value(); })) return;
    Wanted wanted = *std::exchange(wanted_, std::nullopt);
    lock.unlock();
    const PasswordHash::Match match = wanted.hash.matches(wanted.password);
    wipe(wanted.password);
    asio::post(io_, [done = std::move(wanted.done), match] { done(match); });
  }
}

}  // namespace meshdict
