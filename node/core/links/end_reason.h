#pragma once
// Why connections end: a closed set, told in events, logs and scenarios.

#include <cstdint>
#include <string>
#include <string_view>

#include "core/messages/bye_reason.h"

namespace meshdict {

/// Why a connection ended.
enum class EndReason : std::uint8_t {
  kClosedByPeer,       ///< end of stream or reset
  kDialFailed,         ///< refused, unreachable or not answered in time
  kWrongNetwork,       ///< another protocol id
  kHelloTimeout,       ///< connected, but said no good hello in time
  kProtocolError,      ///< bytes that no member sends
  kSilent,             ///< nothing heard for limits::kSilenceVerdict
  kSlowReader,         ///< did not take what we sent
  kDuplicate,          ///< another connection to the same node was kept
  kOlderBoot,          ///< belongs to an earlier incarnation of the peer
  kSelf,               ///< we dialled ourselves
  kTooMany,            ///< beyond limits::kMaxNeighbours or limits::kMaxPendingAccepted
  kDifferentSettings,  ///< members must agree on lease length, D, skew and horizon
  kIdentityInUse,      ///< the peer says that it is us
  kAnotherNode,        ///< we dialled one node, and another answered
  kEnough,             ///< an extra link, given up for another
  kBye,                ///< the peer said goodbye
  kLocal,              ///< we were told to disconnect
  kAnotherId,          ///< it says another id than the one that its key proves
  // Of a transport that encrypts, on either side: what one end lacks, or holds against the other.
  kPlaintext,         ///< the far end speaks without TLS, we with it
  kSpeaksTls,         ///< the far end speaks TLS, we do not
  kNoCertificate,     ///< TLS without the certificate that proves membership
  kUnknownAuthority,  ///< a certificate that no authority of ours has signed
  kSelfSigned,        ///< a certificate that vouches for itself
  kExpired,           ///< a certificate whose time is over
  kNotYetValid,       ///< a certificate whose time has not come
  kWrongUsage,        ///< a certificate that is not for this use
  kRevoked,           ///< a certificate that its authority has taken back
  kNoMeshKey,         ///< TLS without a mesh key
  kAnotherMeshKey,    ///< a mesh key that is none of ours
  kTlsFailed,         ///< any other failure of TLS: versions, damaged bytes, no answer in time
};
/// Short text for a log line and for MESH PEERS.
std::string_view to_string(EndReason reason);

/// The last of the list above.
inline constexpr EndReason kLastEndReason = EndReason::kTlsFailed;

/// Whether the other end was refused because of what it has proven of itself, or because of how it speaks.
constexpr bool is_about_proof(EndReason reason) {
  return reason >= EndReason::kAnotherId;
}

/// How a connection ended.
struct Ending {
  EndReason reason = EndReason::kClosedByPeer;
  /// For a person.
  std::string detail{};
  /// With kBye: the reason that the peer gave.
  ByeReason bye = ByeReason::kOther;

  [[nodiscard]] bool is_bye(ByeReason why) const { return reason == EndReason::kBye && bye == why; }
};

}  // namespace meshdict
