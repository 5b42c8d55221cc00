#include "net/tls/faults.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <optional>
#include <string_view>

namespace meshdict {
namespace {

/// Alerts of the far end are errors from here on (SSL_AD_REASON_OFFSET).
constexpr int kAlerts = SSL_AD_REASON_OFFSET;

Ending ending(EndReason reason, std::string_view detail) {
  return {.reason = reason, .detail = std::string(detail)};
}

/// What we hold against the far end's certificate.
Ending about_its_certificate(long verified, Credentials::Kind kind) {
  switch (verified) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return ending(EndReason::kExpired, "its certificate's time is over, or our clock is wrong");
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return ending(EndReason::kNotYetValid, "its certificate's time has not come, or our clock is wrong");
    case X509_V_ERR_CERT_REVOKED:
      return ending(EndReason::kRevoked, "its certificate is in the list of revoked ones");
    case X509_V_ERR_INVALID_PURPOSE:
    case X509_V_ERR_INVALID_CA:
      return ending(EndReason::kWrongUsage, kind == Credentials::Kind::kServer
                                                ? "its certificate is not for this use: a client's is for TLS clients"
                                                : "its certificate is not for this use: a node's is for TLS servers "
                                                  "and clients");
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return ending(EndReason::kSelfSigned, "its certificate vouches for itself");
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_CERT_UNTRUSTED:
    case X509_V_ERR_CERT_REJECTED:
      return ending(EndReason::kUnknownAuthority, "its certificate is of no authority that we trust");
    case X509_V_ERR_UNABLE_TO_GET_CRL:
      return ending(EndReason::kTlsFailed, "we have no list of the revoked certificates of its authority");
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_NOT_YET_VALID:
      return ending(EndReason::kTlsFailed, "our list of revoked certificates is out of date: give a new one");
    default:
      return ending(EndReason::kTlsFailed,
                    "its certificate does not hold: " + std::string(X509_verify_cert_error_string(verified)));
  }
}

/// What the far end holds against our certificate; nothing when the alert speaks of something else.
std::optional<Ending> about_our_certificate(int alert) {
  switch (alert) {
    case SSL_AD_CERTIFICATE_EXPIRED:
      return ending(EndReason::kExpired, "the far end says that the time of our certificate is over");
    case SSL_AD_CERTIFICATE_REVOKED:
      return ending(EndReason::kRevoked, "the far end says that our certificate is revoked");
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
      return ending(EndReason::kWrongUsage, "the far end says that our certificate is not for this use");
    case SSL_AD_UNKNOWN_CA:
      return ending(EndReason::kUnknownAuthority, "the far end trusts no authority of our certificate");
    case SSL_AD_CERTIFICATE_REQUIRED:
      return ending(EndReason::kNoCertificate, "the far end wants a certificate");
    case SSL_AD_BAD_CERTIFICATE:
      return ending(EndReason::kNotYetValid,
                    "the far end does not take our certificate: is its time still to come there?");
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_ACCESS_DENIED:
      return ending(EndReason::kTlsFailed, "the far end does not take our certificate");
    default:
      return std::nullopt;
  }
}

/// With mesh keys: nothing when the failure has nothing to do with them.
std::optional<Ending> about_keys(const TlsFailure& failure, int reason) {
  if (failure.role == Role::kDialer) {
    // The far end tells why in few words: it knows no key of this name, or the key is another than that of this name here.
    const bool refused = reason == kAlerts + SSL_AD_HANDSHAKE_FAILURE || reason == kAlerts + SSL_AD_ILLEGAL_PARAMETER ||
                         reason == kAlerts + SSL_AD_DECRYPT_ERROR || reason == kAlerts + SSL_AD_UNKNOWN_PSK_IDENTITY ||
                         reason == kAlerts + SSL_AD_CERTIFICATE_REQUIRED ||
                         reason == kAlerts + SSL_AD_MISSING_EXTENSION;
    if (refused) return ending(EndReason::kAnotherMeshKey, "the far end does not take our mesh key");
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
      return ending(EndReason::kNoMeshKey, "the far end shows a certificate instead of a mesh key");
    }
    return std::nullopt;
  }
  if (failure.offered == OfferedKey::kUnknown) {
    return ending(EndReason::kAnotherMeshKey, "its mesh key is none of ours");
  }
  if (reason == SSL_R_BINDER_DOES_NOT_VERIFY || reason == SSL_R_DIGEST_CHECK_FAILED) {
    return ending(EndReason::kAnotherMeshKey, "it names a mesh key of ours without having it");
  }
  const bool without = reason == SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM || reason == SSL_R_NO_SHARED_CIPHER ||
                       reason == SSL_R_NO_CERTIFICATE_SET || reason == SSL_R_NO_SUITABLE_KEY_SHARE;
  if (without) return ending(EndReason::kNoMeshKey, "it speaks TLS without a mesh key");
  return std::nullopt;
}

