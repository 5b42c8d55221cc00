#pragma once
// Generators of values, ids and messages for the tests of the codec, and a text form of messages by which they are compared.

#include <rapidcheck.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/ids.h"
#include "core/base/random.h"
#include "core/base/sha256.h"
#include "core/messages/message.h"

namespace meshdict::wire_gen {

/// Keeps what messages point into.
class Arena {
 public:
  std::string_view keep(std::string bytes) { return kept_.emplace_back(std::move(bytes)); }

 private:
  std::deque<std::string> kept_;
};

inline std::string hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

/// Like rc::gen::inRange, but with both ends included and for numbers of 64 bits; small ones and powers of two are
/// likely.
inline std::uint64_t number(std::uint64_t most = UINT64_MAX) {
  const auto shift = *rc::gen::inRange(0, 64);
  auto drawn = *rc::gen::arbitrary<std::uint64_t>();
  if (*rc::gen::inRange(0, 4) == 0) drawn = std::uint64_t{1} << shift;
  if (*rc::gen::inRange(0, 8) == 0) drawn -= 1;
  drawn >>= *rc::gen::inRange(0, 64);
  return most == UINT64_MAX ? drawn : drawn % (most + 1);
}

inline std::string bytes(std::size_t most) {
  const auto size = *rc::gen::inRange<std::size_t>(0, most + 1);
  return *rc::gen::container<std::string>(size, rc::gen::arbitrary<char>());
}

/// Printable ASCII, at least one character.
inline std::string word(std::size_t most) {
  const auto size = *rc::gen::inRange<std::size_t>(1, most + 1);
  return *rc::gen::container<std::string>(size, rc::gen::inRange<char>(0x21, 0x7F));
}

inline NodeId node_id() {
  if (*rc::gen::inRange(0, 8) == 0) return *NodeId::parse("1");
  RandomStream random(*rc::gen::arbitrary<std::uint64_t>());
  return NodeId::generate(random);
}

inline void append_number(std::string& out, std::uint64_t value, std::size_t width) {
  for (std::size_t i = width; i-- > 0;)
    out.push_back(static_cast<char>(value >> (8 * i)));
}

inline std::string value(int depth);

/// An array or a map of values that are at most `depth` deep.
inline std::string container(int depth) {
  std::string out;
  const bool is_map = *rc::gen::arbitrary<bool>();
  const auto size = *rc::gen::inRange(0, 4);
  if (*rc::gen::arbitrary<bool>()) {
    out.push_back(static_cast<char>((is_map ? 0x80 : 0x90) + size));
  } else {
    const auto wide = *rc::gen::inRange(0, 2);
    out.push_back(static_cast<char>((is_map ? 0xDE : 0xDC) + wide));
    append_number(out, static_cast<std::uint64_t>(size), wide == 0 ? 2 : 4);
  }
  for (int i = 0; i < size; ++i) {
    if (is_map) out += value(depth);
    out += value(depth);
  }
  return out;
}

/// Any well-formed value, put together here byte by byte, in shortest and longer forms alike; `depth` containers deep
/// at the most.
inline std::string value(int depth) {
  std::string out;
  const auto sized = [&out](int first_type, std::size_t size) {
    // Three widths of a length: 1, 2 and 4 bytes.
    const auto wide = *rc::gen::inRange(0, 3);
    out.push_back(static_cast<char>(first_type + wide));
    append_number(out, size, std::size_t{1} << wide);
  };
  const int kinds = depth > 0 ? 12 : 10;
  switch (*rc::gen::inRange(0, kinds)) {
    case 0:
      return *rc::gen::element<std::string>("\xC0", "\xC2", "\xC3");
    case 1:
      out.push_back(static_cast<char>(*rc::gen::inRange(0, 0x80)));
      return out;
    case 2:
      out.push_back(static_cast<char>(*rc::gen::inRange(0xE0, 0x100)));
      return out;
    // Integers of 1 to 8 bytes, signed or not.
    case 3: {
      const auto width = *rc::gen::inRange(0, 4);
      out.push_back(static_cast<char>(*rc::gen::element(0xCC, 0xD0) + width));
      append_number(out, number(), std::size_t{1} << width);
      return out;
    }
    case 4: {
      const auto wide = *rc::gen::inRange(0, 2);
      out.push_back(static_cast<char>(0xCA + wide));
      append_number(out, *rc::gen::arbitrary<std::uint64_t>(), wide == 0 ? 4 : 8);
      return out;
    }
    case 5: {  // fixext
      const auto power = *rc::gen::inRange(0, 5);
      out.push_back(static_cast<char>(0xD4 + power));
      out += std::string((std::size_t{1} << power) + 1, 'e');
      return out;
    }
    case 6: {
      const std::string body = bytes(20);
      sized(0xC7, body.size());
      return out + 'T' + body;
    }
    case 7: {
      const std::string body = bytes(31);
      out.push_back(static_cast<char>(0xA0 + body.size()));
      return out + body;
    }
    case 8: {
      const std::string body = bytes(40);
      sized(0xC4, body.size());
      return out + body;
    }
    case 9: {
      const std::string body = bytes(40);
      sized(0xD9, body.size());
      return out + body;
    }
    default:
      return container(depth - 1);
  }
}

inline Endpoint endpoint() {
  Endpoint drawn;
  drawn.host = word(40);
  drawn.port = *rc::gen::inRange<std::uint16_t>(1, 65535);
  return drawn;
}

inline PeerEntry peer() {
  PeerEntry entry;
  entry.address = endpoint();
  entry.id = node_id();
  return entry;
}

inline std::vector<std::uint64_t> numbers(std::size_t most) {
  std::vector<std::uint64_t> drawn(*rc::gen::inRange<std::size_t>(0, most + 1));
  for (auto& one : drawn)
    one = number();
  return drawn;
}

inline StoreVersion store_version() {
  StoreVersion version;
  version.epoch = Epoch{number()};
  version.claim_start.bits = number();
  version.boot = Boot{number()};
  version.sequence = Sequence{number()};
  version.written.bits = number();
  version.kind = *rc::gen::element(RecordKind::kValue, RecordKind::kTombstone);
  return version;
}

inline RecordEntry record(Arena& arena) {
  RecordEntry entry;
  entry.key = arena.keep(bytes(30));
  entry.value = arena.keep(value(2));
  const StoreVersion version = store_version();
  entry.version = {version.epoch,    version.claim_start, node_id(),       version.boot,
                   version.sequence, sha256(entry.value), version.written, version.kind};
  return entry;
}

inline Hello hello() {
  constexpr std::uint64_t kMostMs = (std::uint64_t{1} << 48) - 1;
  Hello drawn;
  drawn.boot = Boot{number()};
  drawn.nonce = Nonce{number()};
  for (const std::uint64_t open : numbers(5))
    drawn.open_nonces.push_back(Nonce{open});
  drawn.software = word(30);
  drawn.features = number();
  for (auto* field : {&drawn.lease_ms, &drawn.settle_ms, &drawn.skew_ms, &drawn.horizon_ms, &drawn.clock_ms}) {
    *field = static_cast<std::int64_t>(number(kMostMs));
  }
  return drawn;
}

/// Of an older member, or of one that tells its clock.
inline Pong pong() {
  constexpr std::uint64_t kMostMs = (std::uint64_t{1} << 48) - 1;
  Pong drawn{.nonce = Nonce{number()}};
  drawn.clock_ms = static_cast<std::int64_t>(number(kMostMs));
  if (drawn.clock_ms != 0) drawn.hidden = number();
  return drawn;
}

inline Bye bye() {
  Bye drawn{.text = word(60)};
  drawn.reason = static_cast<ByeReason>(number(static_cast<std::uint64_t>(ByeReason::kEnough)));
  return drawn;
}

inline RangeMessage ranges() {
  RangeMessage drawn;
  drawn.session = SessionId{number()};
  drawn.reach = number();
  drawn.more = *rc::gen::arbitrary<bool>();
  drawn.closing = *rc::gen::arbitrary<bool>();
  drawn.ranges = word(40);
  return drawn;
}

inline Presence presence() {
  return {.level = *rc::gen::element(Presence::Level::kApart, Presence::Level::kLivedOn, Presence::Level::kInStep),
          .memory_ms = static_cast<std::int64_t>(number((std::uint64_t{1} << 48) - 1)),
          .compared = Hlc{number()},
          .in_step = Hlc{number()},
          .settled = *rc::gen::arbitrary<bool>()};
}

/// A roll call, a card or a parting.
inline Message of_members(std::size_t type) {
  if (type == 21) return RollCall{Nonce{number()}};
  if (type == 22) {
    return MemberCard{.call = Nonce{number()},
                      .member = {.address = endpoint(), .id = node_id()},
                      .boot = Boot{number()},
                      .software = word(60),
                      .neighbours = number()};
  }
  return Parting{.member = node_id(),
                 .boot = Boot{number()},
                 .kind = *rc::gen::element(PartingKind::kLeft, PartingKind::kRemoved),
                 .left_ms = static_cast<std::int64_t>(number((std::uint64_t{1} << 48) - 1))};
}

/// One of every type but Unknown, by its place in the variant.
inline EpochFloors floors() {
  EpochFloors floors;
  for (const std::uint64_t epoch : numbers(64))
    floors.epochs.push_back(Epoch{epoch});
  return floors;
}

inline Message message(std::size_t type, Arena& arena) {
  if (type > 20) return of_members(type);
  switch (type) {
    case 0: {
      Handshake drawn{node_id(), word(44), std::nullopt, numbers(10)};
      if (*rc::gen::arbitrary<bool>()) drawn.address = endpoint();
      return drawn;
    }
    case 1: {
      Peers drawn;
      const auto size = *rc::gen::inRange(0, 5);
      for (int i = 0; i < size; ++i)
        drawn.entries.push_back(peer());
      return drawn;
    }
    case 2: {
      StoreSet drawn{arena.keep(bytes(40)), arena.keep(value(3)), std::nullopt};
      if (*rc::gen::arbitrary<bool>()) drawn.version = store_version();
      return drawn;
    }
    case 3:
      return StoredEntry{arena.keep(bytes(40)), arena.keep(value(3)), node_id(), number(kMaxTime)};
    case 4: {
      UserMessage drawn;
      const auto size = *rc::gen::inRange(0, 20);
      for (int i = 0; i < size; ++i)
        drawn.packets.push_back(arena.keep(value(2)));
      return drawn;
    }
    case 5:
      return *rc::gen::arbitrary<bool>() ? Request{} : Request{arena.keep(bytes(66)), node_id()};
    case 6:
      return Response{arena.keep(bytes(66)), peer()};
    case 7:
      return RenegotiateCompression{numbers(10)};
    case 8:
      return Resend{};
    case 9:
      return hello();
    case 10:
      return Keep{Nonce{number()}};
    case 11:
      return KeepAck{Nonce{number()}};
    case 12:
      return bye();
    case 13:
      return Ping{Nonce{number()}};
    case 14:
      return pong();
    case 15:
      return SyncQuestion{ranges()};
    case 16:
      return SyncAnswer{ranges()};
    case 18:
      return floors();
    case 19:
      return presence();
    case 20:
      return Refusal{.code = *rc::gen::element(RefusalCode::kUnknown, RefusalCode::kWrongNetwork,
                                               RefusalCode::kIdentityInUse, RefusalCode::kProtocolError),
                     .text = word(60)};
    default: {
      Records drawn;
      const auto size = *rc::gen::inRange(0, 8);
      for (int i = 0; i < size; ++i)
        drawn.entries.push_back(record(arena));
      return drawn;
    }
  }
}
/// Types that message() draws; Unknown comes behind them.
inline constexpr std::size_t kTypes = std::variant_size_v<Message> - 1;

/// All fields of a message as text.
class Rendering {
 public:
  static std::string of(const Message& message) {
    Rendering rendering;
    rendering.out_ << message.index() << ' ';
    std::visit([&rendering](const auto& content) { rendering.show(content); }, message);
    return rendering.out_.str();
  }

