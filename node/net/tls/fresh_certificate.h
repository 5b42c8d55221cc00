#pragma once
// The certificate that a listening end of py2p 0.6's SSL shows: made at the start, in memory alone, and a proof of nothing, as
// everybody can make one.

struct ssl_ctx_st;

namespace meshdict {

/// Has `context` show one, like those that py2p makes: RSA of 2048 bits, SHA-256, subject and issuer `cryptography.io`, no authority,
/// from a day ago for ten years, a random serial number. False when OpenSSL, or this machine's policy, does not take that.
bool show_fresh_certificate(ssl_ctx_st* context);

}  // namespace meshdict
