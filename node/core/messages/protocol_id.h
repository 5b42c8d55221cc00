#pragma once
// What names a subnet in a handshake.

#include <string>
#include <string_view>

namespace meshdict {

/// The subnet's id: base58(SHA-256(network + encryption + "0.6")). `network` includes the suffix "1" (leasing) or
/// "0" that py2p's synchronised dictionaries append; `encryption` is "Plaintext" or "SSL".
std::string protocol_id(std::string_view network, std::string_view encryption);

}  // namespace meshdict
