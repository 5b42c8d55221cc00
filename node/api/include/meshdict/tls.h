#pragma once
// How a node proves that it belongs to a mesh whose Protocol has the encryption "TLS": by certificates, or by a key that all
// members share. TLS is 1.3 alone; node/app/README.md tells what is asked of certificates and key files.

#include <string>
#include <variant>

namespace meshdict {

/// Files in PEM form. They are read again when they change: connections that there are stay, new ones use the new. A node's id
/// follows from its certificate's key, so that a certificate of another key waits for the next start.
struct TlsFiles {
  /// This node's, and those between it and the authority behind it.
  std::string certificate;
  /// Of the certificate, without a passphrase.
  std::string key;
  /// Those that sign members.
  std::string authority;
  /// Their list of revoked certificates; empty: none is asked for.
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
