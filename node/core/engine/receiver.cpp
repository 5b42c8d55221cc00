#include "core/engine/receiver.h"

#include <span>
#include <utility>

#include "core/base/overloaded.h"
#include "core/base/sha256.h"
#include "core/encoding/compression.h"
#include "core/limits.h"

namespace meshdict {

Receiver::Receiver(const Surroundings& surroundings, bool has_dictionary)
    : links_(surroundings.links),
      overlay_(surroundings.overlay),
      sessions_(surroundings.sessions),
      py2p_(surroundings.py2p),
      broadcasts_(surroundings.broadcasts),
      searches_(surroundings.searches),
      members_(surroundings.members),
      clock_(surroundings.clock),
      stats_(surroundings.stats),
      observer_(surroundings.observer),
      has_dictionary_(has_dictionary) {}

void Receiver::note_copy(Connection& conn) {
  ++stats_.duplicates;
  if (!conn.is_meshdict && conn.established()) links_.heard_on(conn);
}

void Receiver::note_waste(Connection& conn, std::size_t bytes) {
  const MonoTime now = clock_.monotonic();
  if (now >= conn.waste_began + limits::kWasteWindow) {
    conn.waste_began = now;
    conn.wasted_bytes = 0;
  }
  conn.wasted_bytes += bytes;
  if (conn.wasted_bytes <= limits::kMaxWastedBytes || conn.closed()) return;
  ++stats_.refused;
  links_.close(conn, EndReason::kProtocolError, "its compressed messages are copies, too many to decompress");
}

std::optional<OpenedBody> Receiver::open(Connection& conn, std::string_view body) {
  // Most frames of a mesh are copies of a broadcast: they are recognised before any decoding. But whole they must be: a
  // damaged one shows that the stream is out of step.
  const auto plain = split_body(body);
  if (plain && broadcasts_.is_copy(*plain)) {
    note_copy(conn);
    return std::nullopt;
  }
  if (plain && hash_matches(*plain)) return OpenedBody{*plain, {}, std::nullopt};
  if (plain && known_bodies_.contains(sha256(body))) {
    note_copy(conn);
    return std::nullopt;
  }
  // A handshake is never compressed: of a stranger nothing is decompressed.
  const auto taken = conn.state == ConnState::kHandshaking ? std::span<const Compression>() : offered_compressions();
  auto opened = plain ? open_compressed(body, taken) : std::unexpected(plain.error());
  if (!opened) {
    ++stats_.refused;
    links_.close(conn, EndReason::kProtocolError, opened.error().what);
    return std::nullopt;
  }
  return *std::move(opened);
}

void Receiver::take(Connection& conn, std::string_view body) {
  const auto opened = open(conn, body);
  if (!opened) return;
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
  // Until the hello is exchanged, only the link layer speaks.
  if (conn.state == ConnState::kGreeted) return;

  if (!conn.is_meshdict && conn.established()) links_.heard_on(conn);
  if (envelope->main == MainFlag::kBroadcast) {
    const auto accepted = broadcasts_.accept(conn, *envelope, opened->plain);
    // What finds no room may find some later.
    if (opened->method && accepted != Broadcasts::Accepted::kNoRoom) known_bodies_.insert(sha256(body));
    if (opened->method && accepted != Broadcasts::Accepted::kYes) note_waste(conn, opened->inflated.size());
    if (accepted != Broadcasts::Accepted::kYes) return;
    broadcasts_.relay(conn, *opened, body, *envelope, *message);
  }
  hand_on(conn, *envelope, *message, opened->plain.id);
}

void Receiver::hand_on(Connection& conn, const Envelope& envelope, const Message& message, const MessageId& id) {
  std::visit(
      Overloaded{
          [&](const UserMessage& user) { deliver(conn, envelope, user, id); },
          [&](const StoreSet& store) {
            if (has_dictionary_) sessions_.take_store(envelope, store);
          },
          [&](const StoredEntry& entry) {
            if (has_dictionary_) py2p_.take_entry(conn, entry);
          },
          [&](const Records& records) {
            if (has_dictionary_) sessions_.take_records(conn, records);
          },
          [&](const SyncQuestion& question) { sessions_.take_question(conn, question); },
          [&](const SyncAnswer& answer) { sessions_.take_answer(conn, answer); },
          [&](const EpochFloors& floors) { sessions_.take_floors(floors); },
          [&](const Presence&) { sessions_.take_presence(conn); },
          [&](const Peers& peers) { overlay_.take_peers(conn, peers); },
          [&](const Request& request) {
            if (request.wanted.empty()) {
              overlay_.tell_peers(conn);
            } else {
              searches_.answer(request);
            }
          },
          [&](const Response& response) { searches_.take_response(conn, response); },
          [&](const RenegotiateCompression& methods) { conn.compressions = common_compressions(methods.methods); },
          [&](const RollCall& call) { members_.take_call(conn, call); },
          [&](const MemberCard& card) { members_.take_card(conn, card); },
          [&](const Parting& parting) { members_.take_parting(conn, parting); },
          [](const LinkMessage auto&) {},  // Links has handled it
          [](const IgnoredMessage auto&) {},
      },
      message);
}

void Receiver::deliver(const Connection& conn, const Envelope& envelope, const UserMessage& message,
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

}  // namespace meshdict
