#pragma once
// Credentials that are read from files, and again when these change.
//
// 1. Files are looked at every tls_limits::kLookAtFiles, by time, size and place of each; what has changed is read, and used from
//    then on. What cannot be used is told once, and what there was stays.
// 2. A node keeps its id as long as it runs: a certificate of another key waits for a restart.
//
// Order of calls: load(), start(); used from the thread of its io_context.

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/tls/credentials.h"

namespace meshdict {

using LoadedCredentials = std::expected<std::shared_ptr<const Credentials>, std::string>;

/// Of a file of mesh keys.
LoadedCredentials credentials_of_key_file(const std::string& path);
/// Of a member's files.
LoadedCredentials credentials_of_files(const ProofFiles& files);

class CredentialKeeper {
 public:
  struct Hooks {
    /// New ones, from start() on.
    std::function<void(const std::shared_ptr<const Credentials>& credentials)> on_new;
    /// For the operator, one line: what was read, or why not.
    std::function<void(const std::string& line)> on_news;
    std::function<void(const std::string& line)> on_trouble;
  };

  /// `load` reads `files`. It may be called at any time after start(), until the keeper's end.
  CredentialKeeper(std::vector<std::string> files, std::function<LoadedCredentials()> load)
      : files_(std::move(files)), load_(std::move(load)) {}
  CredentialKeeper(const CredentialKeeper&) = delete;
  CredentialKeeper& operator=(const CredentialKeeper&) = delete;

  /// The first time. Error text for the operator.
  std::expected<void, std::string> load();
  /// REQUIRES: load() was good.
  void start(asio::io_context& io, Hooks hooks);
  /// Reads the files at once, changed or not. REQUIRES: there are some.
  void load_again();

  /// Null before load().
  [[nodiscard]] const std::shared_ptr<const Credentials>& credentials() const { return credentials_; }

 private:
  void look_later();
  [[nodiscard]] std::string state_of_files() const;

  std::vector<std::string> files_;
  std::function<LoadedCredentials()> load_;
  Hooks hooks_;
  std::shared_ptr<const Credentials> credentials_;
  std::string state_;
  std::unique_ptr<asio::steady_timer> timer_;
};

}  // namespace meshdict
