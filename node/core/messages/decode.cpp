// From an envelope to typed content. Broadcasts are taken leniently, a neighbour's own whispers strictly: see
// decode_message().

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "core/base/base58.h"
#include "core/base/sha256.h"
#include "core/encoding/decode_fields.h"
#include "core/limits.h"
#include "core/messages/message.h"

namespace meshdict {
namespace {

using Payload = std::span<const RawView>;
using Decoded = std::expected<Message, DecodeError>;

/// The smallest encoded record: array, empty key, value, owner of one character, version of six small numbers.
constexpr std::size_t kMinRecord = 1 + 2 + 1 + 3 + 7;

DecodeError missing(std::string_view message) {
  return {std::string(message) + " with too few elements", 0};
}

std::expected<NodeId, DecodeError> read_id(MsgpackCursor& cursor) {
  const std::size_t at = cursor.position();
  const auto text = cursor.bin_or_str();
  if (!text) return std::unexpected(text.error());
  auto id = NodeId::parse(*text);
  if (!id) return std::unexpected(DecodeError{std::move(id.error()), at});
  return *id;
}

/// Text from a peer for a person: bounded, and without bytes that a terminal or a log would act on.
std::string printable(std::string_view text) {
  std::string out(text.substr(0, limits::kMaxText));
  std::ranges::replace_if(out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, '?');
  return out;
}

/// [host, port, ...]. Nothing for any other value, and for a host or port that nobody can dial.
std::optional<Endpoint> read_endpoint(RawView value) {
  MsgpackCursor cursor(value);
  const auto size = cursor.array_size();
  if (!size || *size < 2) return std::nullopt;
  const auto host = cursor.bin_or_str();
  if (!host || host->empty() || host->size() > limits::kMaxHost) return std::nullopt;
  if (!std::ranges::all_of(*host, [](char c) { return c > 0x20 && c < 0x7F; })) return std::nullopt;
  const auto port = cursor.unsigned_integer();
  if (!port || *port == 0 || *port > 65'535) return std::nullopt;
  return Endpoint{std::string(*host), static_cast<std::uint16_t>(*port)};
}

/// [[host, port], id, ...]
std::optional<PeerEntry> read_peer(RawView value) {
  MsgpackCursor cursor(value);
  const auto size = cursor.array_size();
  if (!size || *size < 2) return std::nullopt;
  const auto address = cursor.value();
  if (!address) return std::nullopt;
  auto endpoint = read_endpoint(*address);
  if (!endpoint) return std::nullopt;
  const auto id = read_id(cursor);
  if (!id) return std::nullopt;
  return PeerEntry{std::move(*endpoint), *id};
}

/// Unsigned integers of an array; other elements are skipped.
template <typename Number = std::uint64_t>
std::expected<std::vector<Number>, DecodeError> read_numbers(RawView value, std::size_t most) {
  MsgpackCursor cursor(value);
  const auto size = cursor.array_size();
  if (!size) return std::unexpected(size.error());
  if (*size > most) return std::unexpected(DecodeError{"more than " + std::to_string(most) + " numbers", 0});
  std::vector<Number> numbers;
  numbers.reserve(*size);
  for (std::uint32_t i = 0; i < *size; ++i) {
    const auto element = cursor.value();
    if (!element) return std::unexpected(element.error());
    if (const auto number = MsgpackCursor(*element).unsigned_integer()) numbers.push_back(Number{*number});
  }
  return numbers;
}

std::expected<StoreVersion, DecodeError> read_version(MsgpackCursor& cursor) {
  Fields fields;
  const std::uint32_t size = fields.take(cursor.array_size(), "version");
  if (!fields.failed() && size < 6) fields.fail("version", "fewer than six fields", cursor.position());
  if (fields.failed()) return fields.result(StoreVersion{});
  StoreVersion version;
  version.epoch = Epoch{fields.take(cursor.unsigned_integer(), "epoch")};
  version.claim_start.bits = fields.take(cursor.unsigned_integer(), "claim start");
  version.boot = Boot{fields.take(cursor.unsigned_integer(), "boot")};
  version.sequence = Sequence{fields.take(cursor.unsigned_integer(), "sequence")};
  version.written.bits = fields.take(cursor.unsigned_integer(), "write time");
  const std::uint64_t kind = fields.take(cursor.unsigned_integer(), "kind");
  if (kind > static_cast<std::uint64_t>(RecordKind::kTombstone)) fields.fail("kind", "unknown", cursor.position());
  version.kind = static_cast<RecordKind>(kind);
  for (std::uint32_t i = 6; i < size && !fields.failed(); ++i)
    fields.take(cursor.value(), "later field");
  return fields.result(std::move(version));
}

// py2p's messages

Decoded decode_handshake(Payload payload) {
  if (payload.size() != kHandshakeElements) return Unknown{};
  Fields fields;
  Handshake handshake;
  MsgpackCursor id(payload[0]);
  handshake.id = fields.take(read_id(id), "handshake's id");
  handshake.protocol = fields.take(MsgpackCursor(payload[1]).bin_or_str(), "handshake's protocol id");
  handshake.address = read_endpoint(payload[2]);
  handshake.compressions = fields.take(read_numbers(payload[3], limits::kMaxMethods), "handshake's compressions");
  return fields.result(Message(std::move(handshake)));
}

Decoded decode_peers(Payload payload) {
  if (payload.empty()) return std::unexpected(missing("peers list"));
  MsgpackCursor cursor(payload[0]);
  const auto size = cursor.array_size();
  if (!size) return std::unexpected(DecodeError{"peers list: " + size.error().what, 0});
  Peers peers;
  const std::size_t read = std::min<std::size_t>(*size, limits::kMaxPeersRead);
  for (std::size_t i = 0; i < read; ++i) {
    const auto element = cursor.value();
    if (!element) return std::unexpected(element.error());
    if (auto entry = read_peer(*element)) peers.entries.push_back(std::move(*entry));
  }
  return peers;
}

/// [key, value, owner, base58 of the timestamp]
Decoded decode_stored_entry(std::string_view key, Payload payload) {
  MsgpackCursor owner_cursor(payload[2]);
  const auto owner = read_id(owner_cursor);
  if (!owner) return Unknown{};
  const auto text = MsgpackCursor(payload[3]).bin_or_str();
  if (!text) return Unknown{};
  const auto timestamp = base58_decode_u64(*text);
  if (!timestamp || *timestamp > std::uint64_t{kMaxTime}) return Unknown{};
  return StoredEntry{key, payload[1], *owner, *timestamp};
}

Decoded decode_store(MainFlag main, Payload payload) {
  if (payload.size() < 2) return Unknown{};
  const auto key = MsgpackCursor(payload[0]).bin();
  if (!key) return Unknown{};
  if (payload.size() == 4) return main == MainFlag::kWhisper ? decode_stored_entry(*key, payload) : Unknown{};
  StoreSet store{*key, payload[1], std::nullopt};
  if (payload.size() != 3) return store;
  MsgpackCursor cursor(payload[2]);
  const auto size = MsgpackCursor(payload[2]).array_size();
  if (!size || *size < 6) return store;
  const auto version = read_version(cursor);
  // A version of a form that is not known here: to take it for a plain set would make another record of it.
  if (!version) return Unknown{};
  store.version = *version;
  return store;
}

Decoded decode_request(MainFlag main, Payload payload) {
  if (payload.empty()) return Unknown{};
  const auto first = MsgpackCursor(payload[0]).bin_or_str();
  if (!first || first->size() > limits::kMaxRequestId) return Unknown{};
  if (payload.size() == 1) {
    if (main == MainFlag::kWhisper && *first == "*") return Request{};
    return Unknown{};
  }
  MsgpackCursor cursor(payload[1]);
  const auto wanted = read_id(cursor);
  if (!wanted) return Unknown{};
  return Request{*first, *wanted};
}

Decoded decode_response(Payload payload) {
  if (payload.size() < 2) return Unknown{};
  const auto request_id = MsgpackCursor(payload[0]).bin_or_str();
  auto found = read_peer(payload[1]);
  if (!request_id || request_id->size() > limits::kMaxRequestId || !found) return Unknown{};
  return Response{*request_id, std::move(*found)};
}

Decoded decode_renegotiation(const Envelope& envelope) {
  std::uint64_t sub = envelope.sub;
  Payload payload = envelope.payload;
  if (sub == Envelope::kNoSub) {
    if (payload.size() < 2 || payload[0] != "\xC0") return Unknown{};
    const auto shifted = MsgpackCursor(payload[1]).unsigned_integer();
    if (!shifted) return Unknown{};
    sub = *shifted;
    payload = payload.subspan(2);
  }
  if (sub == static_cast<std::uint64_t>(SubFlag::kResend)) return Resend{};
  if (sub != static_cast<std::uint64_t>(SubFlag::kCompression) || payload.empty()) return Unknown{};
  auto methods = read_numbers(payload[0], limits::kMaxMethods);
  if (!methods) return Unknown{};
  return RenegotiateCompression{std::move(*methods)};
}

// meshdict's additions

/// Milliseconds that fit a hybrid clock, so that arithmetic on them in microseconds cannot overflow.
std::expected<std::int64_t, DecodeError> read_ms(MsgpackCursor& cursor) {
  const std::size_t at = cursor.position();
  const auto ms = cursor.unsigned_integer();
  if (!ms) return std::unexpected(ms.error());
  if (*ms >> 48 != 0) return std::unexpected(DecodeError{"more than 48 bits of milliseconds", at});
  return static_cast<std::int64_t>(*ms);
}

void read_hello_field(std::string_view name, MsgpackCursor& cursor, Hello& hello, Fields& fields) {
  if (name == "boot") {
    hello.boot = Boot{fields.take(cursor.unsigned_integer(), name)};
  } else if (name == "nonce") {
    hello.nonce = Nonce{fields.take(cursor.unsigned_integer(), name)};
  } else if (name == "open") {
    const RawView open = fields.take(cursor.value(), name);
    if (!fields.failed()) hello.open_nonces = fields.take(read_numbers<Nonce>(open, limits::kMaxElements), name);
  } else if (name == "software") {
    hello.software = printable(fields.take(cursor.bin_or_str(), name));
  } else if (name == "features") {
    hello.features = fields.take(cursor.unsigned_integer(), name);
  } else if (name == "lease") {
    hello.lease_ms = fields.take(read_ms(cursor), name);
  } else if (name == "settle") {
    hello.settle_ms = fields.take(read_ms(cursor), name);
  } else if (name == "skew") {
    hello.skew_ms = fields.take(read_ms(cursor), name);
  } else if (name == "horizon") {
    hello.horizon_ms = fields.take(read_ms(cursor), name);
  } else if (name == "clock") {
    hello.clock_ms = fields.take(read_ms(cursor), name);
  } else {
    fields.take(cursor.value(), "unknown field");
  }
}

Decoded decode_hello(Payload payload) {
  if (payload.empty()) return std::unexpected(missing("hello"));
  Fields fields;
  Hello hello;
  MsgpackCursor cursor(payload[0]);
  const std::uint32_t size = fields.take(cursor.map_size(), "hello");
  bool has_boot = false;
  bool has_nonce = false;
  for (std::uint32_t i = 0; i < size && !fields.failed(); ++i) {
    const RawView key = fields.take(cursor.value(), "key");
    if (fields.failed()) break;
    const auto name = MsgpackCursor(key).str();
    // A key of another type is as unknown as any other.
    read_hello_field(name ? *name : std::string_view{}, cursor, hello, fields);
    has_boot = has_boot || (name && *name == "boot");
    has_nonce = has_nonce || (name && *name == "nonce");
  }
  if (!has_boot || !has_nonce) fields.fail("hello", "lacks its boot or nonce");
  return fields.result(Message(std::move(hello)));
}

template <typename T>
Decoded decode_nonce(Payload payload) {
  if (payload.empty()) return std::unexpected(missing("message with a nonce"));
  const auto nonce = MsgpackCursor(payload[0]).unsigned_integer();
  if (!nonce) return std::unexpected(DecodeError{"nonce: " + nonce.error().what, 0});
  return T{Nonce{*nonce}};
}

/// py2p gives sub-flags 3 and 4 no meaning, so that its users may send anything under them.
Decoded decode_ping(Payload payload) {
  Decoded ping = decode_nonce<Ping>(payload);
  return ping ? std::move(ping) : Unknown{};
}

/// [nonce], or [nonce, clock, hidden, ...]
Decoded decode_pong(Payload payload) {
  if (payload.empty()) return Unknown{};
  Fields fields;
  Pong pong{.nonce = Nonce{fields.take(MsgpackCursor(payload[0]).unsigned_integer(), "nonce")}};
  if (payload.size() >= 3) {
    MsgpackCursor clock(payload[1]);
    pong.clock_ms = fields.take(read_ms(clock), "clock");
    pong.hidden = fields.take(MsgpackCursor(payload[2]).unsigned_integer(), "hidden");
  }
  return fields.failed() ? Message(Unknown{}) : Message(pong);
}

/// [text, reason, ...], or [text], or nothing
Decoded decode_bye(Payload payload) {
  if (payload.empty()) return Bye{};
  Fields fields;
  const std::string_view text = fields.take(MsgpackCursor(payload[0]).bin_or_str(), "text of a goodbye");
  Bye bye{.reason = bye_reason_of(text), .text = printable(text)};
  if (payload.size() >= 2) {
    const std::uint64_t reason = fields.take(MsgpackCursor(payload[1]).unsigned_integer(), "reason of a goodbye");
    const bool known = reason <= static_cast<std::uint64_t>(ByeReason::kEnough);
    bye.reason = known ? static_cast<ByeReason>(reason) : ByeReason::kOther;
  }
  return fields.result(Message(std::move(bye)));
}

/// [code, text]
Decoded decode_refusal(Payload payload) {
  if (payload.size() < 2) return std::unexpected(missing("refusal"));
  Fields fields;
  const std::uint64_t code = fields.take(MsgpackCursor(payload[0]).unsigned_integer(), "code of a refusal");
  Refusal refusal{.code = RefusalCode::kUnknown,
                  .text = printable(fields.take(MsgpackCursor(payload[1]).bin_or_str(), "text of a refusal"))};
  if (code <= static_cast<std::uint64_t>(RefusalCode::kAnotherId)) refusal.code = static_cast<RefusalCode>(code);
  return fields.result(Message(std::move(refusal)));
}

Decoded decode_floors(Payload payload) {
  if (payload.empty()) return std::unexpected(missing("floors"));
  auto epochs = read_numbers<Epoch>(payload[0], limits::kMaxElements);
  if (!epochs) return std::unexpected(std::move(epochs.error()));
  return EpochFloors{std::move(*epochs)};
}

/// [level, memory, compared, in step, settled, ...]
Decoded decode_presence(Payload payload) {
  if (payload.size() < 5) return std::unexpected(missing("presence"));
  Fields fields;
  const auto number = [&](std::size_t at, std::string_view name) {
    return fields.take(MsgpackCursor(payload[at]).unsigned_integer(), name);
  };
  Presence presence;
  const std::uint64_t level = number(0, "level");
  // Nobody defers to a level that it does not know.
  if (level <= static_cast<std::uint64_t>(Presence::Level::kInStep))
    presence.level = static_cast<Presence::Level>(level);
  MsgpackCursor memory(payload[1]);
  presence.memory_ms = fields.take(read_ms(memory), "memory");
  presence.compared = Hlc{number(2, "last comparison")};
  presence.in_step = Hlc{number(3, "in step")};
  presence.settled = number(4, "settled") != 0;
  return fields.result(Message(presence));
}

/// [call, [address, id], boot, software, neighbours, ...]
Decoded decode_member_card(Payload payload) {
  if (payload.size() < 5) return std::unexpected(missing("card of a member"));
  Fields fields;
  const auto number = [&](std::size_t at, std::string_view name) {
    return fields.take(MsgpackCursor(payload[at]).unsigned_integer(), name);
  };
  MemberCard card{.call = Nonce{number(0, "number of a call")}};
  MsgpackCursor member(payload[1]);
  const std::uint32_t size = fields.take(member.array_size(), "member");
  if (size < 2) fields.fail("member", "fewer than two elements");
  if (fields.failed()) return fields.result(Message(std::move(card)));
  const RawView address = fields.take(member.value(), "address of a member");
  card.member.id = fields.take(read_id(member), "id of a member");
  if (!fields.failed()) card.member.address = read_endpoint(address).value_or(Endpoint{});
  card.boot = Boot{number(2, "boot of a member")};
  card.software = printable(fields.take(MsgpackCursor(payload[3]).bin_or_str(), "software of a member"));
  card.neighbours = number(4, "neighbours of a member");
  return fields.result(Message(std::move(card)));
}

/// [member, boot, kind, what is left in milliseconds, ...]
Decoded decode_parting(Payload payload) {
  if (payload.size() < 4) return std::unexpected(missing("parting"));
  Fields fields;
  MsgpackCursor member(payload[0]);
  Parting parting{.member = fields.take(read_id(member), "member of a parting"),
                  .boot = Boot{fields.take(MsgpackCursor(payload[1]).unsigned_integer(), "boot of a parting")}};
  const std::uint64_t kind = fields.take(MsgpackCursor(payload[2]).unsigned_integer(), "kind of a parting");
  if (kind == static_cast<std::uint64_t>(PartingKind::kRemoved)) parting.kind = PartingKind::kRemoved;
  MsgpackCursor left(payload[3]);
  parting.left_ms = fields.take(read_ms(left), "time of a parting");
  return fields.result(Message(parting));
}

template <typename T>
Decoded decode_sync(Payload payload) {
  auto ranges = read_range_message(payload);
  if (!ranges) return std::unexpected(std::move(ranges.error()));
  return T{std::move(*ranges)};
}

/// [key, value, owner, version, ...]
std::expected<RecordEntry, DecodeError> read_record(MsgpackCursor& cursor) {
  Fields fields;
  RecordEntry entry;
  const std::uint32_t size = fields.take(cursor.array_size(), "record");
  if (size < 4) fields.fail("record", "fewer than four elements", cursor.position());
  if (fields.failed()) return fields.result(std::move(entry));
  entry.key = fields.take(cursor.bin(), "record's key");
  entry.value = fields.take(cursor.value(), "record's value");
  entry.version.owner = fields.take(read_id(cursor), "record's owner");
  if (fields.failed()) return fields.result(std::move(entry));
  const StoreVersion version = fields.take(read_version(cursor), "record");
  for (std::uint32_t i = 4; i < size && !fields.failed(); ++i)
    fields.take(cursor.value(), "later element");
  entry.version.epoch = version.epoch;
  entry.version.claim_start = version.claim_start;
  entry.version.boot = version.boot;
  entry.version.sequence = version.sequence;
  entry.version.written = version.written;
  entry.version.kind = version.kind;
  entry.version.value_hash = sha256(entry.value);
  return fields.result(std::move(entry));
}

Decoded decode_records(Payload payload) {
  if (payload.empty()) return std::unexpected(missing("records"));
  const auto batch = MsgpackCursor(payload[0]).bin();
  if (!batch) return std::unexpected(DecodeError{"records: " + batch.error().what, 0});
  MsgpackCursor cursor(*batch);
  const auto size = cursor.array_size();
  if (!size) return std::unexpected(DecodeError{"records: " + size.error().what, 0});
  if (*size > limits::kMaxElements) {
    return std::unexpected(DecodeError{"more than " + std::to_string(limits::kMaxElements) + " records", 0});
  }
  Records records;
  records.entries.reserve(std::min<std::size_t>(*size, batch->size() / kMinRecord));
  for (std::uint32_t i = 0; i < *size; ++i) {
    auto entry = read_record(cursor);
    if (!entry) return std::unexpected(std::move(entry.error()));
    records.entries.push_back(std::move(*entry));
  }
  if (!cursor.at_end()) return std::unexpected(DecodeError{"bytes behind the last record", cursor.position()});
  return records;
}

Decoded decode_addition(SubFlag sub, Payload payload) {
  switch (sub) {
    case SubFlag::kHello:
      return decode_hello(payload);
    case SubFlag::kKeep:
      return decode_nonce<Keep>(payload);
    case SubFlag::kKeepAck:
      return decode_nonce<KeepAck>(payload);
    case SubFlag::kPing:
      return decode_ping(payload);
    case SubFlag::kPong:
      return decode_pong(payload);
    case SubFlag::kBye:
      return decode_bye(payload);
    case SubFlag::kRefusal:
      return decode_refusal(payload);
    case SubFlag::kSyncQuestion:
      return decode_sync<SyncQuestion>(payload);
    case SubFlag::kSyncAnswer:
      return decode_sync<SyncAnswer>(payload);
    case SubFlag::kFloors:
      return decode_floors(payload);
    case SubFlag::kPresence:
      return decode_presence(payload);
    case SubFlag::kRecords:
      return decode_records(payload);
    case SubFlag::kRollCall:
      return decode_nonce<RollCall>(payload);
    case SubFlag::kMemberCard:
      return decode_member_card(payload);
    case SubFlag::kParting:
      return decode_parting(payload);
    default:
      return Unknown{};
  }
}

}  // namespace

std::expected<Message, DecodeError> decode_message(const Envelope& envelope) {
  if (envelope.main == MainFlag::kRenegotiate) return decode_renegotiation(envelope);
  const bool is_whisper = envelope.main == MainFlag::kWhisper;
  if (!is_whisper && envelope.main != MainFlag::kBroadcast) return Unknown{};
  const Payload payload = envelope.payload;
  if (envelope.sub > 0xFF) return Unknown{};
  const auto sub = static_cast<SubFlag>(envelope.sub);
  switch (sub) {
    case SubFlag::kBroadcast:
    case SubFlag::kWhisper:
      return UserMessage{.packets = envelope.payload, .type = sub};
    case SubFlag::kStore:
      return decode_store(envelope.main, payload);
    case SubFlag::kRequest:
      return decode_request(envelope.main, payload);
    case SubFlag::kResponse:
      return decode_response(payload);
    case SubFlag::kHandshake:
      return is_whisper ? decode_handshake(payload) : Unknown{};
    case SubFlag::kPeers:
      return is_whisper ? decode_peers(payload) : Unknown{};
    default:
      return is_whisper ? decode_addition(sub, payload) : Unknown{};
  }
}

}  // namespace meshdict
