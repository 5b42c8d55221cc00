#pragma once
// Messages of py2p 0.6 and of meshdict, as types. Their bytes: node/core/wire.md.
//
// 1. Decoding trusts nothing: every length, type and depth is checked, and what does not fit is a DecodeError.
// 2. Views in decoded messages point into the decoded bytes.
// 3. What is relayed is never encoded again.

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "core/base/ids.h"
#include "core/base/numbers.h"
#include "core/encoding/msgpack.h"
#include "core/env/transport.h"
#include "core/messages/bye_reason.h"
#include "core/messages/flags.h"
#include "core/messages/parting_kind.h"
#include "core/record/entry.h"
#include "core/sync/presence.h"
#include "core/sync/range_message.h"

namespace meshdict {

/// Ends the compression list of a meshdict node's handshake: "MD", version 1.
inline constexpr std::uint64_t kCapability = 0x4D440001;

/// Makes every message of an origin unique. Broadcasts count 0, 1, 2, ... within a boot, without gaps. All other messages are
/// counted apart, with the top bit set, so that a gap among broadcasts means that one is missing.
struct Stamp {
  static constexpr std::uint64_t kNotBroadcast = std::uint64_t{1} << 63;
  Boot boot = Boot::kNone;
  std::uint64_t counter = 0;
  auto operator<=>(const Stamp&) const = default;
};

/// The latest time of a message, in Unix seconds: what 48 bits of milliseconds can say (the year 10889). Arithmetic on
/// smaller times, in microseconds too, cannot overflow.
inline constexpr std::int64_t kMaxTime = ((std::int64_t{1} << 48) - 1) / 1000;

/// The part that all messages share.
struct Envelope {
  /// `sub` of a message whose fourth element is no unsigned integer; that element is then the first of the payload.
  static constexpr std::uint64_t kNoSub = ~std::uint64_t{0};

