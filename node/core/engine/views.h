#pragma once
// What an engine shows of itself, for listings, INFO and tests.

#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/base/ids.h"
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
  bool meshdict = false;  ///< speaks the additions of meshdict; a py2p node otherwise
  Duration connected_for{};
  std::size_t connections = 0;
  std::size_t queued = 0;          ///< bytes that wait to leave
  std::size_t waiting_stores = 0;  ///< of a py2p node: keys whose stores wait for their turn
  std::uint64_t left_out = 0;      ///< messages that were not sent to it, since it takes less than comes
  ClockView clock{};               ///< its wall clock against ours
  /// From the last ping to its answer, with what the far end was busy with. Nothing before the first, which comes with the first
  /// pause on the link; never of a py2p node.
  std::optional<Duration> round_trip{};
};

/// An earlier neighbour, and why it is none now; or one that TLS or its id has turned away.
struct DepartedView {
  NodeId id;         ///< empty: nothing has proven one
  Endpoint address;  ///< of one that was turned away: where it came from, or was dialled
  EndReason reason = EndReason::kClosedByPeer;
  Duration ago{};
};

/// Counters since the start. Each part of the engine counts what it does in the one that the engine shows.
struct EngineStats {
  std::uint64_t frames_received = 0;
  std::uint64_t frames_sent = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t bytes_sent = 0;  ///< of frames that were handed to the transport
  std::uint64_t duplicates = 0;  ///< broadcasts that had been seen
  std::uint64_t delivered = 0;   ///< first receptions of broadcasts, and whispers
  std::uint64_t expired = 0;     ///< broadcasts older than limits::kBroadcastLifetime
  /// Broadcasts not taken, since their neighbour or origin fills the memory of what was seen (seen.h).
  std::uint64_t no_room = 0;
  std::uint64_t relayed = 0;
  std::uint64_t refused = 0;  ///< connections and frames
  /// Messages that were not sent, since no frame can carry them; 0 unless something is wrong.
  std::uint64_t too_large = 0;
  /// Messages that were not sent to a neighbour that takes less than comes; each counts once for each.
  std::uint64_t left_out = 0;
  /// How often we saw, or were told, that another process has our identity.
  std::uint64_t identity_in_use = 0;
  std::uint64_t dials = 0;
  std::uint64_t comparisons = 0;         ///< sessions of reconciliation that we have begun
  std::uint64_t bulk_records_sent = 0;   ///< in sessions, and to py2p nodes at their handshake
  std::uint64_t records_passed_on = 0;   ///< news from a session, sent to other neighbours; each counts
  std::uint64_t old_deletions_told = 0;  ///< to neighbours that sent what had been deleted longer ago than the horizon
  std::uint64_t keys_returned = 0;       ///< see Returned in event.h
  std::uint64_t records_without_room = 0;  ///< of neighbours, that the store had no room for
};

}  // namespace meshdict
