// What parcels do where they arrive.

#include <algorithm>
#include <cassert>
#include <utility>

#include "sim/machines/mixing.h"
#include "sim/machines/network.h"

namespace meshdict::sim {

void Network::arrived(End end, const Parcel& parcel, bool more) {
  const Machine here = machine(end.self().node);
  if (here == Machine::kDead) {
    // Nobody is left who could tell the other side.
    if (parcel.kind == ParcelKind::kFin || parcel.kind == ParcelKind::kReset) release(*end.conn);
    return;
  }
  switch (parcel.kind) {
    case ParcelKind::kSyn:
      if (here == Machine::kRefusing) return bounce(end);
      switch (dial_answers_[end.self().node]) {
        case DialAnswer::kTaken:
          break;
        case DialAnswer::kRefused:
          ++faults_[Fault::kRefusedDial];
          return bounce(end);
        case DialAnswer::kLost:
          ++faults_[Fault::kLostDial];
          return;
      }
      end.self().state = SideState::kSynReceived;
      return push(*end.conn, 1 - end.side, {nullptr, 0, {}, 0, ParcelKind::kSynAck});
    case ParcelKind::kSynAck:
      if (end.self().state != SideState::kDialing) return bounce(end);
      end.self().state = SideState::kOpen;
      push(*end.conn, 1 - end.side, {nullptr, 0, {}, 0, ParcelKind::kAck});
      return user_.connected(end.self().node, id_of(*end.conn, end.side));
    case ParcelKind::kAck:
      if (end.self().state != SideState::kSynReceived) return bounce(end);
      end.self().state = SideState::kOpen;
      return user_.accepted(end.self().node, id_of(*end.conn, end.side), end.other().node);
    case ParcelKind::kData:
      return arrived_data(end, parcel, more);
    case ParcelKind::kFin:
      return end_connection(end, "closed by the peer");
    case ParcelKind::kReset:
      if (end.self().state == SideState::kDialing) {
        ++counters_.dials_refused;
        return end_connection(end, "connection refused");
      }
      ++counters_.resets;
      return end_connection(end, "connection reset by the peer");
  }
}

void Network::arrived_data(End end, const Parcel& parcel, bool more) {
  switch (end.self().state) {
    case SideState::kOpen:
      ++counters_.delivered;
      counters_.delivered_bytes += parcel.plain_size;
      if (!traps_.empty() && parcel.handed == 0) {
        if (const auto how = spring_trap(end.other().node, end.self().node)) return deliver_mangled(end, parcel, *how);
      }
      return hand_over(end, parcel, more);
    case SideState::kClosed:
      ++counters_.lost;
      return;
    case SideState::kGone:
    case SideState::kDialing:
    case SideState::kSynReceived:
      ++counters_.lost;
      return bounce(end);
  }
}

void Network::hand_over(End end, const Parcel& parcel, bool more) {
  const Portion portion{.frame = parcel,
                        .bytes = std::string_view(*parcel.bytes).substr(parcel.handed),
                        .piece = end.conn->piece,
                        .more = more};
  if (portion.piece > 0 && portion.bytes.size() > portion.piece) ++faults_[Fault::kFragments];
  user_.received(end.self().node, id_of(*end.conn, end.side), end.other().node, portion);
}

// A parcel has come to an end that does not know the connection: its machine resets the sender.
void Network::bounce(End end) {
  if (end.conn->mute) return;
  const SideState other = end.other().state;
  if (other != SideState::kOpen && other != SideState::kDialing) return release(*end.conn);
  discard(end.self());
  push(*end.conn, 1 - end.side, {nullptr, 0, {}, 0, ParcelKind::kReset});
}

// The connection is over for this side, and there is nobody to be told on the other.
void Network::end_connection(End end, std::string_view why) {
  const NodeIndex node = end.self().node;
  const ConnId id = id_of(*end.conn, end.side);
  const bool known = end.self().state == SideState::kOpen || end.self().state == SideState::kDialing;
  release(*end.conn);
  if (known) user_.closed(node, id, why);
}

void Network::abandon(NodeIndex node) {
  const bool silent = machines_[node] == Machine::kDead;
  for (const auto& slot : slots_) {
    Connection& conn = *slot;
    for (std::size_t side = 0; side < 2 && conn.serial != 0; ++side) {
      Side& self = conn.sides[side];
      if (self.node != node || self.state == SideState::kGone) continue;
      const bool dialing = self.state == SideState::kDialing;
      const SideState other = conn.sides[1 - side].state;
      if (self.state == SideState::kClosed && !silent) continue;  // the end is on its way already
      self.state = SideState::kGone;
      discard(self);
      if (dialing || other == SideState::kGone || other == SideState::kClosed) {
        release(conn);
      } else if (!silent) {
        push(conn, 1 - side, {nullptr, 0, {}, 0, ParcelKind::kReset});
      }
    }
  }
}

void Network::take_back(NodeIndex node, std::uint64_t last_kept) {
  for (const auto& slot : slots_) {
    for (std::size_t side = 0; side < 2 && slot->serial != 0; ++side) {
      if (slot->sides[side].node != node) continue;
      Side& pipe = slot->sides[1 - side];
      pipe.parcels.remove_if([&](const Parcel& parcel) {
        if (parcel.number <= last_kept) return false;
        pipe.in_flight -= parcel.plain_size;
        ++counters_.lost;
        return true;
      });
    }
  }
}

}  // namespace meshdict::sim
