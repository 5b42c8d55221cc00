#pragma once
// How a node proves that it belongs to a mesh whose Protocol has the encryption "TLS": by certificates, or by a key that all
// members share. Only TLS 1.3 is spoken; node/app/README.md tells what is asked of certificates and key files. ("SSL" is another
// encryption, py2p's, and has no proof.)

#include <string>
#include <variant>

namespace meshdict {

/// Files in PEM form. They are read again when they change: existing connections stay, later ones use the new files. A node's
/// id follows from its certificate's key, so that a certificate of another key waits for the next start.
struct TlsFiles {
  /// This node's certificate, and behind it those between it and the authority.
  std::string certificate;
  /// The certificate's key, without a passphrase.
  std::string key;
  /// The authorities that sign members.
  std::string authority;
  /// The authorities' list of revoked certificates; empty: no list is asked for.
  std::string revoked{};
};

/// The same as texts.
struct TlsTexts {
  std::string certificate;
  std::string key;
  std::string authority;
  std::string revoked{};
};

/// A file with one or two mesh keys, as `meshdict-node --make-key` writes them. It is read again when it changes.
struct MeshKeyFile {
  std::string path;
};

using TlsProof = std::variant<std::monostate, TlsFiles, TlsTexts, MeshKeyFile>;

}  // namespace meshdict
