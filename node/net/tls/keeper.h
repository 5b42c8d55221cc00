#pragma once
// Credentials that are read from files, and again when these change.
//
// 1. A node keeps its id as long as it runs: a certificate of another key waits for a restart.
//
// Not thread-safe: used from the thread of the io_context.

#include <asio/io_context.hpp>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/tls/credentials.h"
#include "net/tls/file_watch.h"

namespace meshdict {

using LoadedCredentials = std::expected<std::shared_ptr<const Credentials>, std::string>;

/// Of a file of mesh keys.
LoadedCredentials credentials_of_key_file(const std::string& path);
/// Of a member's files.
LoadedCredentials credentials_of_files(const ProofFiles& files);
/// Of those of an endpoint for clients, whose options begin with `prefix`.
LoadedCredentials server_credentials_of_files(const ProofFiles& files, std::string_view prefix);

/// What there is, and where it comes from.
class CredentialKeeper final : public FileKeeper {
 public:
  /// `load` reads `files`.
  CredentialKeeper(std::vector<std::string> files, std::function<LoadedCredentials()> load)
      : FileKeeper(std::move(files)), load_(std::move(load)) {}

  /// Null before load().
  [[nodiscard]] const std::shared_ptr<const Credentials>& credentials() const { return credentials_; }

 private:
  std::expected<void, std::string> read_first() override;
  std::expected<void, std::string> read_again() override;

  std::function<LoadedCredentials()> load_;
  std::shared_ptr<const Credentials> credentials_;
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
  CredentialWatch(asio::io_context& io, CredentialKeeper& keeper, const Hooks& hooks);

  /// Reads the files at once, changed or not.
  void load_again() { watch_.load_again(); }

 private:
  FileWatch watch_;
};

}  // namespace meshdict
