#include "net/tls/keeper.h"

#include <cassert>

#include "net/tls/mesh_key.h"
#include "net/tls/secret_file.h"

namespace meshdict {
namespace {

LoadedCredentials made_of(std::expected<ProofTexts, std::string> texts, LoadedCredentials (*make)(const ProofTexts&)) {
  if (!texts) return std::unexpected(std::move(texts.error()));
  auto made = make(*texts);
  wipe(texts->key);
  return made;
}

}  // namespace

LoadedCredentials credentials_of_key_file(const std::string& path) {
  const auto keys = read_mesh_keys(path);
  return keys ? Credentials::of_mesh_keys(*keys) : std::unexpected(keys.error());
}

LoadedCredentials credentials_of_files(const ProofFiles& files) {
  return made_of(read_proof_files(files), Credentials::of_certificates);
}

LoadedCredentials server_credentials_of_files(const ProofFiles& files, std::string_view prefix) {
  return made_of(read_proof_files(files, prefix), Credentials::of_server);
}

std::expected<void, std::string> CredentialKeeper::read_first() {
  auto loaded = load_();
  if (!loaded) return std::unexpected(std::move(loaded.error()));
  credentials_ = std::move(*loaded);
  return {};
}

std::expected<void, std::string> CredentialKeeper::read_again() {
  assert(credentials_ != nullptr);
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

CredentialWatch::CredentialWatch(asio::io_context& io, CredentialKeeper& keeper, const Hooks& hooks)
    : watch_(io, keeper,
             {.on_new =
                  [&keeper, on_new = hooks.on_new, on_news = hooks.on_news] {
                    on_new(keeper.credentials());
                    on_news("keys and certificates have been read again: new connections use them");
                  },
              .on_trouble = hooks.on_trouble}) {}

}  // namespace meshdict
