// What parcels do where they arrive, and what faults do to connections.

#include <algorithm>
#include <cassert>
#include <utility>

#include "sim/mixing.h"
#include "sim/network.h"

namespace meshdict::sim {

void Network::arrived(End end, const Parcel& parcel) {
  const Machine here = machine(end.self().node);
  if (here == Machine::kDead) {
    // Nobody is left who could tell the other side.
    if (parcel.kind == ParcelKind::kFin || parcel.kind == ParcelKind::kReset) release(*end.conn);
    return;
  }
  switch (parcel.kind) {
    case ParcelKind::kSyn:
      if (here == Machine::kRefusing) return bounce(end);
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
      return arrived_data(end, parcel);
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

void Network::arrived_data(End end, const Parcel& parcel) {
  switch (end.self().state) {
    case SideState::kOpen:
      ++counters_.delivered;
      counters_.delivered_bytes += parcel.plain_size;
      return user_.received(end.self().node, id_of(*end.conn, end.side), end.other().node, parcel);
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

// A parcel has come to an end that does not know the connection: its machine resets the sender.
void Network::bounce(End end) {
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

// Partitions

void Network::set_groups(std::vector<std::uint32_t> groups) {
  assert(groups.size() == groups_.size());
  groups_ = std::move(groups);
  for (const auto& slot : slots_) {
    Connection& conn = *slot;
    if (conn.serial == 0 || blocked(conn)) continue;
    for (std::size_t side = 0; side < 2; ++side) {
      Side& pipe = conn.sides[side];
      if (pipe.stalled) {
        pipe.stalled = false;
        const Duration arrives = queue_.now() + flight_time(conn);
        pipe.parcels.front().arrives = std::max(pipe.parcels.front().arrives, arrives);
        pipe.last_arrival = std::max(pipe.last_arrival, arrives);
        arm(conn, side);
      }
      if (pipe.drain_armed) queue_.push(queue_.now(), EventKind::kDrained, detail_of(conn, side));
    }
  }
}

void Network::reset_between(NodeIndex a, NodeIndex b) {
  std::vector<Connection*> conns;
  for (const auto& slot : slots_) {
    const NodeIndex dialer = slot->sides[0].node;
    const NodeIndex acceptor = slot->sides[1].node;
    const bool between = (dialer == a && acceptor == b) || (dialer == b && acceptor == a);
    if (slot->serial != 0 && between) conns.push_back(slot.get());
  }
  reset_all(conns);
}

void Network::reset_blocked() {
  std::vector<Connection*> conns;
  for (const auto& slot : slots_) {
    if (slot->serial != 0 && blocked(*slot)) conns.push_back(slot.get());
  }
  reset_all(conns);
}

// First all connections go, then the nodes are told: what they dial then is not meant.
void Network::reset_all(const std::vector<Connection*>& conns) {
  std::vector<std::pair<NodeIndex, ConnId>> told;
  for (Connection* conn : conns) {
    for (std::size_t side = 0; side < 2; ++side) {
      const SideState state = conn->sides[side].state;
      if (state == SideState::kOpen || state == SideState::kDialing) {
        told.emplace_back(conn->sides[side].node, id_of(*conn, side));
      }
    }
    ++counters_.resets;
    release(*conn);
  }
  for (const auto& [node, id] : told)
    user_.closed(node, id, "connection reset");
}

// Links

void Network::set_link(const LinkStep& link) {
  assert(link.link.jitter.fixed());
  if (link.a == kNobody) {
    default_link_ = link.link;
    links_.clear();
  } else {
    links_.push_back(link);
  }
  for (const auto& slot : slots_) {
    if (slot->serial != 0) apply_link(*slot);
  }
}

void Network::apply_link(Connection& conn) const {
  const NodeIndex a = std::min(conn.sides[0].node, conn.sides[1].node);
  const NodeIndex b = std::max(conn.sides[0].node, conn.sides[1].node);
  const LinkPlan* link = &default_link_;
  for (const LinkStep& other : links_) {
    const bool fits = other.b == kNobody ? other.a == a || other.a == b
                                         : std::min(other.a, other.b) == a && std::max(other.a, other.b) == b;
    if (fits) link = &other.link;
  }
  // One pair has one distance, however often it connects.
  const std::uint64_t pair = mix64(seed_ ^ (std::uint64_t{a} << 32 | b));
  conn.latency = Duration(spread(pair, link->latency.low.count(), link->latency.high.count()));
  conn.jitter = link->jitter.low;
  conn.bandwidth = link->bandwidth;
}

std::vector<Network::OpenConnection> Network::open_connections() const {
  std::vector<OpenConnection> open;
  for (const auto& slot : slots_) {
    if (slot->serial == 0) continue;
    const auto& sides = slot->sides;
    if (sides[0].state == SideState::kOpen && sides[1].state == SideState::kOpen) {
      open.push_back({.dialer = sides[0].node, .acceptor = sides[1].node, .number = slot->serial});
    }
  }
  return open;
}

}  // namespace meshdict::sim
