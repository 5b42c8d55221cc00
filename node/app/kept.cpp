#include "app/kept.h"

#include <utility>

#include "net/addresses.h"

namespace meshdict {

std::string_view name_of(MeshProof proof) {
  switch (proof) {
    case MeshProof::kNone:
    case MeshProof::kNoneWithSsl:
      break;
    case MeshProof::kMeshKey:
      return "mesh_key";
    case MeshProof::kCertificates:
      return "certificates";
  }
  return "none";
}

std::string_view encryption_of(MeshProof proof) {
  if (proof == MeshProof::kNone) return "plaintext";
  return proof == MeshProof::kNoneWithSsl ? "ssl" : "tls";
}

std::unique_ptr<CredentialKeeper> keeper_of(const SecurityOptions& security) {
  switch (security.proof) {
    case MeshProof::kNone:
    case MeshProof::kNoneWithSsl:
      break;
    case MeshProof::kMeshKey:
      return std::make_unique<CredentialKeeper>(std::vector{security.mesh_key_file}, [path = security.mesh_key_file] {
        return credentials_of_key_file(path);
      });
    case MeshProof::kCertificates:
      return std::make_unique<CredentialKeeper>(
          std::vector{security.tls.certificate, security.tls.key, security.tls.authority, security.tls.revoked},
          [files = security.tls] { return credentials_of_files(files); });
  }
  return nullptr;
}

std::unique_ptr<CredentialKeeper> keeper_of(const ClientSecurity& clients) {
  if (!clients.tls) return nullptr;
  const ProofFiles& files = clients.files;
  return std::make_unique<CredentialKeeper>(std::vector{files.certificate, files.key, files.authority, files.revoked},
                                            [files] { return server_credentials_of_files(files, "--resp-tls"); });
}

std::unique_ptr<UsersKeeper> users_of(const ClientSecurity& clients) {
  return clients.users_file.empty() ? nullptr : std::make_unique<UsersKeeper>(clients.users_file);
}

std::vector<std::string> doubts_about_clients(const Options& options, const Kept& kept) {
  std::vector<std::string> doubts;
  if (kept.client_tls) doubts = kept.client_tls->credentials()->doubts();
  if (is_loopback(options.resp.host)) return doubts;
  if (kept.users && !kept.client_tls) {
    doubts.emplace_back("--resp: passwords and all else cross the network as they are: give --resp-tls");
  }
  const bool certificates = !options.security.clients.files.authority.empty();
  if (kept.users && !certificates && kept.users->users()->stranger() != nullptr) {
    doubts.emplace_back("--resp-users: the user default has no password, and so is everybody who reaches the port");
  }
  return doubts;
}

}  // namespace meshdict
