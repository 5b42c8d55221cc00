#include "core/messages/message.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/base/base58.h"

namespace meshdict {
namespace {

/// What stands in front of a message's payload, and how many elements the payload has.
struct Shape {
  MainFlag main = MainFlag::kWhisper;
  SubFlag sub = SubFlag::kWhisper;
  std::size_t elements = 0;
};

Shape whisper(SubFlag sub, std::size_t elements) {
  return {MainFlag::kWhisper, sub, elements};
}
Shape broadcast(SubFlag sub, std::size_t elements) {
  return {MainFlag::kBroadcast, sub, elements};
}

struct ShapeOf {
  MainFlag user_main;

  Shape operator()(const Handshake& /*m*/) const { return whisper(SubFlag::kHandshake, kHandshakeElements); }
  Shape operator()(const Peers& /*m*/) const { return whisper(SubFlag::kPeers, 1); }
  Shape operator()(const StoreSet& m) const { return {user_main, SubFlag::kStore, m.version ? 3U : 2U}; }
  Shape operator()(const StoredEntry& /*m*/) const { return whisper(SubFlag::kStore, 4); }
  Shape operator()(const UserMessage& m) const {
    assert(user_main == MainFlag::kBroadcast || user_main == MainFlag::kWhisper);
    const SubFlag own = user_main == MainFlag::kBroadcast ? SubFlag::kBroadcast : SubFlag::kWhisper;
    return {user_main, m.type.value_or(own), m.packets.size()};
  }
  Shape operator()(const Request& m) const {
    return m.wanted.empty() ? whisper(SubFlag::kRequest, 1) : broadcast(SubFlag::kRequest, 2);
  }
  Shape operator()(const Response& /*m*/) const { return broadcast(SubFlag::kResponse, 2); }
  Shape operator()(const RenegotiateCompression& /*m*/) const {
    return {MainFlag::kRenegotiate, SubFlag::kCompression, 1};
  }
  Shape operator()(const Resend& /*m*/) const { return {MainFlag::kRenegotiate, SubFlag::kResend, 0}; }
  Shape operator()(const Hello& /*m*/) const { return whisper(SubFlag::kHello, 1); }
  Shape operator()(const Keep& /*m*/) const { return whisper(SubFlag::kKeep, 1); }
  Shape operator()(const KeepAck& /*m*/) const { return whisper(SubFlag::kKeepAck, 1); }
  Shape operator()(const Bye& /*m*/) const { return whisper(SubFlag::kBye, 2); }
  Shape operator()(const Ping& /*m*/) const { return whisper(SubFlag::kPing, 1); }
  Shape operator()(const Pong& m) const { return whisper(SubFlag::kPong, m.clock_ms == 0 ? 1 : 3); }
  Shape operator()(const SyncQuestion& /*m*/) const { return whisper(SubFlag::kSyncQuestion, kRangeMessageElements); }
  Shape operator()(const SyncAnswer& /*m*/) const { return whisper(SubFlag::kSyncAnswer, kRangeMessageElements); }
  Shape operator()(const Records& /*m*/) const { return whisper(SubFlag::kRecords, 1); }
  Shape operator()(const EpochFloors& /*m*/) const { return whisper(SubFlag::kFloors, 1); }
  Shape operator()(const Presence& /*m*/) const { return whisper(SubFlag::kPresence, 5); }
  Shape operator()(const Refusal& /*m*/) const { return whisper(SubFlag::kRefusal, 2); }
  Shape operator()(const RollCall& /*m*/) const { return whisper(SubFlag::kRollCall, 1); }
  Shape operator()(const MemberCard& /*m*/) const { return whisper(SubFlag::kMemberCard, 5); }
  Shape operator()(const Parting& /*m*/) const { return whisper(SubFlag::kParting, 4); }
  Shape operator()(const Unknown& /*m*/) const {
    assert(false && "an unknown message cannot be encoded");
    return {};
  }
};

std::uint32_t count(std::size_t size) {
  return static_cast<std::uint32_t>(size);
}

/// Writes the payload's elements.
class PayloadWriter {
 public:
  explicit PayloadWriter(std::string& out) : out_(out), to_(out) {}