  MainFlag main = MainFlag::kBroadcast;
  NodeId sender;
  /// Unix seconds, 0 to kMaxTime.
  std::int64_t time = 0;
  /// A SubFlag, or a number from a later version.
  std::uint64_t sub = 0;
  /// The elements behind the sub-flag, each one complete value.
  std::vector<RawView> payload;
  std::optional<Stamp> stamp;
};

/// Decodes the array and the stamp behind it. Error for anything that is not a message: fewer than four elements or
/// more than limits::kMaxElements, a main flag that is no unsigned integer, a sender that is no id, a negative time or
/// one beyond kMaxTime, a damaged element, trailing bytes other than one value of any kind (a bin of 16 bytes is the
/// stamp; any other value is ignored).
std::expected<Envelope, DecodeError> decode_envelope(std::string_view message);

/// The sender and stamp of a broadcast that carries a stamp, found by skipping over everything else; nothing for any
/// other message. Only good for recognising duplicates before the hash is checked. The same as what decode_envelope()
/// finds, for every message that it accepts.
struct Origin {
  /// The text of an id; points into the message.
  std::string_view sender;
  Stamp stamp;
};
std::optional<Origin> peek_origin(std::string_view message);

/// Whether the main flag says broadcast, whatever else is in the message.
bool is_broadcast(std::string_view message);

// Messages by type

/// Of a handshake's payload.
inline constexpr std::size_t kHandshakeElements = 4;

struct Handshake {
  NodeId id;
  /// Protocol id of the network.
  std::string protocol;
  /// Where the sender says it listens.
  std::optional<Endpoint> address;
  /// Method numbers, with kCapability last for a meshdict node.
  std::vector<std::uint64_t> compressions;
  /// Whether kCapability is listed; anywhere, as later versions may put more behind it.
  [[nodiscard]] bool is_meshdict() const;
};

struct PeerEntry {
  Endpoint address;
  NodeId id;
};

struct Peers {
  std::vector<PeerEntry> entries;
};

/// `[0, id, time, 11, key, value]`, with a version from a meshdict node. Its owner is the envelope's sender.
struct StoreSet {
  std::string_view key;
  RawView value;
  std::optional<StoreVersion> version;
};

/// `[2, id, time, 11, key, value, owner, timestamp]`: one entry of a py2p node's dictionary at the handshake.
struct StoredEntry {
  std::string_view key;
  RawView value;
  NodeId owner;
  std::uint64_t timestamp = 0;  ///< Unix seconds
};

/// A broadcast or whisper of the application.
struct UserMessage {
  std::vector<RawView> packets;
  /// kBroadcast or kWhisper: what the application calls it. Nothing, when it is encoded: the same as its main flag.
  std::optional<SubFlag> type{};
};

/// `wanted` empty: asks for the whole peers list ("*").
struct Request {
  std::string_view request_id;
  NodeId wanted;
};

struct Response {
  std::string_view request_id;
  PeerEntry found;
};

/// Renegotiations are decoded with and without a nil before the sub-flag: py2p reads the one form and sends the other.
struct RenegotiateCompression {
  std::vector<std::uint64_t> methods;
};

struct Resend {};

/// The extended hello. Unknown keys are ignored.
struct Hello {
  Boot boot = Boot::kNone;
  /// The nonce of this connection: drawn by the dialer, repeated by the acceptor.
  Nonce nonce = Nonce::kNone;
  /// The nonces of all connections that the sender holds open to the receiver.
  std::vector<Nonce> open_nonces;
  std::string software;
  std::uint64_t features = 0;
  std::int64_t lease_ms = 0;
  std::int64_t settle_ms = 0;  ///< D
  std::int64_t skew_ms = 0;
  std::int64_t horizon_ms = 0;
  /// The sender's wall clock, Unix milliseconds; 0 from one that does not tell.
  std::int64_t clock_ms = 0;
};

struct Keep {
  Nonce nonce = Nonce::kNone;
};
struct KeepAck {
  Nonce nonce = Nonce::kNone;
};
/// Ends all links of the pair.
struct Bye {
  ByeReason reason = ByeReason::kOther;
  /// For a person.
  std::string text;
};
/// Why a connection was refused: numbers of the wire.
enum class RefusalCode : std::uint8_t {
  kUnknown = 0,  ///< and any number from a later version
  kWrongNetwork = 1,
  kDifferentSettings = 2,
  kTooMany = 3,
  kIdentityInUse = 4,  ///< another process with the receiver's id is linked, or is the sender
  kKeptApart = 5,      ///< the sender's user has parted from the receiver
  kProtocolError = 6,
  kAnotherId = 7,  ///< the id that the sender says does not follow from the key that it has proven
};
/// The last message on a connection that is closed for a reason that its other end can do something about. It speaks of
/// this connection, not of the pair.
struct Refusal {
  RefusalCode code = RefusalCode::kUnknown;
  /// For a person.
  std::string text;
};
struct Ping {
  Nonce nonce = Nonce::kNone;
};
struct Pong {
  Nonce nonce = Nonce::kNone;
  /// The sender's wall clock, Unix milliseconds; 0 from one that does not tell.
  std::int64_t clock_ms = 0;
  /// Records that came in batches on this connection since the ping before this one, and that the sender does not show:
  /// held as from the future, or not taken at all. 0 from one that does not tell.
  std::uint64_t hidden = 0;
};

/// One step of an anti-entropy session (reconciler.h), from the node whose session it is.
struct SyncQuestion {
  RangeMessage ranges;
};
/// The step that answers it.
struct SyncAnswer {
  RangeMessage ranges;
};

/// The floors: the largest epochs of collected tombstones, by part of the keys (tombstones.h).
struct EpochFloors {
  std::vector<Epoch> epochs;
};

struct Records {
  std::vector<RecordEntry> entries;
};

/// Asks each member that it reaches for its card. Who gets it for the first time passes it on and answers.
struct RollCall {
  Nonce number = Nonce::kNone;
};
/// What a member says of itself; goes back the way that the call came.
struct MemberCard {
  Nonce call = Nonce::kNone;
  /// The address is empty when the member does not know where it can be dialled.
  PeerEntry member{};
  Boot boot = Boot::kNone;
  std::string software{};
  std::uint64_t neighbours = 0;
};
/// A member is not to be dialled for a time; a removed one is to be turned away, too.
struct Parting {
  NodeId member;
  /// Of the incarnation that has left; none when it was removed.
  Boot boot = Boot::kNone;
  PartingKind kind = PartingKind::kLeft;
  /// What is left of the time.
  std::int64_t left_ms = 0;
};

/// A sub-flag or form that this version does not know: ignored, relayed when broadcast.
struct Unknown {};

template <typename T, typename... Others>
inline constexpr bool kIsOneOf = (std::is_same_v<T, Others> || ...);

using Message =
    std::variant<Handshake, Peers, StoreSet, StoredEntry, UserMessage, Request, Response, RenegotiateCompression,
                 Resend, Hello, Keep, KeepAck, Bye, Ping, Pong, SyncQuestion, SyncAnswer, Records, EpochFloors,
                 Presence, Refusal, RollCall, MemberCard, Parting, Unknown>;

/// Messages in three parts: those that Links handles, those that the engine handles, and those that are ignored. Links and the
/// engine both visit all of them, so a new message that is in no part does not compile.
template <typename T>
concept LinkMessage = kIsOneOf<T, Handshake, Hello, Keep, KeepAck, Bye, Ping, Pong, Refusal>;
template <typename T>
concept EngineMessage =
    kIsOneOf<T, Peers, StoreSet, StoredEntry, UserMessage, Request, Response, RenegotiateCompression, SyncQuestion,
             SyncAnswer, Records, EpochFloors, Presence, RollCall, MemberCard, Parting>;
/// They have no effect. In particular, nobody keeps what a py2p node might want to be sent again.
template <typename T>
concept IgnoredMessage = kIsOneOf<T, Resend, Unknown>;

/// The typed content of an envelope. These become Unknown: an unknown flag; a known one in the wrong kind of message (a
/// broadcast handshake); a form of a store, request or response that nobody can use (a str key, an invalid id); any broadcast
/// whose payload is malformed, for it may come through a neighbour that relays what it does not read. A malformed handshake,
/// peers list or addition of meshdict is an error: its sender is the neighbour itself.
std::expected<Message, DecodeError> decode_message(const Envelope& envelope);

/// Encodes S: the array, and the stamp behind it. The main flag and sub-flag follow from the type: UserMessage and
/// StoreSet are a broadcast or a whisper as `user_main` says, Request/Response for an id are broadcasts, all others whispers
/// (renegotiations have their own main flag).
struct EncodeHead {
  NodeId sender;
  std::int64_t time = 0;
  /// Nothing: as py2p would send it (for tests against captured bytes).
  std::optional<Stamp> stamp;
  /// For UserMessage and StoreSet.
  MainFlag user_main = MainFlag::kBroadcast;
};
/// REQUIRES: `message` is not Unknown, and each RawView in it is one complete value.
std::string encode_message(const EncodeHead& head, const Message& message);

/// The short name of a message's type for logs and traces: "handshake", "store", ...
std::string_view message_name(const Message& message);

}  // namespace meshdict