 private:
  void show(const Handshake& m) {
    out_ << m.id.text() << ' ' << m.protocol << ' ' << (m.address ? to_string(*m.address) : "-");
    show(m.compressions);
  }
  void show(const Peers& m) {
    for (const auto& entry : m.entries)
      show(entry);
  }
  void show(const StoreSet& m) {
    out_ << hex(m.key) << ' ' << hex(m.value);
    if (m.version) show(*m.version);
  }
  void show(const StoredEntry& m) {
    out_ << hex(m.key) << ' ' << hex(m.value) << ' ' << m.owner.text() << ' ' << m.timestamp;
  }
  void show(const UserMessage& m) {
    for (const auto& packet : m.packets)
      out_ << hex(packet) << ' ';
  }
  void show(const Request& m) { out_ << hex(m.request_id) << ' ' << m.wanted.text(); }
  void show(const Response& m) {
    out_ << hex(m.request_id) << ' ';
    show(m.found);
  }
  void show(const RenegotiateCompression& m) { show(m.methods); }
  void show(const Resend& /*m*/) {}
  void show(const Hello& m) {
    out_ << std::to_underlying(m.boot) << ' ' << std::to_underlying(m.nonce) << ' ' << m.software << ' ' << m.features
         << ' ' << m.lease_ms << ' ' << m.settle_ms << ' ' << m.skew_ms << ' ' << m.horizon_ms << ' ' << m.clock_ms;
    show(m.open_nonces);
  }
  void show(const Keep& m) { out_ << std::to_underlying(m.nonce); }
  void show(const KeepAck& m) { out_ << std::to_underlying(m.nonce); }
  void show(const Bye& m) { out_ << static_cast<int>(m.reason) << ' ' << m.text; }
  void show(const Ping& m) { out_ << std::to_underlying(m.nonce); }
  void show(const Pong& m) { out_ << std::to_underlying(m.nonce) << ' ' << m.clock_ms << ' ' << m.hidden; }
  void show(const SyncQuestion& m) { show(m.ranges); }
  void show(const SyncAnswer& m) { show(m.ranges); }
  void show(const EpochFloors& m) { show(m.epochs); }
  void show(const Presence& m) {
    out_ << static_cast<int>(m.level) << ' ' << m.memory_ms << ' ' << m.compared.bits << ' ' << m.in_step.bits << ' '
         << m.settled;
  }
  void show(const Refusal& m) { out_ << static_cast<int>(m.code) << ' ' << m.text; }
  void show(const RollCall& m) { out_ << std::to_underlying(m.number); }
  void show(const MemberCard& m) {
    out_ << std::to_underlying(m.call) << ' ' << m.member.address.host << ' ' << m.member.address.port << ' '
         << m.member.id.text() << ' ' << std::to_underlying(m.boot) << ' ' << m.software << ' ' << m.neighbours;
  }
  void show(const Parting& m) {
    out_ << m.member.text() << ' ' << std::to_underlying(m.boot) << ' ' << static_cast<int>(m.kind) << ' ' << m.left_ms;
  }
  void show(const RangeMessage& m) {
    out_ << std::to_underlying(m.session) << ' ' << m.reach << ' ' << m.more << m.closing << ' ' << hex(m.ranges);
  }
  void show(const Records& m) {
    for (const auto& entry : m.entries) {
      const Version& v = entry.version;
      out_ << hex(entry.key) << ' ' << hex(entry.value) << ' ' << v.owner.text() << ' '
           << hex({reinterpret_cast<const char*>(v.value_hash.bytes.data()), v.value_hash.bytes.size()});
      show(StoreVersion{v.epoch, v.claim_start, v.boot, v.sequence, v.written, v.kind});
    }
  }
  void show(const Unknown& /*m*/) {}

  template <typename Number>
  void show(const std::vector<Number>& list) {
    out_ << " [";
    for (const Number one : list)
      out_ << static_cast<std::uint64_t>(one) << ' ';
    out_ << ']';
  }
  void show(const PeerEntry& entry) { out_ << to_string(entry.address) << ' ' << entry.id.text() << ' '; }
  void show(const StoreVersion& v) {
    out_ << " v" << std::to_underlying(v.epoch) << ' ' << v.claim_start.bits << ' ' << std::to_underlying(v.boot) << ' '
         << std::to_underlying(v.sequence) << ' ' << v.written.bits << ' ' << static_cast<int>(v.kind) << ' ';
  }

  std::ostringstream out_;
};

/// Cuts `stream` into pieces at random places, often of one byte.
inline std::vector<std::string> chunks(std::string_view stream) {
  std::vector<std::string> pieces;
  const auto most = *rc::gen::element<std::size_t>(1, 2, 5, 37, 400, 100'000);
  while (!stream.empty()) {
    const auto size = std::min(stream.size(), *rc::gen::inRange<std::size_t>(1, most + 1));
    pieces.emplace_back(stream.substr(0, size));
    stream.remove_prefix(size);
  }
  return pieces;
}

}  // namespace meshdict::wire_gen