std::string_view wanted_versions(Credentials::Kind kind) {
  return kind == Credentials::Kind::kPy2p ? "TLS 1.2 or 1.3 is wanted, and the two ends have neither in common"
                                          : "TLS 1.3 is wanted, and the two ends do not both speak it";
}

Ending about_tls(const TlsFailure& failure, int reason) {
  switch (reason) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_WRONG_SSL_VERSION:
    case SSL_R_VERSION_TOO_LOW:
    case kAlerts + SSL_AD_PROTOCOL_VERSION:
      return ending(EndReason::kTlsFailed, wanted_versions(failure.kind));
    case SSL_R_NO_SHARED_CIPHER:
    case kAlerts + SSL_AD_HANDSHAKE_FAILURE:
      return ending(EndReason::kTlsFailed, "the two ends have no cipher suite or kind of proof in common");
    case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC:
    case kAlerts + SSL_AD_BAD_RECORD_MAC:
    case kAlerts + SSL_AD_DECRYPT_ERROR:
      return ending(EndReason::kTlsFailed, "bytes that were changed on their way, or recorded from another connection");
    default:
      break;
  }
  const char* const text = failure.error == 0 ? nullptr : ERR_reason_error_string(failure.error);
  return ending(EndReason::kTlsFailed, std::string("what it sends is no TLS that we understand") +
                                           (text == nullptr ? "" : std::string(" (OpenSSL: ") + text + ")"));
}

}  // namespace

Ending explain(const TlsFailure& failure) {
  const int reason = ERR_GET_REASON(failure.error);
  if (failure.kind == Credentials::Kind::kMeshKeys) {
    if (auto found = about_keys(failure, reason)) return *found;
    return about_tls(failure, reason);
  }
  if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) {
    return ending(EndReason::kNoCertificate, "it shows no certificate");
  }
  if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) return about_its_certificate(failure.verified, failure.kind);
  if (reason >= kAlerts) {
    if (auto found = about_our_certificate(reason - kAlerts)) return *found;
    if (reason == kAlerts + SSL_AD_HANDSHAKE_FAILURE && failure.role == Role::kDialer) {
      return ending(EndReason::kNoMeshKey,
                    "the far end shows no certificate: it wants a mesh key, or has nothing in common with us");
    }
  }
  return about_tls(failure, reason);
}

Ending spoke_plaintext(Role role) {
  return ending(EndReason::kPlaintext, role == Role::kAcceptor ? "it speaks without TLS, we with it"
                                                               : "the far end speaks without TLS, we with it");
}

bool begins_as_tls(std::string_view bytes) {
  constexpr std::uint8_t kAlert = 0x15;
  constexpr std::uint8_t kHandshake = 0x16;
  constexpr std::uint8_t kNewestMinor = 4;
  if (bytes.size() < 3) return false;
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
  return (at(0) == kAlert || at(0) == kHandshake) && at(1) == 3 && at(2) <= kNewestMinor;
}

Ending spoke_tls() {
  return ending(EndReason::kSpeaksTls, "the far end speaks TLS, we do not");
}

}  // namespace meshdict
