// The part of Links that makes a connection a link of its pair: handshake, extended hello, boots, probes.

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/base/overloaded.h"
#include "core/limits.h"
#include "core/links/links.h"
#include "core/links/software.h"

namespace meshdict {
namespace {

/// Which py2p ignores, so that a later version may have it.
bool is_handshake_of_another_length(const Envelope& envelope) {
  return envelope.main == MainFlag::kWhisper && envelope.sub == static_cast<std::uint64_t>(SubFlag::kHandshake) &&
         envelope.payload.size() != kHandshakeElements;
}

}  // namespace

bool Links::handle(Connection& conn, const Envelope& envelope, const Message& message) {
  if (conn.state == ConnState::kHandshaking) {
    if (const auto* handshake = std::get_if<Handshake>(&message)) {
      on_handshake(conn, envelope, *handshake);
    } else if (!is_handshake_of_another_length(envelope)) {
      close(conn, EndReason::kProtocolError, "spoke before its handshake");
    }
    return true;
  }
  conn.late = false;
  if (conn.state == ConnState::kRetired) hear_retired(conn, message);
  return std::visit(Overloaded{
                        [&](const LinkMessage auto& of_links) {
                          on_message(conn, of_links);
                          return true;
                        },
                        [](const EngineMessage auto&) { return false; },
                        [](const IgnoredMessage auto&) { return false; },
                    },
                    message);
}

void Links::on_message(Connection&, const Handshake&) {}  // once is enough

void Links::on_message(Connection& conn, const Keep& keep) {
  if (conn.established()) policy_.on_keep(*this, *pair(conn.peer), conn, keep);
}

void Links::on_message(Connection& conn, const KeepAck& ack) {
  if (ack.nonce != conn.nonce) conn.last_word = ack.nonce;
  if (conn.established()) policy_.on_keep_ack(*this, *pair(conn.peer), conn, ack);
}

void Links::on_message(Connection& conn, const Ping& ping) {
  if (!conn.established()) return;
  whisper(conn, Pong{.nonce = ping.nonce, .clock_ms = clock_ms(), .hidden = host_.take_hidden(conn)});
}

void Links::on_message(Connection& conn, const Bye& bye) {
  if (!conn.established()) return;
  const std::vector<Connection*> links = pair(conn.peer)->links;
  const Ending ending{.reason = EndReason::kBye, .detail = bye.text.substr(0, limits::kMaxReason), .bye = bye.reason};
  for (Connection* const link : links)
    end(*link, ending);
}

void Links::on_message(Connection& conn, const Pong& pong) {
  if (conn.probe_started) end_probe(conn);
  if (conn.pings > 0 && pong.nonce == nonce_of_ping(conn)) conn.last_round_trip = clock_.monotonic() - conn.pinged;
  if (conn.clock_question && conn.clock_question->nonce == pong.nonce) {
    const MonoTime asked = conn.clock_question->asked;
    conn.clock_question.reset();
    if (conn.established() && pong.clock_ms != 0) host_.on_clock(conn.peer, pong.clock_ms, asked);
  }
  if (conn.established()) host_.on_pong(conn, pong);
}

void Links::on_handshake(Connection& conn, const Envelope& envelope, const Handshake& handshake) {
  conn.is_meshdict = handshake.is_meshdict();
  if (handshake.protocol != settings_.protocol) {
    close(conn, EndReason::kWrongNetwork, "its protocol id is " + handshake.protocol.substr(0, limits::kMaxReason));
    return;
  }
  if (const NodeId proven = transport_.proven(conn.id); !proven.empty() && handshake.id != proven) {
    close(conn, EndReason::kAnotherId,
          "it says " + std::string(handshake.id.text()) + ", and its key is that of " + std::string(proven.text()));
    return;
  }
  if (handshake.id == originator_.self()) {
    const bool ourselves = envelope.stamp && envelope.stamp->boot == originator_.boot();
    close(conn, ourselves ? EndReason::kSelf : EndReason::kIdentityInUse,
          ourselves ? "dialled ourselves" : "my identity is in use by another process");
    return;
  }
  if (!conn.expected.empty() && handshake.id != conn.expected) {
    close(conn, EndReason::kAnotherNode, "it is " + std::string(handshake.id.text()));
    return;
  }
  conn.peer = handshake.id;
  conn.compressions = common_compressions(handshake.compressions);
  conn.peer_address = conn.remote;
  if (handshake.address && !handshake.address->host.empty() && handshake.address->port != 0) {
    conn.peer_address = *handshake.address;
    host_.on_address(conn.peer_address, conn);
  }
  if (conn.dialed_by_us) host_.on_address(conn.remote, conn);
  if (host_.keeps_apart(conn)) {
    keep_apart(conn);
    return;
  }

  if (!conn.is_meshdict) conn.pacer = std::make_shared<Pacer>(clock_.monotonic());
  if (!conn.is_meshdict || !policy_.wants_hello()) {
    if (admit(conn)) establish(conn, nullptr);
    return;
  }
  if (!conn.dialed_by_us) {
    conn.state = ConnState::kGreeted;
    return;
  }
  conn.nonce = Nonce{random_.next()};
  conn.state = ConnState::kGreeted;
  conn.clock_question = {.nonce = conn.nonce, .asked = clock_.monotonic()};
  send_hello(conn);
}

void Links::send_hello(Connection& conn) {
  const auto ms = [](Duration duration) { return std::chrono::floor<std::chrono::milliseconds>(duration).count(); };
  Hello hello{.boot = originator_.boot(),
              .nonce = conn.nonce,
              .open_nonces = {},
              .software = std::string(kSoftware),
              .features = 0,
              .lease_ms = ms(settings_.lease),
              .settle_ms = ms(settings_.settle),
              .skew_ms = ms(settings_.skew),
              .horizon_ms = ms(settings_.horizon),
              .clock_ms = clock_ms()};
  if (const Pair* const known = pair(conn.peer)) {
    for (const Connection* const link : known->links)
      hello.open_nonces.push_back(link->nonce);
  }
  whisper(conn, hello);
}

/// The wall clock, for others to read. One from before 1970 or of the far future is told as the nearest that can be.
std::int64_t Links::clock_ms() const {
  return std::max<std::int64_t>(1, reading_of(clock_.wall().time_since_epoch()).unix_ms());
}

std::optional<std::string> Links::settings_difference(const Hello& hello) const {
  const auto differs = [](std::string_view name, Duration ours, std::int64_t theirs_ms) -> std::optional<std::string> {
    const std::int64_t ours_ms = std::chrono::floor<std::chrono::milliseconds>(ours).count();
    if (ours_ms == theirs_ms) return std::nullopt;
    return std::string(name) + " is " + std::to_string(theirs_ms) + " ms there and " + std::to_string(ours_ms) +
           " ms here";
  };
  if (auto text = differs("lease", settings_.lease, hello.lease_ms)) return text;
  if (auto text = differs("settle time", settings_.settle, hello.settle_ms)) return text;
  if (auto text = differs("skew", settings_.skew, hello.skew_ms)) return text;
  return differs("horizon", settings_.horizon, hello.horizon_ms);
}

void Links::on_message(Connection& conn, const Hello& hello) {
  if (conn.state != ConnState::kGreeted) return;
  if (conn.dialed_by_us && hello.nonce != conn.nonce) {
    close(conn, EndReason::kProtocolError, "its hello repeats another nonce");
    return;
  }
  conn.nonce = hello.nonce;
  conn.peer_boot = hello.boot;
  const auto difference = settings_difference(hello);
  if (!difference && !admit(conn)) return;
  // Of other settings a dialer that knows no refusals learns from our hello.
  if (!conn.dialed_by_us) send_hello(conn);
  if (difference) {
    close(conn, EndReason::kDifferentSettings, *difference);
    return;
  }
  // A dialer says hello once it has our handshake, which went out when the connection came up.
  const MonoTime asked = conn.clock_question ? conn.clock_question->asked : conn.opened;
  conn.clock_question.reset();
  establish(conn, &hello.open_nonces);
  if (conn.established() && hello.clock_ms != 0) host_.on_clock(conn.peer, hello.clock_ms, asked);
}

/// Whether it may become a link of its pair; closed when not.
bool Links::admit(Connection& conn) {
  Pair* const known = pair(conn.peer);
  if (known == nullptr && pairs_.size() >= settings_.most_neighbours) {
    close(conn, EndReason::kTooMany, "we have enough neighbours");
    return false;
  }
  if (known != nullptr && known->links.size() >= limits::kMaxLinksOfPair) {
    close(conn, EndReason::kTooMany, "too many connections to one node");
    return false;
  }
  return known == nullptr || yield_to_newer_boot(conn, *known);
}

/// REQUIRES: admitted in the same input.
void Links::establish(Connection& conn, const std::vector<Nonce>* peers_open_nonces) {
  Pair* const known = pair(conn.peer);
  if (!conn.dialed_by_us) --pending_accepted_;
  const MonoTime now = clock_.monotonic();
  conn.state = ConnState::kEstablished;
  conn.heard = now;
  conn.spoken = now;
  conn.pinged = now;
  conn.round_trip = now - conn.opened;
  conn.decoder.set_max_frame(limits::kMaxFrame);
  wake_at(next_check(conn));
  if (known == nullptr) {
    Pair fresh{.peer = conn.peer,
               .links = {&conn},
               .primary = &conn,
               .since = now,
               .boot = conn.peer_boot,
               .keep_pending = false,
               .is_meshdict = conn.is_meshdict};
    host_.on_pair_up(pairs_.emplace(conn.peer, std::move(fresh)).first->second);
    host_.on_link_up(conn);
    return;
  }
  if (peers_open_nonces != nullptr) policy_.examine(*this, *known, conn, *peers_open_nonces);
  known->links.push_back(&conn);
  host_.on_link_up(conn);
  policy_.added(*this, *known, conn);
}

/// False when `conn` itself belonged to an older boot and was closed.
bool Links::yield_to_newer_boot(Connection& conn, Pair& pair) {
  if (conn.peer_boot == pair.boot) return true;
  if (!is_newer(conn.peer_boot, pair.boot)) {
    close(conn, EndReason::kOlderBoot, "a newer process of that node is connected");
    return false;
  }
  const std::vector<Connection*> older = pair.links;
  for (Connection* const link : older)
    close(*link, EndReason::kOlderBoot, "the node has restarted");
  return true;
}

/// A boot that no process can have had yet is older than any other: else the largest number would own its identity for ever.
bool Links::is_newer(Boot boot, Boot than) const {
  const Duration latest = clock_.wall().time_since_epoch() + settings_.skew + limits::kBootAhead;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(std::max(latest, Duration::zero())).count();
  const auto can_be = [&](Boot one) { return std::to_underlying(one) >> 32 <= static_cast<std::uint64_t>(seconds); };
  return can_be(boot) == can_be(than) ? boot > than : can_be(boot);
}

void Links::probe(Connection& link) {
  link.probe_started = clock_.monotonic();
  whisper(link, Ping{.nonce = link.nonce});
  wake_at(next_check(link));
}

/// The link is alive after all.
void Links::end_probe(Connection& conn) {
  conn.probe_started.reset();
  policy_.changed(*this, *pair(conn.peer));
}

/// It may be half-open, or its answer on a long way. Nothing is closed for it: the policy keeps another, if there is one.
void Links::give_up_probe(Connection& conn) {
  conn.probe_started.reset();
  conn.late = true;
  policy_.changed(*this, *pair(conn.peer));
}

void Links::retire(Connection& link) {
  const MonoTime now = clock_.monotonic();
  Connection& kept = *pair(link.peer)->primary;
  link.state = ConnState::kRetired;
  host_.on_link_gone(link);
  link.deadline = now;
  link.lingers_to = now + limits::kLongestLinger;
  link.told_to_keep = now;
  if (link.last_word != kept.nonce) {
    link.last_word.reset();
    linger(link, now);
  }
  wake_at(link.deadline);
  host_.on_link_left(kept);
}

void Links::linger(Connection& conn, MonoTime heard) {
  const Duration linger = std::max(limits::kLinger, limits::kLingerRoundTrips * conn.round_trip);
  conn.deadline = std::min(std::max(conn.deadline, heard + linger), conn.lingers_to);
}

/// What the peer had sent before it was told of the other link is read to its end, and told apart from silence.
void Links::hear_retired(Connection& conn, const Message& message) {
  const MonoTime now = clock_.monotonic();
  if (const auto* ack = std::get_if<KeepAck>(&message); ack != nullptr && ack->nonce != conn.nonce) {
    conn.deadline = now;
    wake_at(now);
    return;
  }
  linger(conn, now);
  // Its hello may have crossed the KEEP, so that the peer takes it for a further link: it is told again.
  const Pair* const known = pair(conn.peer);
  const Duration pause = std::max(limits::kProbeDeadline, limits::kLingerRoundTrips * conn.round_trip);
  if (known == nullptr || now < conn.told_to_keep + pause) return;
  conn.told_to_keep = now;
  whisper(*known->primary, Keep{.nonce = known->primary->nonce});
}

}  // namespace meshdict
