// Receiving, broadcast and relay, whispers and the search for their receivers.

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/overloaded.h"
#include "core/engine/parts.h"
#include "core/limits.h"
#include "core/links/compressed_once.h"

namespace meshdict {

void Engine::Parts::handle_body(Connection& conn, std::string_view body) {
  // Most frames of a mesh are copies of a broadcast: they are recognised before any decoding. But whole they must be: a
  // damaged one shows that the stream is out of step.
  if (const auto plain = split_body(body)) {
    if (const auto origin = peek_origin(plain->message);
        origin && seen_.contains(origin->sender, origin->stamp) && hash_matches(*plain)) {
      ++stats_.duplicates;
      if (!conn.is_meshdict && conn.established()) links_.heard_on(conn);
      return;
    }
  }
  // A handshake is never compressed: of a stranger nothing is decompressed.
  const auto taken = conn.state == ConnState::kHandshaking ? std::span<const Compression>() : offered_compressions();
  const auto opened = open_body(body, taken);
  if (!opened) {
    ++stats_.refused;
    links_.close(conn, EndReason::kProtocolError, opened.error().what);
    return;
  }
  const auto envelope = decode_envelope(opened->plain.message);
  if (!envelope) {
    ++stats_.refused;
    // The fault may be another node's: py2p passes a broadcast on without a look at what is in it.
    if (conn.established() && is_broadcast(opened->plain.message)) return;
    links_.close(conn, EndReason::kProtocolError, envelope.error().what);
    return;
  }
  const auto message = decode_message(*envelope);
  if (!message) {
    ++stats_.refused;
    links_.close(conn, EndReason::kProtocolError, message.error().what);
    return;
  }
  if (links_.handle(conn, *envelope, *message) || conn.closed()) return;
  if (conn.state == ConnState::kGreeted) return;  // until the hello is exchanged, only the link layer speaks

  if (!conn.is_meshdict && conn.established()) links_.heard_on(conn);
  if (envelope->main == MainFlag::kBroadcast) {
    if (!accept_broadcast(conn, *envelope, opened->plain)) return;
    relay(conn, *opened, body, *envelope, *message);
  }
  handle_message(conn, *envelope, *message, opened->plain.id);
}

/// Marks a broadcast as seen. False when it is a copy, too old to be told from one, or finds no room.
bool Engine::Parts::accept_broadcast(const Connection& from, const Envelope& envelope, const PlainBody& plain) {
  if (envelope.stamp && envelope.sender == originator_.self() && envelope.stamp->boot == originator_.boot()) {
    ++stats_.duplicates;  // all that we have said is known: somebody has made this up
    return false;
  }
  const MonoTime now = clock_.monotonic();
  const std::int64_t ahead = envelope.time - unix_seconds(clock_.wall());
  const std::int64_t lifetime = std::chrono::floor<std::chrono::seconds>(limits::kBroadcastLifetime).count();
  if (ahead < -lifetime) {
    ++stats_.expired;
    return false;
  }
  // From further ahead than clocks may differ, once is not promised: nobody can make us remember for as long as he likes.
  const Duration future = std::clamp<Duration>(std::chrono::seconds(ahead), Duration::zero(), limits::kClockSkew);
  const MonoTime expires = now + future + limits::kBroadcastLifetime + limits::kClockSkew;
  const Via via = derive_seed(0, from.peer.text());
  const auto outcome = envelope.stamp ? seen_.insert(envelope.sender.text(), *envelope.stamp, via, expires)
                                      : seen_.insert(plain.id, via, expires);
  if (outcome != SeenMessages::Outcome::kNew) {
    ++(outcome == SeenMessages::Outcome::kKnown ? stats_.duplicates : stats_.no_room);
    return false;
  }
  ++stats_.delivered;
  return true;
}

/// `body` is the message as it came: who reads its compression gets that again, so that a few bytes of ours are a few of
/// each neighbour's, and nothing is compressed twice.
void Engine::Parts::relay(const Connection& from, const OpenedBody& opened, std::string_view body,
                          const Envelope& envelope, const Message& message) {
  const bool nobody_else = links_.pairs().empty() || (links_.pairs().size() == 1 && from.established());
  if (nobody_else) return;
  ++stats_.relayed;
  // S byte for byte, so that ids stay the same.
  const auto frame = reframe(opened.plain);
  if (!frame) return;  // cannot be: a body that was read is no larger than a frame
  CompressedOnce once(*frame);
  if (opened.method) once.came_as(*opened.method, body);
  const auto* const store = config_.has_dictionary ? std::get_if<StoreSet>(&message) : nullptr;
  const auto paced = store != nullptr ? std::optional(paced_store(envelope, *store)) : std::nullopt;
  send_to_all(once, &from, paced ? &*paced : nullptr);
}

/// `store`: what it is to py2p nodes, if it is a store. Of stores, a neighbour for whom too much is queued already hears in a
/// session, at its own pace.
void Engine::Parts::send_to_all(CompressedOnce& once, const Connection* except, const PacedStore* store) {
  for (auto& [peer, pair] : links_.pairs()) {
    if (except != nullptr && except->peer == peer) continue;
    Connection& link = *pair.primary;
    if (store != nullptr && !pair.is_meshdict) {
      links_.send_store(link, once.for_peer(link), *store);
    } else if (store != nullptr && link.congested) {
      compare(link);
    } else {
      links_.send(link, once.for_peer(link));
    }
  }
}

/// The stamp of a broadcast of ours, which counts as seen.
Stamp Engine::Parts::stamp_broadcast() {
  const Stamp stamp = originator_.stamp_broadcast();
  seen_.insert(originator_.self().text(), stamp, kViaOurselves,
               clock_.monotonic() + limits::kBroadcastLifetime + limits::kClockSkew);
  return stamp;
}

void Engine::Parts::broadcast_message(const Message& message, const PacedStore* store) {
  const Stamp stamp = stamp_broadcast();
  // A node without neighbours would encode and hash each of its writes for nobody.
  if (links_.pairs().empty()) return;
  const auto frame = originator_.broadcast(message, stamp);
  if (!frame) {
    ++stats_.too_large;
    return;
  }
  CompressedOnce once(*frame);
  send_to_all(once, nullptr, store);
}

void Engine::Parts::handle_message(Connection& conn, const Envelope& envelope, const Message& message,
                                   const MessageId& id) {
  const bool has_dictionary = config_.has_dictionary;
  std::visit(
      Overloaded{
          [&](const UserMessage& user) { deliver(conn, envelope, user, id); },
          [&](const StoreSet& store) {
            if (has_dictionary) handle_store(envelope, store);
          },
          [&](const StoredEntry& entry) {
            if (has_dictionary) handle_stored_entry(conn, entry);
          },
          [&](const Records& records) {
            if (has_dictionary) handle_records(conn, records);
          },
          [&](const SyncQuestion& question) { handle_question(conn, question); },
          [&](const SyncAnswer& answer) { handle_answer(conn, answer); },
          [&](const EpochFloors& floors) { handle_floors(floors); },
          [&](const Presence&) { handle_presence(conn); },
          [&](const Peers& peers) { overlay_.take_peers(conn, peers); },
          [&](const Request& request) { handle_request(conn, request); },
          [&](const Response& response) { handle_response(conn, response); },
          [&](const RenegotiateCompression& methods) { conn.compressions = common_compressions(methods.methods); },
          [](const LinkMessage auto&) {},  // Links has handled it
          [](const IgnoredMessage auto&) {},
      },
      message);
}

void Engine::Parts::deliver(const Connection& conn, const Envelope& envelope, const UserMessage& message,
                            const MessageId& id) {
  const bool whisper = envelope.main == MainFlag::kWhisper;
  if (whisper) ++stats_.delivered;
  observer_.on_event(MessageArrived{.sender = envelope.sender,
                                    .time = envelope.time,
                                    .id = id,
                                    .whisper = whisper,
                                    .type = message.type.value_or(SubFlag::kBroadcast),
                                    .from = conn.peer,
                                    .packets = {message.packets.begin(), message.packets.end()}});
}

bool Engine::Parts::has_room_for(const NodeId& wanted) const {
  const auto found = searches_.find(wanted);
  return found == searches_.end() ? searches_.size() < limits::kMaxDeferred
                                  : found->second.frames.size() < limits::kMaxDeferredOfOne;
}

void Engine::Parts::search_for(const NodeId& wanted, const Frame& frame) {
  const auto [search, fresh] = searches_.try_emplace(wanted);
  search->second.frames.push_back(frame);
  if (!fresh) return;
  search->second.expires = clock_.monotonic() + limits::kDeferredLifetime;
  next_expiry_ = std::min(next_expiry_, search->second.expires);
  search->second.wish = overlay_.wish_for(wanted);
  broadcast_message(Request{.request_id = frame.id.view(), .wanted = wanted});
}

void Engine::Parts::expire_searches(MonoTime now) {
  for (auto search = searches_.begin(); search != searches_.end();) {
    if (search->second.expires > now) {
      ++search;
      continue;
    }
    for (const Frame& frame : search->second.frames) {
      observer_.on_event(Undeliverable{.receiver = search->first, .id = frame.id});
    }
    search = searches_.erase(search);
  }
}

void Engine::Parts::handle_request(Connection& conn, const Request& request) {
  if (request.wanted.empty()) {
    overlay_.tell_peers(conn);
    return;
  }
  // The wanted node answers for itself, and for a py2p node its neighbours do: were every acquaintance to answer, one
  // question would cost a broadcast each.
  PeerEntry found{.address = links_.settings().address, .id = request.wanted};
  if (request.wanted != originator_.self()) {
    const Pair* const pair = links_.pair(request.wanted);
    if (pair == nullptr || pair->is_meshdict) return;
    found.address = pair->primary->peer_address;
  }
  if (found.address.host.empty()) return;
  broadcast_message(Response{.request_id = request.request_id, .found = std::move(found)});
}

void Engine::Parts::handle_response(const Connection& conn, const Response& response) {
  const auto search = searches_.find(response.found.id);
  if (search == searches_.end()) return;
  overlay_.found(response.found.id, response.found.address, conn.peer, search->second.wish);
}

}  // namespace meshdict
