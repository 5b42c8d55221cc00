#pragma once
// Every bound of TLS and of the files that it needs, with its reason.

#include <cstddef>

#include "core/base/time.h"

namespace meshdict::tls_limits {

/// Connections in the middle of their TLS handshake, each some 80 KiB. Beyond it the host that has most of them loses its
/// oldest: whoever opens many takes the room from itself.
inline constexpr std::size_t kMaxHandshakes = 64;
/// Bytes that a handshake may bring: a chain of a few certificates has some thousand.
inline constexpr std::size_t kMaxHandshakeBytes = 64 * 1024;
/// An accepted connection's TLS handshake, to its end: as long as the hello that follows may take.
inline constexpr Duration kHandshakeDeadline = 10s;
/// Plaintext that is sealed at a time: one record of TLS.
inline constexpr std::size_t kSealedAtOnce = 16 * 1024;
/// Certificates in a chain, the authority's included.
inline constexpr int kMaxChain = 8;
/// A mesh changes from one to the next.
inline constexpr std::size_t kMaxMeshKeys = 2;
/// A file of mesh keys, with remarks.
inline constexpr std::size_t kMaxKeyFile = 16 * 1024;
/// A file of certificates, or of those that are revoked: some hundred thousand.
inline constexpr std::size_t kMaxPemFile = 8 * 1024 * 1024;
/// Between two looks at whether files of keys and certificates have changed.
inline constexpr Duration kLookAtFiles = 2s;

}  // namespace meshdict::tls_limits