  void operator()(const Handshake& m) {
    to_.bin(m.id.text()).str(m.protocol);
    if (m.address) {
      write(*m.address);
    } else {
      to_.nil();
    }
    write(m.compressions);
  }
  void operator()(const Peers& m) {
    to_.array(count(m.entries.size()));
    for (const PeerEntry& entry : m.entries)
      write(entry);
  }
  void operator()(const StoreSet& m) {
    out_.reserve(out_.size() + m.key.size() + m.value.size() + kVersionRoom);
    to_.bin(m.key).raw(m.value);
    if (m.version) write(*m.version);
  }
  void operator()(const StoredEntry& m) {
    to_.bin(m.key).raw(m.value).bin(m.owner.text()).bin(base58_encode(m.timestamp));
  }
  void operator()(const UserMessage& m) {
    for (const RawView packet : m.packets)
      to_.raw(packet);
  }
  void operator()(const Request& m) {
    if (m.wanted.empty()) {
      to_.bin("*");
    } else {
      to_.bin(m.request_id).bin(m.wanted.text());
    }
  }
  void operator()(const Response& m) {
    to_.bin(m.request_id);
    write(m.found);
  }
  void operator()(const RenegotiateCompression& m) { write(m.methods); }
  void operator()(const Resend& /*m*/) {}
  void operator()(const Hello& m) {
    to_.map(10);
    to_.str("boot").integer(std::to_underlying(m.boot)).str("nonce").integer(std::to_underlying(m.nonce)).str("open");
    write(m.open_nonces);
    to_.str("software").str(m.software).str("features").integer(m.features);
    to_.str("lease").integer(m.lease_ms).str("settle").integer(m.settle_ms).str("skew").integer(m.skew_ms);
    to_.str("horizon").integer(m.horizon_ms).str("clock").integer(m.clock_ms);
  }
  void operator()(const Keep& m) { to_.integer(std::to_underlying(m.nonce)); }
  void operator()(const KeepAck& m) { to_.integer(std::to_underlying(m.nonce)); }
  void operator()(const Bye& m) { to_.str(m.text).integer(static_cast<std::uint64_t>(m.reason)); }
  void operator()(const Ping& m) { to_.integer(std::to_underlying(m.nonce)); }
  void operator()(const Pong& m) {
    to_.integer(std::to_underlying(m.nonce));
    if (m.clock_ms != 0) to_.integer(m.clock_ms).integer(m.hidden);
  }
  void operator()(const SyncQuestion& m) { write_range_message(to_, m.ranges); }
  void operator()(const SyncAnswer& m) { write_range_message(to_, m.ranges); }
  void operator()(const EpochFloors& m) { write(m.epochs); }
  void operator()(const Presence& m) {
    to_.integer(static_cast<std::uint64_t>(m.level)).integer(m.memory_ms).integer(m.compared.bits);
    to_.integer(m.in_step.bits).integer(std::uint64_t{m.settled});
  }
  void operator()(const Records& m) {
    std::size_t room = 8;
    for (const RecordEntry& entry : m.entries)
      room += entry.key.size() + entry.value.size() + kRecordRoom;
    std::string batch;
    batch.reserve(room);
    PayloadWriter inner(batch);
    inner.to_.array(count(m.entries.size()));
    for (const RecordEntry& entry : m.entries)
      inner.write(entry);
    to_.bin(batch);
  }
  void operator()(const Refusal& m) { to_.integer(static_cast<std::uint64_t>(m.code)).str(m.text); }
  void operator()(const RollCall& m) { to_.integer(std::to_underlying(m.number)); }
  void operator()(const MemberCard& m) {
    to_.integer(std::to_underlying(m.call));
    write(m.member);
    to_.integer(std::to_underlying(m.boot)).str(m.software).integer(m.neighbours);
  }
  void operator()(const Parting& m) {
    to_.bin(m.member.text()).integer(std::to_underlying(m.boot)).integer(static_cast<std::uint64_t>(m.kind));
    to_.integer(m.left_ms);
  }
  void operator()(const Unknown& /*m*/) {}

 private:
  /// Five integers of up to nine bytes, a kind and an array's head.
  static constexpr std::size_t kVersionRoom = 5 * 9 + 1 + 1;
  /// Of an entry without its key's and value's bytes.
  static constexpr std::size_t kRecordRoom = 1 + 5 + 2 + NodeId::kMaxLength + kVersionRoom;

