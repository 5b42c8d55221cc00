#pragma once
// What a node tells the outside: a closed set of events, visited exhaustively.

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "core/base/ids.h"
#include "core/base/numbers.h"
#include "core/dictionary/dictionary.h"
#include "core/encoding/msgpack.h"
#include "core/env/transport.h"
#include "core/links/end_reason.h"
#include "core/messages/flags.h"
#include "core/messages/parting_kind.h"
#include "core/record/clock_offsets.h"

namespace meshdict {

/// A neighbour whose hello exchange has completed.
struct PeerUp {
  NodeId peer;
  /// Where it says it listens, or where it connected from.
  Endpoint address;
  bool dialed_by_us = false;
  /// A py2p node otherwise.
  bool meshdict = false;
};
/// The last connection to a neighbour has ended.
struct PeerDown {
  NodeId peer;
  EndReason reason = EndReason::kClosedByPeer;
  std::string detail;
};
/// A broadcast or whisper for the application.
struct MessageArrived {
  NodeId sender;
  /// Unix seconds, the sender's clock.
  std::int64_t time = 0;
  MessageId id;
  bool whisper = false;
  /// kBroadcast or kWhisper, as its sender named it.
  SubFlag type = SubFlag::kBroadcast;
  /// The neighbour that it came through.
  NodeId from;
  std::vector<Raw> packets;
};
/// A connection was refused or dropped before it became a neighbour, or bytes were refused.
struct Refused {
  ConnId conn = ConnId::kNone;
  Endpoint remote;
  EndReason reason = EndReason::kProtocolError;
  std::string detail;
  bool dialed_by_us = false;
};
/// A whisper that was held back for a node that could not be found in time.
struct Undeliverable {
  NodeId receiver;
  MessageId id;
};

/// Messages for a neighbour are left out, since it takes less than comes. Told now and then (limits::kTellLeftOutEvery).
struct LeftOut {
  NodeId peer;
  /// So far, on this link.
  std::uint64_t messages = 0;
};

/// A neighbour has what Engine::confirm() asked about, and shows it. Told once for each neighbour.
struct Confirmed {
  ConfirmationToken token = ConfirmationToken::kNone;
  NodeId peer;
};

/// A neighbour has brought a key that we do not have, and that may have been deleted so long ago that we have discarded its
/// tombstone (D6 in tombstones.h). The key is there again.
struct Returned {
  std::string key;
  NodeId from;
};

/// A neighbour's wall clock is now further from ours than members allow, or ours from those of most neighbours; or no longer
/// is. Told once for each change (clock_offsets.h).
struct ClockJudged {
  /// Empty: it is our own clock, against the median neighbour's.
  NodeId peer;
  ClockView clock;
};

/// A member has left for good, or an operator has removed it: us, when it is our id. Told once for each parting (members.h).
struct MemberParted {
  NodeId member;
  PartingKind kind = PartingKind::kLeft;
  /// For how long yet it is left alone.
  Duration lasts{};
  /// The neighbour that told us; ourselves, when it is our user's wish.
  NodeId told_by;
};

using Event = std::variant<PeerUp, PeerDown, MessageArrived, Refused, Undeliverable, Updated, Deleted, Conflict,
                           Confirmed, Returned, ClockJudged, LeftOut, LeaseBroken, MemberParted>;

/// Receives events during calls into the engine. An observer must not change the engine. It may look at the dictionary, in
/// which the record that an event is about is already in place.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void on_event(const Event& event) = 0;
};

}  // namespace meshdict
