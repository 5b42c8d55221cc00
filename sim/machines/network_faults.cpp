// What faults do to connections, and which nodes have which connections.

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/encoding/frame.h"
#include "sim/machines/mixing.h"
#include "sim/machines/network.h"

namespace meshdict::sim {
namespace {

/// When a frame that arrives twice does so again.
constexpr Duration kStaleAfter = 3s;
/// Bytes that a truncated frame lacks at the most: fewer than any frame has, so that the next frame ends it.
constexpr std::uint64_t kMostMissing = 8;

}  // namespace

// Ends of nodes

void Network::abandon(NodeIndex node) {
  const bool silent = machines_[node] == Machine::kDead;
  for (const auto& slot : slots_) {
    Connection& conn = *slot;
    for (std::size_t side = 0; side < 2 && conn.serial != 0; ++side) {
      Side& self = conn.sides[side];
      if (self.node != node || self.state == SideState::kGone) continue;
      const bool dialing = self.state == SideState::kDialing;
      const SideState other = conn.sides[1 - side].state;
      // The end is on its way already.
      if (self.state == SideState::kClosed && !silent) continue;
      self.state = SideState::kGone;
      discard(self);
      if (dialing || other == SideState::kGone || other == SideState::kClosed) {
        release(conn);
      } else if (!silent) {
        push(conn, 1 - side, {.kind = ParcelKind::kReset});
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

// Partitions

void Network::set_groups(std::vector<std::uint32_t> groups) {
  borders_.set_groups(std::move(groups));
  release_stalled();
}

bool Network::cut(const CutStep& what) {
  return borders_.cut(what);
}

void Network::mend(const MendStep& what) {
  borders_.mend(what);
  release_stalled();
}

void Network::mend_all() {
  borders_.mend_all();
  release_stalled();
}

// A stream or a dial has come to a border.
void Network::count_held(const Connection& conn, std::size_t towards) {
  ++counters_.held;
  ++faults_[borders_.between(conn.sides[1 - towards].node, conn.sides[towards].node)];
}

void Network::release_stalled() {
  for (const auto& slot : slots_) {
    Connection& conn = *slot;
    if (conn.serial == 0) continue;
    for (std::size_t side = 0; side < 2; ++side) {
      if (blocked(conn, side)) continue;
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

// Resets

std::vector<Network::Connection*> Network::between(NodeIndex a, NodeIndex b) const {
  std::vector<Connection*> conns;
  for (const auto& slot : slots_) {
    const NodeIndex dialer = slot->sides[0].node;
    const NodeIndex acceptor = slot->sides[1].node;
    const bool fits = (dialer == a && acceptor == b) || (dialer == b && acceptor == a);
    if (slot->serial != 0 && fits) conns.push_back(slot.get());
  }
  return conns;
}

bool Network::reset_between(NodeIndex a, NodeIndex b) {
  const auto conns = between(a, b);
  faults_[Fault::kReset] += conns.size();
  reset_all(conns);
  return !conns.empty();
}

void Network::reset_blocked() {
  std::vector<Connection*> conns;
  for (const auto& slot : slots_) {
    if (slot->serial != 0 && (blocked(*slot, 0) || blocked(*slot, 1))) conns.push_back(slot.get());
  }
  reset_all(conns);
}

bool Network::lose_end(NodeIndex a, NodeIndex b, bool mute) {
  std::vector<ConnId> told;
  for (Connection* conn : between(a, b)) {
    const std::size_t side = conn->sides[0].node == a ? 0 : 1;
    if (conn->sides[side].state != SideState::kOpen || conn->sides[1 - side].state != SideState::kOpen) continue;
    told.push_back(id_of(*conn, side));
    conn->sides[side].state = SideState::kGone;
    conn->mute = mute;
    discard(conn->sides[0]);
    discard(conn->sides[1]);
    ++faults_[mute ? Fault::kHalfOpen : Fault::kOneSidedReset];
  }
  for (const ConnId id : told)
    user_.closed(a, id, mute ? "connection lost" : "connection reset");
  return !told.empty();
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

// Damage

void Network::deliver_mangled(End end, const Parcel& parcel, Mangling how) {
  Connection& conn = *end.conn;
  conn.noise = mix64(conn.noise);
  const auto changed = [&](std::string bytes) {
    Parcel other = parcel;
    other.bytes = std::make_shared<const std::string>(std::move(bytes));
    hand_over(end, other);
  };
  std::string bytes = *parcel.bytes;
  switch (how) {
    case Mangling::kFlip: {
      ++faults_[Fault::kBitFlip];
      // Where the hash is or the compressor's first bytes are: the body is refused, whatever the compressor's version.
      const std::uint64_t bit = conn.noise % (std::uint64_t{8} * kHashSize);
      bytes[kFrameHeader + bit / 8] ^= static_cast<char>(1U << (bit % 8));
      return changed(std::move(bytes));
    }
    case Mangling::kTruncate:
      ++faults_[Fault::kTruncatedFrame];
      bytes.resize(bytes.size() - 1 - conn.noise % kMostMissing);
      return changed(std::move(bytes));
    case Mangling::kRepeat: {
      ++faults_[Fault::kRepeatedFrame];
      const ConnId id = id_of(conn, end.side);
      hand_over(end, parcel);
      if (const End again = find(id)) arrived_data(again, parcel, false);
      return;
    }
    case Mangling::kStale: {
      const std::uint64_t detail = detail_of(conn, end.side);
      stale_.emplace(detail, parcel);
      queue_.push(queue_.now() + kStaleAfter, EventKind::kStale, detail);
      return hand_over(end, parcel);
    }
    case Mangling::kBreak: {
      ++faults_[Fault::kResetInsideFrame];
      const ConnId id = id_of(conn, end.side);
      bytes.resize(bytes.size() / 2);
      changed(std::move(bytes));
      if (const End broken = find(id)) reset_all({broken.conn});
      return;
    }
  }
}

bool Network::deliver_stale(End end) {
  const auto found = stale_.find(detail_of(*end.conn, end.side));
  if (found == stale_.end()) return false;
  const Parcel parcel = std::move(found->second);
  stale_.erase(found);
  if (end.self().state != SideState::kOpen || machine(end.self().node) != Machine::kUp) return false;
  end.self().heard = queue_.now();
  ++faults_[Fault::kStaleFrame];
  hand_over(end, parcel);
  return true;
}

// Links

bool Network::set_dials(NodeIndex node, DialAnswer answer) {
  return std::exchange(dial_answers_[node], answer) != answer;
}

bool Network::set_read_rate(NodeIndex node, std::uint64_t rate) {
  if (read_rates_.empty()) read_rates_.resize(machines_.size(), 0);
  if (std::exchange(read_rates_[node], rate) == rate) return false;
  if (rate > 0) return true;
  // What waited for the reader comes as soon as the line lets it.
  for (const auto& slot : slots_) {
    Connection& conn = *slot;
    for (std::size_t side = 0; side < 2; ++side) {
      Side& pipe = conn.sides[side];
      if (conn.serial == 0 || pipe.node != node || pipe.parcels.empty()) continue;
      Ring<Parcel> waiting = std::exchange(pipe.parcels, {});
      pipe.busy_until = queue_.now();
      pipe.last_arrival = queue_.now();
      pipe.in_flight = 0;
      pipe.armed = false;
      while (!waiting.empty())
        push(conn, side, waiting.pop_front());
    }
  }
  return true;
}

bool Network::set_link(const LinkStep& link) {
  if (!lines_.set(link)) return false;
  for (const auto& slot : slots_) {
    if (slot->serial != 0) slot->line = lines_.between(slot->sides[0].node, slot->sides[1].node);
  }
  return true;
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

// What there is

bool Network::is_hampered() const {
  const auto answers = [](DialAnswer answer) { return answer != DialAnswer::kTaken; };
  return borders_.is_cut() || std::ranges::any_of(dial_answers_, answers) ||
         std::ranges::any_of(read_rates_, [](std::uint64_t rate) { return rate > 0; });
}

std::size_t Network::held() const {
  std::size_t bytes = 0;
  for (const auto& conn : slots_)
    bytes += conn->sides[0].in_flight + conn->sides[1].in_flight;
  return bytes;
}

std::vector<Network::OpenEnd> Network::open_ends() const {
  std::vector<OpenEnd> ends;
  for (const auto& conn : slots_) {
    for (std::size_t side = 0; conn->serial != 0 && side < conn->sides.size(); ++side) {
      const Side& self = conn->sides[side];
      if (self.state == SideState::kOpen && rate(*conn, side) == 0)
        ends.push_back({.node = self.node, .peer = conn->sides[1 - side].node, .heard = self.heard});
    }
  }
  return ends;
}

}  // namespace meshdict::sim
