#pragma once
// What a node keeps of its files while it runs: keys, certificates, users, its configuration. And what its options say of who is
// let in, for people.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "app/access/users.h"
#include "app/config_keeper.h"
#include "app/options.h"
#include "net/tls/keeper.h"

namespace meshdict {

/// Null where there is none.
struct Kept {
  std::unique_ptr<CredentialKeeper> proof;       ///< of the mesh
  std::unique_ptr<CredentialKeeper> client_tls;  ///< of the Redis-protocol endpoint
  std::unique_ptr<UsersKeeper> users;
  std::unique_ptr<ConfigKeeper> config;
  std::shared_ptr<const Credentials> ssl;  ///< of the mesh, of no file: with --encryption ssl

  /// That the mesh speaks with; null for plaintext.
  [[nodiscard]] std::shared_ptr<const Credentials> of_mesh() const {
    return proof != nullptr ? proof->credentials() : ssl;
  }
  /// Something secret is among them.
  [[nodiscard]] bool secrets() const { return proof != nullptr || client_tls != nullptr || users != nullptr; }
  [[nodiscard]] bool any() const { return secrets() || config != nullptr; }
};

/// Not loaded yet. Null when the mesh asks for no proof.
std::unique_ptr<CredentialKeeper> keeper_of(const SecurityOptions& security);
/// Not loaded yet. Null when clients speak without TLS.
std::unique_ptr<CredentialKeeper> keeper_of(const ClientSecurity& clients);
/// Not loaded yet. Null when clients need no names.
std::unique_ptr<UsersKeeper> users_of(const ClientSecurity& clients);

/// Lines for the operator about what clients are asked for, where it is less than one might think.
std::vector<std::string> doubts_about_clients(const Options& options, const Kept& kept);

// For INFO

std::string_view name_of(MeshProof proof);
std::string_view encryption_of(MeshProof proof);

}  // namespace meshdict
