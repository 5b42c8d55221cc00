#pragma once
// What a node proves itself with, and what it demands of the other end: certificates, or mesh keys. And what its endpoints for
// clients show and ask, which nobody takes for members.
//
// 1. TLS 1.3 alone, so that every suite is an AEAD and every session has a key exchange of its own. No session is resumed and
//    no ticket given: whoever is let in has shown its proof on this very connection. Only for py2p's SSL there is TLS 1.2, too,
//    with suites of the same two virtues.
// 2. Immutable, and shared: a connection keeps what it began with, and new ones take what is there then.
// 3. With certificates, a node's id is base58 of the SHA-384 of its certificate's public key (the SubjectPublicKeyInfo), so
//    that proof of the key is proof of the id. A certificate that is renewed for the same key keeps the id.
// 4. Secrets leave the texts they came in as soon as they are understood.

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/ids.h"
#include "net/tls/mesh_key.h"

struct ssl_ctx_st;

namespace meshdict {

/// Certificates and their key, as PEM texts.
struct ProofTexts {
  std::string certificate;  ///< ours, and those between it and the authority behind it
  std::string key;          ///< of ours, without a passphrase
  std::string authority;    ///< who signs members; of several, any
  std::string revoked;      ///< the authority's list of revoked certificates; empty: none is asked for
};

/// The same, as files.
struct ProofFiles {
  std::string certificate;
  std::string key;
  std::string authority;
  std::string revoked;

  [[nodiscard]] bool empty() const {
    return certificate.empty() && key.empty() && authority.empty() && revoked.empty();
  }
};

/// Error text names the file, and the option that it came by: "--tls-cert" with the prefix "--tls".
std::expected<ProofTexts, std::string> read_proof_files(const ProofFiles& files, std::string_view prefix = "--tls");

/// For the log of whoever uses Credentials::of_py2p().
inline constexpr std::string_view kPy2pProvesNothing =
    "as in py2p 0.6, nobody proves who it is: whoever reaches the mesh port is a member, and whoever is on the way "
    "between two "
    "members can read and change all that they say";

class Credentials {
 public:
  enum class Kind : std::uint8_t {
    kCertificates,  ///< of a member
    kMeshKeys,
    kServer,  ///< of an endpoint for clients, which dials nobody
    kPy2p,    ///< of a member of a mesh of py2p's SSL, which asks nobody for anything
  };
  struct Parts;

  /// Of a member of a mesh, which others reach and which reaches others. Error text says which of the texts is wrong, and how.
  static std::expected<std::shared_ptr<const Credentials>, std::string> of_certificates(const ProofTexts& texts);
  /// Of an endpoint for clients. Without an authority clients are asked for nothing; with one, each has to show a certificate that
  /// it has signed for this use. Error text as above.
  static std::expected<std::shared_ptr<const Credentials>, std::string> of_server(const ProofTexts& texts);
  /// REQUIRES: one key at least.
  static std::expected<std::shared_ptr<const Credentials>, std::string> of_mesh_keys(const std::vector<MeshKey>& keys);
  /// As py2p 0.6's SSL sockets have them: a dialer shows nothing and looks at nothing, an acceptor shows a certificate that it has
  /// made for itself. So nobody proves anything; see kPy2pProvesNothing.
  static std::expected<std::shared_ptr<const Credentials>, std::string> of_py2p();

  explicit Credentials(std::unique_ptr<Parts> parts);
  ~Credentials();
  Credentials(const Credentials&) = delete;
  Credentials& operator=(const Credentials&) = delete;

  [[nodiscard]] Kind kind() const;
  /// Of a member's certificate's key; empty for others.
  [[nodiscard]] const NodeId& id() const;
  /// What others will hold against our certificate, as far as we can tell: lines for the operator.
  [[nodiscard]] const std::vector<std::string>& doubts() const;

  // For channel.cpp.
  [[nodiscard]] ssl_ctx_st* context() const;

 private:
  std::unique_ptr<Parts> parts_;
};

}  // namespace meshdict
