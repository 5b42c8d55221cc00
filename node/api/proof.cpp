#include "proof.h"

#include <utility>
#include <variant>
#include <vector>

#include "core/base/overloaded.h"
#include "net/tls/secret_file.h"

namespace meshdict::detail {
namespace {

std::shared_ptr<CredentialKeeper> keeper_of(const TlsProof& proof) {
  using Files = std::vector<std::string>;
  return std::visit(Overloaded{
                        [](std::monostate) { return std::shared_ptr<CredentialKeeper>(); },
                        [](const TlsFiles& given) {
                          const ProofFiles files{.certificate = given.certificate,
                                                 .key = given.key,
                                                 .authority = given.authority,
                                                 .revoked = given.revoked};
                          return std::make_shared<CredentialKeeper>(
                              Files{files.certificate, files.key, files.authority, files.revoked},
                              [files] { return credentials_of_files(files); });
                        },
                        [](const TlsTexts& given) {
                          const auto texts = std::make_shared<ProofTexts>(ProofTexts{.certificate = given.certificate,
                                                                                     .key = given.key,
                                                                                     .authority = given.authority,
                                                                                     .revoked = given.revoked});
                          return std::make_shared<CredentialKeeper>(Files{}, [texts] {
                            auto made = Credentials::of_certificates(*texts);
                            // Texts do not change: they are read once.
                            wipe(texts->key);
                            return made;
                          });
                        },
                        [](const MeshKeyFile& given) {
                          return std::make_shared<CredentialKeeper>(
                              Files{given.path}, [path = given.path] { return credentials_of_key_file(path); });
                        },
                    },
                    proof);
}

}  // namespace

std::shared_ptr<CredentialKeeper> load_proof(const Protocol& protocol, const TlsProof& proof) {
  const bool tls = protocol.encryption == "TLS";
  const bool ssl = protocol.encryption == "SSL";
  if (!tls && !ssl && protocol.encryption != "Plaintext") {
    throw SettingsError("encryption '" + protocol.encryption + "' is not available; 'Plaintext', 'TLS' and 'SSL' are");
  }
  auto keeper = keeper_of(proof);
  if (tls && keeper == nullptr)
    throw SettingsError("encryption 'TLS' needs a proof: TlsFiles, TlsTexts or MeshKeyFile");
  if (!tls && keeper != nullptr)
    throw SettingsError("a proof is given, and the encryption is '" + protocol.encryption + "' instead of 'TLS'");
  if (ssl) keeper = std::make_shared<CredentialKeeper>(std::vector<std::string>(), Credentials::of_py2p);
  if (keeper == nullptr) return nullptr;
  if (auto loaded = keeper->load(); !loaded) throw SettingsError("proof: " + loaded.error());
  return keeper;
}

}  // namespace meshdict::detail
