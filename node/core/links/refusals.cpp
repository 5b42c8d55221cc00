// The part of Links that refuses connections, says why, and hears why others refuse ours.

#include <utility>

#include "core/limits.h"
#include "core/links/links.h"

namespace meshdict {
namespace {

/// What the other end can do something about; nothing for the rest.
RefusalCode code_of(EndReason reason) {
  switch (reason) {
    case EndReason::kWrongNetwork:
      return RefusalCode::kWrongNetwork;
    case EndReason::kDifferentSettings:
      return RefusalCode::kDifferentSettings;
    case EndReason::kTooMany:
      return RefusalCode::kTooMany;
    case EndReason::kOlderBoot:
    case EndReason::kIdentityInUse:
      return RefusalCode::kIdentityInUse;
    case EndReason::kProtocolError:
      return RefusalCode::kProtocolError;
    case EndReason::kAnotherId:
      return RefusalCode::kAnotherId;
    default:
      return RefusalCode::kUnknown;
  }
}

EndReason reason_of(RefusalCode code) {
  switch (code) {
    case RefusalCode::kWrongNetwork:
      return EndReason::kWrongNetwork;
    case RefusalCode::kDifferentSettings:
      return EndReason::kDifferentSettings;
    case RefusalCode::kTooMany:
      return EndReason::kTooMany;
    case RefusalCode::kIdentityInUse:
      return EndReason::kIdentityInUse;
    case RefusalCode::kKeptApart:
      return EndReason::kBye;
    case RefusalCode::kProtocolError:
      return EndReason::kProtocolError;
    case RefusalCode::kAnotherId:
      return EndReason::kAnotherId;
    case RefusalCode::kUnknown:
      break;
  }
  return EndReason::kClosedByPeer;
}

/// What the refused is told, from its side.
std::string text_for_peer(EndReason reason, const std::string& detail) {
  return reason == EndReason::kOlderBoot ? "a newer process with your identity is connected here" : detail;
}

}  // namespace

void Links::close(Connection& conn, EndReason reason, const std::string& detail) {
  const RefusalCode code = code_of(reason);
  const Ending ending{.reason = reason, .detail = detail};
  if (code == RefusalCode::kUnknown) return end(conn, ending);
  refuse(conn, ending, {.code = code, .text = text_for_peer(reason, detail)});
}

/// py2p nodes, and nodes that have not shown themselves yet, hear nothing.
void Links::refuse(Connection& conn, const Ending& ending, const Refusal& told) {
  if (conn.is_meshdict && !conn.closed()) whisper(conn, told);
  end(conn, ending);
}

void Links::keep_apart(Connection& conn) {
  refuse(conn, {.reason = EndReason::kLocal, .detail = "our user has parted from it"},
         {.code = RefusalCode::kKeptApart, .text = std::string(to_string(ByeReason::kUnwanted))});
}

void Links::refuse_pending(const NodeId& peer) {
  std::vector<Connection*> pending;
  for (const auto& [id, conn] : connections_) {
    if (conn->peer == peer && (conn->state == ConnState::kHandshaking || conn->state == ConnState::kGreeted)) {
      pending.push_back(conn.get());
    }
  }
  for (Connection* const conn : pending) {
    if (!conn->closed()) keep_apart(*conn);
  }
}

void Links::on_message(Connection& conn, const Refusal& refusal) {
  Ending ending{.reason = reason_of(refusal.code)};
  if (refusal.code == RefusalCode::kKeptApart) {
    ending.bye = ByeReason::kUnwanted;
    ending.detail = to_string(ending.bye);
  } else {
    ending.detail = "it says: " + refusal.text.substr(0, limits::kMaxReason);
  }
  end(conn, ending);
}

}  // namespace meshdict
