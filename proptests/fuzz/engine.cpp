// One engine among neighbours, clocks and users that do anything, as a list of inputs: frames that the fuzzer makes up, whole
// messages with numbers of its choice, writes, time that passes, wall clocks that jump. The engine's own asserts and
// sanity_check() are the oracle.

#include <array>
#include <deque>
#include <string>
#include <vector>

#include "bytes.h"
#include "proptests/core/engine/engine_fixture.h"
#include "proptests/core/engine/hello.h"

namespace meshdict {
namespace {

constexpr std::size_t kMostSteps = 256;
constexpr std::size_t kMostConnections = 24;
constexpr std::array<std::string_view, 5> kNames = {"A", "B", "M", "Z", "Zz"};
constexpr std::array<std::string_view, 4> kKeys = {"", "k", "k1", "longer"};

class Play {
 public:
  explicit Play(fuzz::Bytes in) : in_(in) {
    node_->set_address({"127.0.0.1", 7});
    if (!node_->start()) std::abort();
  }

  void run() {
    for (std::size_t step = 0; step < kMostSteps && !in_.at_end(); ++step) {
      turn();
      node_.transport.sent.clear();
      node_.events.clear();
    }
    node_->sanity_check();
  }

 private:
  void turn() {
    switch (in_.below(14)) {
      case 0:
        if (open_.size() >= kMostConnections) open_.erase(open_.begin());
        open_.push_back(node_.transport.next_id());
        return node_->on_accepted(open_.back(), {"127.0.0.1", 50'000});
      case 1:
        return handshake();
      case 2:
        return say(hello());
      case 3:
        return node_->on_data(conn(), in_.text(4'096));
      case 4:
        return say_raw(std::string(in_.text(4'096)));
      case 5:
        return say_made_up();
      case 6:
        return say_small_talk();
      case 7:
        return say_records();
      case 8:
        return say_ranges();
      case 9:
        return local_write();
      case 10:
        return local_message();
      case 11:
        return dialled();
      case 12:
        return node_.pass(Duration(static_cast<std::int64_t>(in_.number() % 40'000'000)));
      default:
        // Up to some 194 days to either side.
        if (in_.below(4) == 0) {
          node_.clock.wall_time += Duration(static_cast<std::int64_t>(in_.number() >> 20) - (std::int64_t{1} << 43));
        } else {
          node_->on_closed(conn(), "over");
        }
    }
  }

  ConnId conn() { return open_.empty() ? ConnId::kNone : open_[in_.below(open_.size())]; }
  NodeId someone() { return id(kNames[in_.below(kNames.size())]); }
  std::string_view key() { return kKeys[in_.below(kKeys.size())]; }
  Hlc time() {
    const auto now = Hlc::from_ms(unix_seconds(node_.clock.wall_time) * 1'000);
    return in_.below(4) == 0 ? Hlc{in_.number()} : Hlc{now.bits + in_.number() % (std::uint64_t{1} << 34)};
  }
  RawView value() {
    values_.push_back(in_.below(2) == 0 ? text_value(in_.text(64)) : Raw(in_.text(64)));
    return values_.back();
  }

  void say_raw(const std::string& message) {
    if (const auto frame = make_frame(message)) node_->on_data(conn(), *frame->bytes);
  }
  void say(const Message& message) {
    const Stamp stamp{.boot = Boot{in_.number()}, .counter = in_.number()};
    say_raw(encode_message({.sender = someone(),
                            .time = unix_seconds(node_.clock.wall_time) + static_cast<std::int64_t>(in_.below(3)),
                            .stamp = stamp,
                            .user_main = in_.below(2) == 0 ? MainFlag::kBroadcast : MainFlag::kWhisper},
                           message));
  }
  void handshake() {
    Handshake handshake{.id = someone(),
                        .protocol = protocol_id("sync1", "Plaintext"),
                        .address = Endpoint{"peer", static_cast<std::uint16_t>(1 + in_.byte())},
                        .compressions = {in_.below(4) == 0 ? 19 : kCapability}};
    say(handshake);
  }
  Hello hello() {
    Hello said = default_hello();
    said.boot = Boot{in_.number()};
    said.nonce = Nonce{in_.number()};
    said.open_nonces = {Nonce{in_.number()}};
    said.features = in_.number();
    said.clock_ms = static_cast<std::int64_t>(in_.number() >> 20);
    return said;
  }
  /// An array with a good head, and a payload that is anything.
  void say_made_up() {
    std::string message;
    MsgpackWriter to(message);
    to.array(static_cast<std::uint32_t>(4 + in_.below(6))).integer(std::uint64_t{in_.below(6)}).bin(someone().text());
    to.integer(unix_seconds(node_.clock.wall_time)).integer(std::uint64_t{in_.byte()});
    message += in_.text(2'048);
    say_raw(message);
  }
  void say_small_talk() {
    const std::array<std::string, 1> text = {std::string(in_.text(300))};
    switch (in_.below(13)) {
      case 0:
        return say(Ping{.nonce = Nonce{in_.number()}});
      case 1:
        return say(Pong{.nonce = Nonce{in_.number()}});
      case 2:
        return say(Keep{.nonce = Nonce{in_.number()}});
      case 3:
        return say(KeepAck{.nonce = Nonce{in_.number()}});
      case 4:
        return say(Bye{.reason = static_cast<ByeReason>(in_.below(4)), .text = text[0]});
      case 5:
        return say(Request{.request_id = text[0], .wanted = someone()});
      case 6:
        return say(Response{.request_id = text[0], .found = {.address = {"x", 9}, .id = someone()}});
      case 7:
        return say(Peers{.entries = {{.address = {"y", static_cast<std::uint16_t>(1 + in_.byte())}, .id = someone()}}});
      case 8:
        return say(EpochFloors{.epochs = std::vector<Epoch>(in_.byte(), Epoch{in_.number()})});
      case 9:
        return say(RollCall{Nonce{in_.byte()}});
      case 10:
        return say(MemberCard{.call = Nonce{in_.byte()},
                              .member = {.address = {"z", 9}, .id = someone()},
                              .boot = Boot{in_.number()},
                              .software = text[0],
                              .neighbours = in_.number()});
      case 11:
        return say(Parting{.member = someone(),
                           .boot = Boot{in_.number()},
                           .kind = static_cast<PartingKind>(in_.below(2)),
                           .left_ms = static_cast<std::int64_t>(in_.number() >> 20)});
      default: {
        Presence presence;
        presence.level = static_cast<Presence::Level>(in_.below(3));
        presence.memory_ms = static_cast<std::int64_t>(in_.number() >> 20);
        presence.compared = time();
        presence.in_step = time();
        presence.settled = in_.below(2) == 1;
        return say(presence);
      }
    }
  }
  StoreVersion version() {
    StoreVersion made;
    made.epoch = Epoch{in_.number()};
    made.claim_start = time();
    made.boot = Boot{in_.number()};
    made.sequence = Sequence{in_.number()};
    made.written = time();
    made.kind = in_.below(3) == 0 ? RecordKind::kTombstone : RecordKind::kValue;
    return made;
  }
  void say_records() {
    const auto raw_of = [this](const StoreVersion& made) {
      return made.kind == RecordKind::kTombstone ? empty_ : value();
    };
    if (in_.below(2) == 0) {
      StoreSet store{.key = key(), .value = {}, .version = std::nullopt};
      if (in_.below(4) != 0) store.version = version();
      store.value = store.version ? raw_of(*store.version) : value();
      return say(store);
    }
    if (in_.below(4) == 0) {
      return say(StoredEntry{.key = key(), .value = value(), .owner = someone(), .timestamp = in_.number() >> 24});
    }
    Records records;
    for (std::size_t count = in_.below(6); count > 0; --count) {
      const StoreVersion made = version();
      RecordEntry entry{.key = key(), .value = raw_of(made), .version = {}};
      entry.version.epoch = made.epoch;
      entry.version.claim_start = made.claim_start;
      entry.version.owner = someone();
      entry.version.boot = made.boot;
      entry.version.sequence = made.sequence;
      entry.version.written = made.written;
      entry.version.kind = made.kind;
      records.entries.push_back(entry);
    }
    say(records);
  }
  void say_ranges() {
    const std::size_t flags = in_.below(4);
    RangeMessage message{.session = SessionId{in_.number()},
                         .reach = in_.number(),
                         .more = (flags & 1) != 0,
                         .closing = (flags & 2) != 0,
                         .ranges = std::string(in_.text(512))};
    if (in_.below(2) == 0) return say(SyncQuestion{.ranges = std::move(message)});
    say(SyncAnswer{.ranges = std::move(message)});
  }
  void local_write() {
    if (in_.below(4) == 0) {
      static_cast<void>(node_->erase(key()));
    } else {
      static_cast<void>(node_->set(key(), text_value(in_.text(64))));
    }
  }
  void local_message() {
    const Raw packet = text_value(in_.text(64));
    const std::array<RawView, 1> packets = {packet};
    switch (in_.below(6)) {
      case 0:
        static_cast<void>(node_->broadcast(packets));
        return;
      case 1:
        static_cast<void>(node_->whisper(someone(), packets));
        return;
      case 2:
        if (const auto token = node_->confirm({std::string(key())}); token && in_.below(2) == 0) {
          node_->end_confirmation(*token);
        }
        return;
      case 3:
        static_cast<void>(node_->disconnect(someone()));
        return;
      case 4:
        return node_->connect({"z", static_cast<std::uint16_t>(1 + in_.byte())});
      default:
        return node_->request_peers();
    }
  }
  void dialled() {
    if (node_.transport.dialed.empty()) return;
    const ConnId conn = node_.transport.dialed.back().first;
    node_.transport.dialed.pop_back();
    if (in_.below(4) == 0 || open_.size() >= kMostConnections) return node_->on_closed(conn, "refused");
    open_.push_back(conn);
    node_->on_connected(conn);
  }

  fuzz::Bytes in_;
  Node node_;
  std::vector<ConnId> open_;
  // What the messages under way point into.
  std::deque<Raw> values_;
  const Raw empty_ = bytes_value("");
};

}  // namespace
}  // namespace meshdict

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  meshdict::Play(meshdict::fuzz::Bytes(data, size)).run();
  return 0;
}