  void write(const Endpoint& address) { to_.array(2).str(address.host).integer(std::uint64_t{address.port}); }
  void write(const PeerEntry& entry) {
    to_.array(2);
    write(entry.address);
    to_.bin(entry.id.text());
  }
  template <typename Number>
  void write(const std::vector<Number>& numbers) {
    to_.array(count(numbers.size()));
    for (const Number number : numbers)
      to_.integer(static_cast<std::uint64_t>(number));
  }
  void write(const StoreVersion& version) {
    to_.array(6).integer(std::to_underlying(version.epoch)).integer(version.claim_start.bits);
    to_.integer(std::to_underlying(version.boot)).integer(std::to_underlying(version.sequence));
    to_.integer(version.written.bits).integer(static_cast<std::uint64_t>(version.kind));
  }
  void write(const RecordEntry& entry) {
    const Version& version = entry.version;
    to_.array(4).bin(entry.key).raw(entry.value).bin(version.owner.text());
    write(StoreVersion{version.epoch, version.claim_start, version.boot, version.sequence, version.written,
                       version.kind});
  }

  std::string& out_;
  MsgpackWriter to_;
};

void append_stamp(std::string& out, const Stamp& stamp) {
  out += "\xC4\x10";
  for (const std::uint64_t word : {std::to_underlying(stamp.boot), stamp.counter}) {
    for (int shift = 56; shift >= 0; shift -= 8)
      out.push_back(static_cast<char>(word >> shift));
  }
}

struct NameOf {
  std::string_view operator()(const Handshake& /*m*/) const { return "handshake"; }
  std::string_view operator()(const Peers& /*m*/) const { return "peers"; }
  std::string_view operator()(const StoreSet& /*m*/) const { return "store"; }
  std::string_view operator()(const StoredEntry& /*m*/) const { return "stored-entry"; }
  std::string_view operator()(const UserMessage& /*m*/) const { return "user-message"; }
  std::string_view operator()(const Request& /*m*/) const { return "request"; }
  std::string_view operator()(const Response& /*m*/) const { return "response"; }
  std::string_view operator()(const RenegotiateCompression& /*m*/) const { return "renegotiate"; }
  std::string_view operator()(const Resend& /*m*/) const { return "resend"; }
  std::string_view operator()(const Hello& /*m*/) const { return "hello"; }
  std::string_view operator()(const Keep& /*m*/) const { return "keep"; }
  std::string_view operator()(const KeepAck& /*m*/) const { return "keep-ack"; }
  std::string_view operator()(const Bye& /*m*/) const { return "bye"; }
  std::string_view operator()(const Ping& /*m*/) const { return "ping"; }
  std::string_view operator()(const Pong& /*m*/) const { return "pong"; }
  std::string_view operator()(const SyncQuestion& /*m*/) const { return "sync-question"; }
  std::string_view operator()(const SyncAnswer& /*m*/) const { return "sync-answer"; }
  std::string_view operator()(const Records& /*m*/) const { return "records"; }
  std::string_view operator()(const EpochFloors& /*m*/) const { return "floors"; }
  std::string_view operator()(const Presence& /*m*/) const { return "presence"; }
  std::string_view operator()(const Refusal& /*m*/) const { return "refusal"; }
  std::string_view operator()(const RollCall& /*m*/) const { return "roll-call"; }
  std::string_view operator()(const MemberCard& /*m*/) const { return "member-card"; }
  std::string_view operator()(const Parting& /*m*/) const { return "parting"; }
  std::string_view operator()(const Unknown& /*m*/) const { return "unknown"; }
};

}  // namespace

bool Handshake::is_meshdict() const {
  return std::ranges::find(compressions, kCapability) != compressions.end();
}

std::string encode_message(const EncodeHead& head, const Message& message) {
  const Shape shape = std::visit(ShapeOf{head.user_main}, message);
  std::string out;
  out.reserve(256);
  MsgpackWriter to(out);
  to.array(count(4 + shape.elements)).integer(static_cast<std::uint64_t>(shape.main)).bin(head.sender.text());
  to.integer(head.time).integer(static_cast<std::uint64_t>(shape.sub));
  std::visit(PayloadWriter(out), message);
  if (head.stamp) append_stamp(out, *head.stamp);
  return out;
}

std::string_view message_name(const Message& message) {
  return std::visit(NameOf{}, message);
}

}  // namespace meshdict
