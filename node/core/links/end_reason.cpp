#include "core/links/end_reason.h"

namespace meshdict {

std::string_view to_string(EndReason reason) {
  switch (reason) {
    case EndReason::kClosedByPeer:
      return "closed by peer";
    case EndReason::kDialFailed:
      return "dial failed";
    case EndReason::kWrongNetwork:
      return "wrong network";
    case EndReason::kHelloTimeout:
      return "hello timeout";
    case EndReason::kProtocolError:
      return "protocol error";
    case EndReason::kSilent:
      return "silent";
    case EndReason::kSlowReader:
      return "slow reader";
    case EndReason::kDuplicate:
      return "duplicate connection";
    case EndReason::kOlderBoot:
      return "older boot";
    case EndReason::kSelf:
      return "ourselves";
    case EndReason::kTooMany:
      return "too many connections";
    case EndReason::kDifferentSettings:
      return "different settings";
    case EndReason::kIdentityInUse:
      return "identity in use";
    case EndReason::kAnotherNode:
      return "another node";
    case EndReason::kEnough:
      return "gave up an extra link";
    case EndReason::kBye:
      return "goodbye";
    case EndReason::kLocal:
      return "disconnected here";
    case EndReason::kAnotherId:
      return "another's id";
    case EndReason::kPlaintext:
      return "without TLS";
    case EndReason::kSpeaksTls:
      return "speaks TLS";
    case EndReason::kNoCertificate:
      return "no certificate";
    case EndReason::kUnknownAuthority:
      return "unknown authority";
    case EndReason::kSelfSigned:
      return "self-signed certificate";
    case EndReason::kExpired:
      return "certificate expired";
    case EndReason::kNotYetValid:
      return "certificate not yet valid";
    case EndReason::kWrongUsage:
      return "certificate for another use";
    case EndReason::kRevoked:
      return "certificate revoked";
    case EndReason::kNoMeshKey:
      return "no mesh key";
    case EndReason::kAnotherMeshKey:
      return "another mesh key";
    case EndReason::kTlsFailed:
      return "TLS failed";
  }
  return "unknown";
}

}  // namespace meshdict
