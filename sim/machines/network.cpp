#include "sim/machines/network.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/base/random.h"
#include "core/env/limits.h"
#include "core/limits.h"
#include "sim/machines/mixing.h"
#include "sim/machines/opened_frame.h"

namespace meshdict::sim {
namespace {

// A ConnId is serial | slot | side: it rises with each connection, as in production, and leads to its slot without a
// search.
constexpr int kSideBits = 1;
constexpr int kSlotBits = 24;
constexpr int kSerialShift = kSideBits + kSlotBits;
constexpr std::uint64_t kSlotMask = (std::uint64_t{1} << kSlotBits) - 1;
// In the queue, whose entries have less room, the lower bits of the serial do: an entry is never so old.
constexpr int kSerialBitsQueued = QueuedEvent::kSubjectBits - kSerialShift;
constexpr std::uint64_t kSerialMaskQueued = (std::uint64_t{1} << kSerialBitsQueued) - 1;

constexpr std::int64_t kMicrosPerSecond = 1'000'000;

/// What the line still has to carry of a frame, uncompressed.
std::int64_t bytes_left(const Parcel& frame) {
  if (frame.handed == 0) return frame.plain_size;
  const auto size = static_cast<std::int64_t>(frame.bytes->size());
  return std::int64_t{frame.plain_size} * (size - static_cast<std::int64_t>(frame.handed)) / size;
}

}  // namespace

Network::Network(std::uint64_t seed, std::size_t nodes, const LinkPlan& links, EventQueue& queue, NetworkUser& user,
                 FaultCounts& faults, Reach& reach)
    : seed_(derive_seed(seed, "network")),
      queue_(queue),
      user_(user),
      faults_(faults),
      reach_(reach),
      lines_(seed_, links, faults),
      borders_(nodes),
      machines_(nodes, Machine::kRefusing),
      dial_answers_(nodes, DialAnswer::kTaken) {}

// Names and slots

ConnId Network::id_of(const Connection& conn, std::size_t side) {
  return static_cast<ConnId>(conn.serial << kSerialShift | std::uint64_t{conn.slot} << kSideBits | side);
}

std::uint64_t Network::number(ConnId conn) {
  return static_cast<std::uint64_t>(conn) >> kSerialShift;
}

Network::End Network::find(ConnId conn) const {
  const auto bits = static_cast<std::uint64_t>(conn);
  const std::size_t slot = bits >> kSideBits & kSlotMask;
  if (slot >= slots_.size() || slots_[slot]->serial != bits >> kSerialShift || bits == 0) return {};
  return {slots_[slot].get(), bits & 1};
}

std::uint64_t Network::detail_of(const Connection& conn, std::size_t side) {
  return (conn.serial & kSerialMaskQueued) << kSerialShift | std::uint64_t{conn.slot} << kSideBits | side;
}

Network::End Network::find(std::uint64_t detail) const {
  Connection* conn = slots_[detail >> kSideBits & kSlotMask].get();
  if (conn->serial == 0 || (conn->serial & kSerialMaskQueued) != detail >> kSerialShift) return {};
  return {conn, detail & 1};
}

Network::Connection& Network::allocate() {
  if (free_.empty()) {
    assert(slots_.size() <= kSlotMask);
    free_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.push_back(std::make_unique<Connection>());
  }
  const std::uint32_t slot = free_.back();
  free_.pop_back();
  Connection& conn = *slots_[slot];
  conn.slot = slot;
  conn.serial = next_serial_++;
  conn.noise = mix64(seed_ ^ conn.serial);
  return conn;
}

void Network::release(Connection& conn) {
  discard(conn.sides[0]);
  discard(conn.sides[1]);
  free_.push_back(conn.slot);
  conn = Connection();
}

void Network::discard(Side& side) {
  for (; !side.parcels.empty(); side.parcels.pop_front()) {
    if (side.parcels.front().kind == ParcelKind::kData) ++counters_.lost;
  }
  side.in_flight = 0;
  side.stalled = false;
}

bool Network::blocked(const Connection& conn, std::size_t towards) const {
  return conn.sides[1].node != kNobody && !borders_.passes(conn.sides[1 - towards].node, conn.sides[towards].node);
}

std::uint64_t Network::rate(const Connection& conn, std::size_t towards) const {
  const NodeIndex reader = conn.sides[towards].node;
  if (read_rates_.empty() || reader == kNobody || read_rates_[reader] == 0) return conn.line.bandwidth;
  return conn.line.bandwidth == 0 ? read_rates_[reader] : std::min(conn.line.bandwidth, read_rates_[reader]);
}

Machine Network::machine(NodeIndex node) const {
  return node == kNobody ? Machine::kRefusing : machines_[node];
}

// What nodes do

ConnId Network::dial(NodeIndex from, NodeIndex to) {
  ++counters_.dials;
  Connection& conn = allocate();
  conn.sides[0].node = from;
  conn.sides[0].state = SideState::kDialing;
  conn.sides[0].heard = queue_.now();
  conn.sides[1].node = to;
  conn.sides[1].state = SideState::kGone;
  conn.line = lines_.between(from, to);
  push(conn, 1, {.kind = ParcelKind::kSyn});
  queue_.push(queue_.now() + kDialTimeout, EventKind::kDialTimeout, detail_of(conn, 0));
  return id_of(conn, 0);
}

void Network::send(ConnId id, const Frame& frame) {
  const End end = find(id);
  if (!end || end.self().state == SideState::kClosed || end.self().state == SideState::kGone) return;
  assert(end.self().state == SideState::kOpen && "a frame for a connection that is not up yet");
  const Parcel parcel = {.bytes = frame.bytes,
                         .id_prefix = frame.id.prefix(),
                         .plain_size = frame.plain_size,
                         .kind = ParcelKind::kData,
                         .number = ++counters_.sent};
  user_.sent(end.self().node, id, end.other().node, parcel);
  push(*end.conn, 1 - end.side, parcel);
  arm_drain(*end.conn, 1 - end.side);
}

std::size_t Network::queued(ConnId id) const {
  const End end = find(id);
  return end && end.self().state == SideState::kOpen ? backlog(*end.conn, 1 - end.side) : 0;
}

/// The line takes bytes evenly; what is beyond it, on its way, counts as taken.
Transport::Progress Network::progress(ConnId id) const {
  const End end = find(id);
  if (!end || end.self().state != SideState::kOpen) return {};
  const std::uint64_t given = end.other().given;
  return {.given = given, .taken = given - std::min<std::uint64_t>(given, backlog(*end.conn, 1 - end.side))};
}

void Network::close(ConnId id) {
  const End end = find(id);
  if (!end) return;
  Side& self = end.self();
  if (self.state == SideState::kDialing) return release(*end.conn);
  if (self.state != SideState::kOpen) return;
  if (rate(*end.conn, end.side) == 0) user_.closes(self.node, end.other().node, self.heard);
  self.state = SideState::kClosed;
  const SideState other = end.other().state;
  if (other == SideState::kClosed || other == SideState::kGone) return release(*end.conn);
  discard(self);
  if (backlog(*end.conn, 1 - end.side) > 0) {
    queue_.push(queue_.now() + env_limits::kVirtualCloseDeadline, EventKind::kGiveUp,
                detail_of(*end.conn, 1 - end.side));
  }
  push(*end.conn, 1 - end.side, {.kind = ParcelKind::kFin});
}

// Pipes

Duration Network::flight_time(Connection& conn) {
  conn.noise = mix64(conn.noise);
  return conn.line.latency + Duration(spread(conn.noise, 0, conn.line.jitter.count()));
}

void Network::push(Connection& conn, std::size_t towards, Parcel parcel) {
  Side& pipe = conn.sides[towards];
  Duration departs = std::max(pipe.busy_until, queue_.now());
  const std::uint64_t bytes_a_second = rate(conn, towards);
  parcel.takes = Duration::zero();
  if (bytes_a_second > 0 && parcel.plain_size > 0) {
    const auto per_second = static_cast<std::int64_t>(bytes_a_second);
    const Duration takes((bytes_left(parcel) * kMicrosPerSecond + per_second - 1) / per_second);
    departs += takes;
    if (takes >= kPartEvery) {
      parcel.takes = takes;
      // What has come by a moment must not depend on what a compressor makes of it.
      if (parcel.handed == 0) parcel.bytes = uncompressed(parcel.bytes);
    }
    pipe.busy_until = departs;
    if (bytes_a_second != conn.line.bandwidth) ++faults_[Fault::kSlowReader];
  }
  parcel.sent = queue_.now();
  parcel.arrives = std::max(pipe.last_arrival, departs + flight_time(conn));
  if (parcel.kind == ParcelKind::kData) measure(parcel, conn, towards, bytes_a_second);
  pipe.last_arrival = parcel.arrives;
  pipe.in_flight += parcel.plain_size;
  pipe.given += parcel.plain_size;
  pipe.parcels.push_back(std::move(parcel));
  if (!pipe.armed && !pipe.stalled) arm(conn, towards);
}

void Network::measure(const Parcel& frame, const Connection& conn, std::size_t towards, std::uint64_t line) {
  reach_.saw(Quantity::kRoundTrip, 2 * (frame.arrives - frame.sent));
  reach_.saw(Quantity::kFrameSize, frame.plain_size);
  if (line > 0) {
    reach_.saw(Quantity::kLineRate, static_cast<std::int64_t>(line));
    reach_.saw(Quantity::kCarrying, frame.takes);
  }
  if (line > 0 || conn.sides[towards].stalled) {
    reach_.saw(Quantity::kBacklog, static_cast<std::int64_t>(backlog(conn, towards)));
  }
}

void Network::arm(Connection& conn, std::size_t towards) {
  Side& pipe = conn.sides[towards];
  if (pipe.parcels.empty()) return;
  const Parcel& first = pipe.parcels.front();
  Duration due = std::max(first.arrives, queue_.now());
  if (first.takes > Duration::zero())
    due = std::min(due, std::max(first.arrives - first.takes, queue_.now()) + kPartEvery);
  // What a full read has left is read at once.
  if (conn.line.gather > Duration::zero() && first.kind == ParcelKind::kData && first.arrives >= queue_.now()) {
    conn.noise = mix64(conn.noise);
    due += Duration(spread(conn.noise, 0, conn.line.gather.count()));
  }
  pipe.armed = true;
  pipe.armed_for = due;
  queue_.push(pipe.armed_for, EventKind::kDeliver, detail_of(conn, towards));
}

std::size_t Network::backlog(const Connection& conn, std::size_t towards) const {
  const Side& pipe = conn.sides[towards];
  if (blocked(conn, towards)) return pipe.in_flight;
  const std::uint64_t bytes_a_second = rate(conn, towards);
  if (bytes_a_second == 0 || pipe.busy_until <= queue_.now()) return 0;
  const auto left = static_cast<std::uint64_t>((pipe.busy_until - queue_.now()).count());
  return left * bytes_a_second / kMicrosPerSecond;
}

// Tells the sender when its backlog has fallen to the low-water mark. During a partition the heal arms it anew.
void Network::arm_drain(Connection& conn, std::size_t towards) {
  Side& pipe = conn.sides[towards];
  const std::size_t queued = backlog(conn, towards);
  if (pipe.drain_armed || queued <= limits::kBulkLowWater) return;
  pipe.drain_armed = true;
  if (blocked(conn, towards)) return;
  Duration wait{};
  if (const std::uint64_t bytes_a_second = rate(conn, towards); bytes_a_second > 0) {
    const std::uint64_t above = queued - limits::kBulkLowWater;
    wait = Duration(static_cast<std::int64_t>((above * kMicrosPerSecond + bytes_a_second - 1) / bytes_a_second));
  }
  queue_.push(queue_.now() + wait, EventKind::kDrained, detail_of(conn, towards));
}

// Events

bool Network::handle(const QueuedEvent& event) {
  const End end = find(event.detail());
  if (!end) {
    if (event.kind() == EventKind::kStale) stale_.erase(event.detail());
    return false;
  }
  switch (event.kind()) {
    case EventKind::kDeliver:
      return deliver(end);
    case EventKind::kDrained:
      return check_drained(end);
    case EventKind::kGiveUp:
      return check_give_up(end);
    case EventKind::kDialTimeout:
      return check_dial(end);
    case EventKind::kStale:
      return deliver_stale(end);
    case EventKind::kTimer:
    case EventKind::kStep:
    case EventKind::kCheckBroadcast:
    case EventKind::kGoOn:
    case EventKind::kTriggered:
    case EventKind::kEnds:
    case EventKind::kWatch:
    case EventKind::kWaited:
    case EventKind::kProgram:
      break;
  }
  assert(false && "not an event of the network");
  return false;
}

bool Network::deliver(End end) {
  Side& pipe = end.self();
  // It was armed anew for an earlier time.
  if (!pipe.armed || pipe.armed_for != queue_.now()) return false;
  pipe.armed = false;
  if (pipe.parcels.empty()) return false;
  const Parcel& first = pipe.parcels.front();
  // Armed for a parcel that was discarded.
  if (first.arrives - first.takes > queue_.now()) {
    arm(*end.conn, end.side);
    return false;
  }
  if (blocked(*end.conn, end.side)) {
    pipe.stalled = true;
    count_held(*end.conn, end.side);
    return true;
  }
  if (first.arrives > queue_.now()) return deliver_part(end);
  std::size_t read = 0;
  for (bool more = true; more;) {
    const Parcel parcel = pipe.parcels.pop_front();
    pipe.in_flight -= parcel.plain_size;
    read += parcel.plain_size;
    more = joins_next(end, parcel, read);
    if (more) {
      ++faults_[Fault::kJoinedReads];
    } else {
      arm(*end.conn, end.side);
    }
    arrived(end, parcel, more);
  }
  return true;
}

/// Whether the node takes the next parcel in the same read as this one. What is tampered with comes on its own.
bool Network::joins_next(End end, const Parcel& parcel, std::size_t read) const {
  const Side& pipe = end.self();
  if (end.conn->line.gather == Duration::zero() || parcel.kind != ParcelKind::kData || pipe.parcels.empty())
    return false;
  const Parcel& next = pipe.parcels.front();
  return next.kind == ParcelKind::kData && next.arrives <= queue_.now() &&
         read + next.plain_size <= env_limits::kVirtualReadBuffer && traps_.empty() && pipe.state == SideState::kOpen &&
         machine(pipe.node) == Machine::kUp;
}

/// Of a frame on a slow line, what has come by now.
bool Network::deliver_part(End end) {
  Parcel& first = end.self().parcels.front();
  const std::size_t from = first.handed;
  const bool heard = end.self().state == SideState::kOpen && machine(end.self().node) == Machine::kUp;
  if (heard && traps_.empty()) {
    const Duration since = queue_.now() - (first.arrives - first.takes);
    const auto size = static_cast<std::int64_t>(first.bytes->size());
    const auto come = static_cast<std::size_t>(size * since.count() / first.takes.count());
    first.handed = std::max(from, come);
  }
  const Portion portion{.frame = first,
                        .bytes = std::string_view(*first.bytes).substr(from, first.handed - from),
                        .piece = end.conn->line.piece,
                        .last = false};
  arm(*end.conn, end.side);
  if (portion.bytes.empty()) return false;
  user_.received(end.self().node, id_of(*end.conn, end.side), end.other().node, portion);
  return true;
}

bool Network::check_drained(End end) {
  Side& pipe = end.self();
  if (!pipe.drain_armed) return false;
  if (blocked(*end.conn, end.side)) return false;
  pipe.drain_armed = false;
  arm_drain(*end.conn, end.side);
  if (pipe.drain_armed || end.other().state != SideState::kOpen) return false;
  user_.drained(end.other().node, id_of(*end.conn, 1 - end.side));
  return true;
}

bool Network::check_dial(End end) {
  if (end.self().state != SideState::kDialing) return false;
  ++counters_.dials_timed_out;
  reach_.saw(Quantity::kDialling, kDialTimeout + 1us);
  end_connection(end, "no answer");
  return true;
}

bool Network::check_give_up(End end) {
  if (end.self().parcels.empty() || end.other().state != SideState::kClosed) return false;
  discard(end.self());
  end.other().state = SideState::kGone;
  return true;
}

// What parcels do where they arrive

void Network::arrived(End end, const Parcel& parcel, bool more) {
  const Machine here = machine(end.self().node);
  if (here == Machine::kDead) {
    // Nothing is left that could tell the other side.
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
      return push(*end.conn, 1 - end.side, {.kind = ParcelKind::kSynAck});
    case ParcelKind::kSynAck:
      if (end.self().state != SideState::kDialing) return bounce(end);
      end.self().state = SideState::kOpen;
      reach_.saw(Quantity::kDialling, queue_.now() - end.self().heard);
      end.self().heard = queue_.now();
      push(*end.conn, 1 - end.side, {.kind = ParcelKind::kAck});
      return user_.connected(end.self().node, id_of(*end.conn, end.side));
    case ParcelKind::kAck:
      if (end.self().state != SideState::kSynReceived) return bounce(end);
      end.self().state = SideState::kOpen;
      end.self().heard = queue_.now();
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
      reach_.saw(Quantity::kFlight, queue_.now() - parcel.sent);
      reach_.saw(Quantity::kGap, queue_.now() - end.self().heard);
      reach_.saw(Quantity::kStall, queue_.now() - std::max(end.self().heard, parcel.sent));
      end.self().heard = queue_.now();
      counters_.delivered_bytes += parcel.plain_size;
      if (!traps_.empty() && parcel.handed == 0) {
        if (const auto how = traps_.spring(end.other().node, end.self().node, *parcel.bytes))
          return deliver_mangled(end, parcel, *how);
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
                        .piece = end.conn->line.piece,
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
  push(*end.conn, 1 - end.side, {.kind = ParcelKind::kReset});
}

// The connection is over for this side, and there is nobody to be told on the other.
void Network::end_connection(End end, std::string_view why) {
  const NodeIndex node = end.self().node;
  const ConnId id = id_of(*end.conn, end.side);
  const bool known = end.self().state == SideState::kOpen || end.self().state == SideState::kDialing;
  release(*end.conn);
  if (known) user_.closed(node, id, why);
}

}  // namespace meshdict::sim
