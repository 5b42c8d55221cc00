#pragma once
// What an engine shows of itself, for listings, INFO and tests.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/ids.h"
#include "core/base/numbers.h"
#include "core/base/time.h"
#include "core/env/transport.h"
#include "core/links/end_reason.h"
#include "core/record/clock_offsets.h"

namespace meshdict {

/// A neighbour.
struct NeighbourView {
  NodeId id;
  Endpoint address;
  bool dialed_by_us = false;
  /// Speaks the additions of meshdict; a py2p node otherwise.
  bool meshdict = false;
  Duration connected_for{};
  std::size_t connections = 0;
  /// Bytes that wait to leave.
  std::size_t queued = 0;
  /// Of a py2p node: keys whose stores wait for their turn.
  std::size_t waiting_stores = 0;
  /// Messages that were not sent to it, since it takes less than comes.
  std::uint64_t left_out = 0;
  /// Its wall clock against ours.
  ClockView clock{};
  /// From the last ping to its answer, with what the far end was busy with. Nothing before the first, which comes with the first
  /// pause on the link; never of a py2p node.
  std::optional<Duration> round_trip{};
};

/// A former neighbour, and why it is no neighbour now; or a node that was turned away because of TLS or its id.
struct DepartedView {
  /// Empty when nothing has proven an id.
  NodeId id;
  /// Of one that was turned away: where it came from, or was dialled.
  Endpoint address;
  EndReason reason = EndReason::kClosedByPeer;
  Duration ago{};
};

enum class MemberState : std::uint8_t {
  kSelf,
  kNeighbour,
  kReached,  ///< has answered the last roll call, through others
  kSilent,   ///< has not
  kLeft,     ///< has left for good: it is not dialled for a time
  kRemoved,  ///< an operator has removed it: it is turned away for a time
};
/// "self", "neighbour", ...
std::string_view to_string(MemberState state);

/// A member of the mesh, as far as we know (members.h).
struct MemberView {
  NodeId id;
  /// Empty host: it does not say where it can be dialled.
  Endpoint address;
  MemberState state = MemberState::kSilent;
  Boot boot = Boot::kNone;
  /// Empty: it has told nobody.
  std::string software{};
  std::uint64_t neighbours = 0;
  /// Since its last card, or since anything came from a neighbour. Nothing: never.
  std::optional<Duration> heard_ago{};
  /// Of kLeft and kRemoved: for how long yet.
  Duration state_lasts{};
};

/// Counters since the start. The parts of the engine share one, and each counts there what it does.
struct EngineStats {
  std::uint64_t frames_received = 0;
  std::uint64_t frames_sent = 0;
  std::uint64_t bytes_received = 0;
  /// Of frames that were handed to the transport.
  std::uint64_t bytes_sent = 0;
  /// Broadcasts that had been seen.
  std::uint64_t duplicates = 0;
  /// First receptions of broadcasts, and whispers.
  std::uint64_t delivered = 0;
  /// Broadcasts older than limits::kBroadcastLifetime.
  std::uint64_t expired = 0;
  /// Broadcasts that were not taken, since their neighbour or their origin fills the memory of what was seen (seen.h).
  std::uint64_t no_room = 0;
  std::uint64_t relayed = 0;
  /// Connections and frames.
  std::uint64_t refused = 0;
  /// Messages that were not sent, since no frame can carry them; 0 unless something is wrong.
  std::uint64_t too_large = 0;
  /// Messages that were not sent to a neighbour that takes less than comes; each counts once for each.
  std::uint64_t left_out = 0;
  /// How often we saw, or were told, that another process has our identity.
  std::uint64_t identity_in_use = 0;
  std::uint64_t dials = 0;
  /// Anti-entropy sessions that we have begun.
  std::uint64_t comparisons = 0;
  /// Records sent in sessions, and to py2p nodes at their handshake.
  std::uint64_t bulk_records_sent = 0;
  /// News from a session, sent to other neighbours; each counts.
  std::uint64_t records_passed_on = 0;
  /// Told to neighbours that sent what had been deleted longer ago than the horizon.
  std::uint64_t old_deletions_told = 0;
  /// See Returned in event.h.
  std::uint64_t keys_returned = 0;
  /// Records of neighbours for which the store had no room.
  std::uint64_t records_without_room = 0;
};

}  // namespace meshdict
