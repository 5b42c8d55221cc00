#pragma once
// Credentials that are read from files, and again when these change.
//
// 1. Files are looked at every tls_limits::kLookAtFiles, by time, size and place of each; what has changed is read, and used from
//    then on. What cannot be used is told once, and what there was stays.
// 2. A node keeps its id as long as it runs: a certificate of another key waits for a restart.
//
// Not thread-safe: used from the thread of the io_context.

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

/// What there is, and where it comes from.
class CredentialKeeper {
 public:
  /// `load` reads `files`.
  CredentialKeeper(std::vector<std::string> files, std::function<LoadedCredentials()> load)
      : files_(std::move(files)), load_(std::move(load)) {}

  /// The first time. Error text for the operator.
  std::expected<void, std::string> load();
  /// Takes what the files have now. Error text for the operator: what there was stays. REQUIRES: load() was good.
  std::expected<void, std::string> load_again();

  [[nodiscard]] bool has_files() const { return !files_.empty(); }
  /// Since they were last read.
  [[nodiscard]] bool files_have_changed() const { return state_of_files() != state_; }
  /// Null before load().
  [[nodiscard]] const std::shared_ptr<const Credentials>& credentials() const { return credentials_; }

 private:
  [[nodiscard]] std::string state_of_files() const;

  std::vector<std::string> files_;
  std::function<LoadedCredentials()> load_;
  std::shared_ptr<const Credentials> credentials_;
  std::string state_;
};

/// Looks at a keeper's files for as long as it lives: shorter than the io_context that it waits with.
class CredentialWatch {
 public:
  struct Hooks {
    std::function<void(const std::shared_ptr<const Credentials>& credentials)> on_new;
    /// For the operator, one line: what was read, or why not.
    std::function<void(const std::string& line)> on_news;
    std::function<void(const std::string& line)> on_trouble;
  };

  /// `io` and `keeper` outlive it, and whatever `hooks` call. REQUIRES: keeper.load() was good.
  CredentialWatch(asio::io_context& io, CredentialKeeper& keeper, Hooks hooks);
  CredentialWatch(const CredentialWatch&) = delete;
  CredentialWatch& operator=(const CredentialWatch&) = delete;

  /// Reads the files at once, changed or not.
  void load_again();

 private:
  void look_later();

  CredentialKeeper& keeper_;
  Hooks hooks_;
  asio::steady_timer timer_;
};

}  // namespace meshdict
