#pragma once
// What OpenSSL says, in our words: each refusal with its own reason.

#include <cstdint>
#include <string>
#include <string_view>

#include "core/links/end_reason.h"
#include "net/tls/credentials.h"
#include "net/tls/psk.h"

namespace meshdict {

enum class Role : std::uint8_t { kDialer, kAcceptor };

/// What is known when a connection of TLS fails.
struct TlsFailure {
  Credentials::Kind kind = Credentials::Kind::kCertificates;
  Role role = Role::kDialer;
  unsigned long error = 0;  ///< OpenSSL's code; 0: none
  long verified = 0;        ///< what came of looking at the far end's certificate: X509_V_OK or another
  OfferedKey offered = OfferedKey::kNone;
};

Ending explain(const TlsFailure& failure);

/// Bytes that no end of TLS begins with.
Ending spoke_plaintext(Role role);
/// Whether bytes that came first on a connection without TLS are the beginning of a record of TLS: a greeting or an alert.
bool begins_as_tls(std::string_view bytes);
Ending spoke_tls();

}  // namespace meshdict
