#pragma once
// A thread that compares passwords, so that the loop goes on meanwhile. It begins with the first one.

#include <asio/io_context.hpp>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "app/access/logins.h"

namespace meshdict {

class HashThread final : public HashWorker {
 public:
  /// Answers are handed to `io`, which outlives it.
  explicit HashThread(asio::io_context& io) : io_(io) {}
  /// Waits for what is under way.
  ~HashThread() override;
  HashThread(const HashThread&) = delete;
  HashThread& operator=(const HashThread&) = delete;

  void compare(const PasswordHash& hash, std::string password, Done done) override;

 private:
  struct Wanted {
    PasswordHash hash;
    std::string password;
    Done done;
  };
  void run(const std::stop_token& stop);

  asio::io_context& io_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<Wanted> wanted_;
  std::jthread thread_;
};

}  // namespace meshdict
