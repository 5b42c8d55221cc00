#pragma once
// What TlsProof is to the transport.

#include <memory>

#include "meshdict/mesh_socket.h"
#include "net/tls/keeper.h"

namespace meshdict::detail {

/// Reads what `proof` names; for py2p's SSL, which has none, makes what it needs instead. Null for plaintext. Throws SettingsError
/// for what cannot be used, and for an encryption and a proof that do not fit each other.
std::shared_ptr<CredentialKeeper> load_proof(const Protocol& protocol, const TlsProof& proof);

}  // namespace meshdict::detail
