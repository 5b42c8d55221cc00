#include "net/tls/keeper.h"

#include <sys/stat.h>

#include <cassert>

#include "net/tls/mesh_key.h"
#include "net/tls/secret_file.h"
#include "net/tls/tls_limits.h"

namespace meshdict {

LoadedCredentials credentials_of_key_file(const std::string& path) {
  const auto keys = read_mesh_keys(path);
  return keys ? Credentials::of_mesh_keys(*keys) : std::unexpected(keys.error());
}

LoadedCredentials credentials_of_files(const ProofFiles& files) {
  auto texts = read_proof_files(files);
  if (!texts) return std::unexpected(std::move(texts.error()));
  auto made = Credentials::of_certificates(*texts);
  wipe(texts->key);
  return made;
}

std::expected<void, std::string> CredentialKeeper::load() {
  state_ = state_of_files();
  auto loaded = load_();
  if (!loaded) return std::unexpected(std::move(loaded.error()));
  credentials_ = std::move(*loaded);
  return {};
}

std::expected<void, std::string> CredentialKeeper::load_again() {
  assert(credentials_ != nullptr);
  state_ = state_of_files();
  auto loaded = load_();
  if (!loaded) {
    return std::unexpected("keys or certificates have changed, and those from before stay: " + loaded.error());
  }
  if ((*loaded)->id() != credentials_->id()) {
    return std::unexpected(
        "the certificate has another key, and with it another node id: it is used after a restart, and the one from "
        "before stays");
  }
  credentials_ = std::move(*loaded);
  return {};
}

/// As text: what a file that has been written or replaced does not share with the one before.
std::string CredentialKeeper::state_of_files() const {
  std::string state;
  for (const std::string& file : files_) {
    struct stat is{};
    if (::stat(file.c_str(), &is) == 0) {
      for (const auto part : {static_cast<long long>(is.st_ino), static_cast<long long>(is.st_size),
                              static_cast<long long>(is.st_mtim.tv_sec), static_cast<long long>(is.st_mtim.tv_nsec),
                              static_cast<long long>(is.st_mode)}) {
        state += std::to_string(part) + " ";
      }
    }
    state += ";";
  }
  return state;
}

CredentialWatch::CredentialWatch(asio::io_context& io, CredentialKeeper& keeper, Hooks hooks)
    : keeper_(keeper), hooks_(std::move(hooks)), timer_(io) {
  if (keeper_.has_files()) look_later();
}

void CredentialWatch::look_later() {
  timer_.expires_after(tls_limits::kLookAtFiles);
  timer_.async_wait([this](asio::error_code cancelled) {
    if (cancelled) return;
    if (keeper_.files_have_changed()) load_again();
    look_later();
  });
}

void CredentialWatch::load_again() {
  if (const auto loaded = keeper_.load_again(); !loaded) return hooks_.on_trouble(loaded.error());
  hooks_.on_new(keeper_.credentials());
  hooks_.on_news("keys and certificates have been read again: new connections use them");
}

}  // namespace meshdict
