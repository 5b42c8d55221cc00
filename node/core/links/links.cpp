#include "core/links/links.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/limits.h"
#include "core/links/compressed_once.h"

namespace meshdict {
namespace {

bool is_pending(const Connection& conn) {
  return conn.state == ConnState::kHandshaking || conn.state == ConnState::kGreeted;
}

/// When a link is pinged next: one that stays idle, and one on which much comes and we have nothing to say, for the peer's
/// sake. The latter normally answers the peer's ping first. And each now and then, to read the peer's clock.
MonoTime next_ping(const Connection& conn) {
  const Duration lag = conn.dialed_by_us ? Duration(0) : limits::kPingLagOfAcceptor;
  const MonoTime idle = std::max(conn.heard, conn.pinged) + limits::kPingAfterIdle + lag;
  if (!conn.is_meshdict) return idle;
  const MonoTime next = std::min(idle, conn.pinged + limits::kReadClockEvery);
  if (conn.heard <= conn.spoken) return next;
  return std::min(next, conn.spoken + limits::kPingAfterIdle + limits::kPingLagOfAcceptor);
}

MonoTime silence_verdict(const Connection& conn) {
  return std::max(conn.heard, conn.moved) + limits::kSilenceVerdict;
}

MonoTime frame_deadline(const Connection& conn) {
  const auto at_slowest = static_cast<std::int64_t>(conn.decoder.buffered() * 1'000'000 / limits::kSlowestLine);
  return conn.frame_begun + limits::kFrameDeadline + Duration(at_slowest);
}

MonoTime probe_deadline(const Connection& conn) {
  return *conn.probe_started + std::max(limits::kProbeDeadline, limits::kProbeRoundTrips * conn.round_trip);
}

}  // namespace

Links::Links(LinkSettings settings, const Clock& clock, Transport& transport, Originator& originator,
             RandomStream random, LinksHost& host, LinkPolicy& policy)
    : settings_(std::move(settings)),
      clock_(clock),
      transport_(transport),
      originator_(originator),
      random_(random),
      host_(host),
      policy_(policy) {}

Links::Links(const Links& other, const Clock& clock, Transport& transport, Originator& originator, LinksHost& host,
             LinkPolicy& policy)
    : settings_(other.settings_),
      clock_(clock),
      transport_(transport),
      originator_(originator),
      random_(other.random_),
      host_(host),
      policy_(policy),
      pairs_(other.pairs_),
      pending_accepted_(other.pending_accepted_),
      frames_sent_(other.frames_sent_),
      bytes_sent_(other.bytes_sent_),
      frames_too_large_(other.frames_too_large_),
      next_deadline_(other.next_deadline_) {
  assert(other.closed_.empty());
  for (const auto& [id, conn] : other.connections_) {
    auto copy = std::make_unique<Connection>(*conn);
    if (conn->pacer != nullptr) copy->pacer = std::make_shared<Pacer>(*conn->pacer);
    connections_.emplace(id, std::move(copy));
  }
  const auto own = [this](const Connection* theirs) { return connections_.find(theirs->id)->second.get(); };
  for (auto& entry : pairs_) {
    Pair& pair = entry.second;
    for (Connection*& link : pair.links)
      link = own(link);
    pair.primary = own(pair.primary);
  }
}

Connection* Links::find(ConnId id) {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second.get();
}

Pair* Links::pair(const NodeId& peer) {
  const auto found = pairs_.find(peer);
  return found == pairs_.end() ? nullptr : &found->second;
}

void Links::add(std::unique_ptr<Connection> conn) {
  const MonoTime now = clock_.monotonic();
  conn->opened = now;
  conn->heard = now;
  wake_at(conn->deadline);
  const ConnId id = conn->id;
  const bool added = connections_.emplace(id, std::move(conn)).second;
  assert(added);
}

Connection& Links::dial(const Endpoint& to, DialKind kind) {
  auto conn = std::make_unique<Connection>();
  conn->id = transport_.dial(to);
  conn->remote = to;
  conn->dialed_by_us = true;
  conn->extra = kind == DialKind::kExtra;
  conn->state = ConnState::kDialing;
  conn->deadline = clock_.monotonic() + limits::kDialDeadline;
  Connection& result = *conn;
  add(std::move(conn));
  return result;
}

void Links::on_accepted(ConnId id, const Endpoint& remote) {
  if (pending_accepted_ >= settings_.most_pending) drop_oldest_pending();
  auto conn = std::make_unique<Connection>();
  conn->id = id;
  conn->remote = remote;
  conn->deadline = clock_.monotonic() + limits::kHelloDeadline;
  Connection& accepted = *conn;
  add(std::move(conn));
  ++pending_accepted_;
  greet(accepted);
}

void Links::drop_oldest_pending() {
  for (const auto& entry : connections_) {
    Connection& conn = *entry.second;
    if (conn.dialed_by_us || !is_pending(conn)) continue;
    close(conn, EndReason::kTooMany, "made room for a newer connection");
    return;
  }
}

void Links::on_connected(Connection& conn) {
  assert(conn.state == ConnState::kDialing);
  conn.state = ConnState::kHandshaking;
  conn.heard = clock_.monotonic();
  conn.deadline = conn.heard + limits::kHelloDeadline;
  wake_at(conn.deadline);
  greet(conn);
}

void Links::greet(Connection& conn) {
  Handshake handshake{
      .id = originator_.self(), .protocol = settings_.protocol, .address = settings_.address, .compressions = {}};
  for (const Compression method : offered_compressions()) {
    handshake.compressions.push_back(static_cast<std::uint64_t>(method));
  }
  handshake.compressions.push_back(kCapability);
  whisper(conn, handshake);
}

void Links::on_closed(Connection& conn, std::string_view detail) {
  const EndReason reason = conn.state == ConnState::kDialing ? EndReason::kDialFailed : EndReason::kClosedByPeer;
  on_closed(conn, Ending{.reason = reason, .detail = std::string(detail)});
}

void Links::on_closed(Connection& conn, const Ending& ending) {
  discard(conn);
  remove_link(conn, ending);
}

void Links::end(Connection& conn, const Ending& ending) {
  if (conn.closed()) return;
  transport_.close(conn.id);
  discard(conn);
  remove_link(conn, ending);
}

/// Takes a connection out of the table; remove_link() then tells the others. `state` keeps its meaning until then.
void Links::discard(Connection& conn) {
  if (is_pending(conn) && !conn.dialed_by_us) --pending_accepted_;
  const auto found = connections_.find(conn.id);
  assert(found != connections_.end());
  closed_.push_back(std::move(found->second));
  connections_.erase(found);
}

void Links::remove_link(Connection& conn, const Ending& ending) {
  const ConnState was = std::exchange(conn.state, ConnState::kClosed);
  if (was == ConnState::kRetired) return;
  if (was != ConnState::kEstablished) {
    host_.on_refused(conn, ending);
    return;
  }
  host_.on_link_gone(conn);
  Pair* const found = pair(conn.peer);
  assert(found != nullptr);
  std::erase(found->links, &conn);
  if (found->links.empty()) {
    const Pair gone = std::move(*found);
    pairs_.erase(conn.peer);
    host_.on_pair_down(gone, conn, ending);
    return;
  }
  if (found->primary == &conn) found->primary = found->links.front();
  if (conn.pacer != nullptr) resume(*found->primary, conn);
  found->keep_pending = false;
  policy_.changed(*this, *found);
  if (Pair* const left = pair(conn.peer)) host_.on_link_left(*left->primary);
}

void Links::heard_on(Connection& conn) {
  Pair& pair = *this->pair(conn.peer);
  if (pair.primary == &conn) return;
  inherit(conn, *pair.primary);
  pair.primary = &conn;
}

/// What waits for another link of a py2p node leaves on this one: what was written later must not come before it.
void Links::inherit(Connection& heir, Connection& other) {
  if (heir.pacer == nullptr || other.pacer == nullptr) return;
  if (const std::uint64_t without_room = heir.pacer->take_over(*other.pacer)) leave_out(heir, without_room);
  wake_at(heir.pacer->next());
}

/// A link of a py2p node has gone and left another. What was sent on it of late, on a young one everything, may never have
/// been read, and is sent again. Rationale: py2p closes one of two crossed connections, whatever is on the way there.
void Links::resume(Connection& heir, Connection& gone) {
  if (heir.pacer == nullptr) return;
  inherit(heir, gone);
  const MonoTime since = gone.heard - limits::kSilenceVerdict;
  heir.pacer->walk(since <= gone.opened ? MonoTime::min() : since, std::max(since, gone.opened));
}

void Links::part(const NodeId& peer, ByeReason why) {
  Pair* const found = pair(peer);
  if (found == nullptr) return;
  const std::vector<Connection*> links = found->links;
  const std::string text(to_string(why));
  if (found->is_meshdict) whisper(*found->primary, Bye{.reason = why, .text = text});
  const EndReason end = why == ByeReason::kEnough ? EndReason::kEnough : EndReason::kLocal;
  for (Connection* const link : links)
    close(*link, end, text);
}

void Links::part_from_all(ByeReason why) {
  while (!pairs_.empty())
    part(NodeId(pairs_.begin()->first), why);
  while (!connections_.empty())
    close(*connections_.begin()->second, EndReason::kLocal, std::string(to_string(why)));
}

void Links::wake_at(MonoTime when) {
  next_deadline_ = std::min(next_deadline_, when);
}

void Links::on_time(MonoTime now) {
  std::vector<Connection*> all;
  all.reserve(connections_.size());
  for (const auto& entry : connections_)
    all.push_back(entry.second.get());
  for (Connection* const conn : all) {
    if (!conn->closed()) check_time(*conn, now);
  }
  next_deadline_ = MonoTime::max();
  for (const auto& entry : connections_)
    wake_at(next_check(*entry.second));
}

void Links::check_time(Connection& conn, MonoTime now) {
  if (conn.overflowed) {
    close(conn, EndReason::kSlowReader, "takes nothing and asks for more");
    return;
  }
  if (conn.state != ConnState::kEstablished) {
    if (conn.state == ConnState::kRetired && conn.decoder.buffered() > 0 && !conn.last_word) linger(conn, conn.heard);
    if (now < conn.deadline) return;
    const bool dialing = conn.state == ConnState::kDialing;
    close(conn, dialing ? EndReason::kDialFailed : EndReason::kHelloTimeout,
          dialing ? "no answer in time" : "no complete hello in time");
    return;
  }
  check_link(conn, now);
}

void Links::check_link(Connection& conn, MonoTime now) {
  look_at_progress(conn, now);
  if (conn.decoder.buffered() > 0 && now >= frame_deadline(conn)) {
    close(conn, EndReason::kProtocolError, "a frame was not complete in time");
    return;
  }
  if (conn.congested && now >= conn.taking + limits::kStallVerdict) {
    close(conn, EndReason::kSlowReader, "takes nothing of what we send");
    return;
  }
  if (conn.probe_started && conn.heard > *conn.probe_started) {
    end_probe(conn);
  } else if (conn.probe_started && now >= probe_deadline(conn)) {
    give_up_probe(conn);
    if (!conn.established()) return;
  }
  if (conn.pacer != nullptr) pump(conn, now);
  if (now >= silence_verdict(conn)) {
    close(conn, EndReason::kSilent, "nothing heard for too long");
  } else if (now >= next_ping(conn)) {
    ping(conn, now);
  }
}

void Links::ping(Connection& conn, MonoTime now) {
  conn.pinged = now;
  if (!conn.is_meshdict) {
    // Ahead of what waits: at the end of a long queue the question would come too late for an answer.
    if (auto question = originator_.whisper(Request{})) conn.pacer->push_front(*question);
    pump(conn, now);
    return;
  }
  // Each with a nonce of its own, so that its answer is not taken for that to an earlier one. Only one answer is waited for;
  // one that never comes, from an older member, makes room for the next.
  ++conn.pings;
  const Nonce nonce = nonce_of_ping(conn);
  if (!conn.clock_question || conn.clock_question->asked + limits::kReadClockEvery <= now) {
    conn.clock_question = {.nonce = nonce, .asked = now};
  }
  whisper(conn, Ping{.nonce = nonce});
  if (conn.asked > conn.heard) return;
  conn.asked = now;
  conn.asked_at = transport_.progress(conn.id).given;
}

/// While our question waits behind what was sent before, no answer can come: as long as that leaves, the peer is there.
/// Afterwards it shows only that its machine does.
void Links::look_at_progress(Connection& conn, MonoTime now) {
  const std::uint64_t taken = transport_.progress(conn.id).taken;
  if (taken <= conn.taken) return;
  conn.taken = taken;
  conn.taking = now;
  if (conn.asked > conn.heard && taken < conn.asked_at) conn.moved = now;
}

MonoTime Links::next_check(const Connection& conn) const {
  if (conn.overflowed) return clock_.monotonic();
  if (conn.state != ConnState::kEstablished) return conn.deadline;
  MonoTime next = std::min(silence_verdict(conn), next_ping(conn));
  if (conn.probe_started) next = std::min(next, probe_deadline(conn));
  if (conn.pacer != nullptr && !conn.pacer->empty()) next = std::min(next, conn.pacer->next());
  return next;
}

void Links::sweep() {
  closed_.clear();
}

void Links::sanity_check() const {
  std::size_t pending = 0;
  for (const auto& [id, conn] : connections_) {
    assert(conn->id == id && !conn->closed());
    pending += is_pending(*conn) && !conn->dialed_by_us ? 1U : 0U;
    if (conn->established()) {
      const auto found = pairs_.find(conn->peer);
      assert(found != pairs_.end());
      assert(std::ranges::count(found->second.links, conn.get()) == 1);
      if (conn->pacer != nullptr) conn->pacer->sanity_check();
    }
  }
  assert(pending == pending_accepted_);
  for (const auto& [peer, pair] : pairs_) {
    assert(pair.peer == peer && !pair.links.empty());
    assert(std::ranges::count(pair.links, pair.primary) == 1);
    for (const Connection* const link : pair.links)
      assert(link->established() && link->peer == peer);
  }
}

}  // namespace meshdict
