#pragma once
// One engine without a world, and peers of which the test chooses every byte.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/encoding/frame.h"
#include "core/encoding/value.h"
#include "core/engine/engine.h"
#include "core/env/memory_store.h"
#include "core/limits.h"
#include "core/messages/message.h"
#include "core/messages/protocol_id.h"
#include "proptests/core/dictionary/dictionary_fixture.h"
#include "proptests/core/engine/hello.h"

namespace meshdict {

/// Remembers what the engine does. Writes arrive nowhere, unless the test carries them.
class RecordingTransport final : public Transport {
 public:
  ConnId dial(const Endpoint& to) override {
    dialed.emplace_back(next_id(), to);
    return dialed.back().first;
  }
  void send(ConnId conn, const Frame& frame) override {
    sent[conn].append(*frame.bytes);
    given[conn] += frame.bytes->size();
  }
  [[nodiscard]] std::size_t queued(ConnId conn) const override {
    const auto found = backlog_of.find(conn);
    return found == backlog_of.end() ? backlog : found->second;
  }
  [[nodiscard]] Progress progress(ConnId conn) const override {
    const auto found = given.find(conn);
    const std::uint64_t all = found == given.end() ? 0 : found->second;
    return {.given = all, .taken = all - std::min<std::uint64_t>(all, queued(conn))};
  }
  void close(ConnId conn) override { closed.insert(conn); }
  [[nodiscard]] NodeId proven(ConnId conn) const override {
    const auto found = proofs.find(conn);
    return found == proofs.end() ? NodeId() : found->second;
  }

  ConnId next_id() { return ConnId{++last_id_}; }

  std::vector<std::pair<ConnId, Endpoint>> dialed;
  std::map<ConnId, std::string> sent;
  /// Bytes of all frames.
  std::map<ConnId, std::uint64_t> given;
  std::set<ConnId> closed;
  /// What the far ends have proven.
  std::map<ConnId, NodeId> proofs;
  /// What queued() says of connections that are not in `backlog_of`.
  std::size_t backlog = 0;
  std::map<ConnId, std::size_t> backlog_of;

 private:
  std::uint64_t last_id_ = 0;
};

/// The messages in bytes that were sent, one after the other.
template <typename Visit>
void for_each_message(const std::string& bytes, Visit visit) {
  FrameDecoder decoder(limits::kMaxFrame);
  decoder.feed(bytes);
  for (auto body = decoder.next(); body && *body; body = decoder.next()) {
    const auto opened = open_body(**body, known_compressions());
    const auto envelope = decode_envelope(opened->plain.message);
    visit(*decode_message(*envelope));
  }
}

class FixedRandom final : public Random {
 public:
  [[nodiscard]] RandomStream stream(std::string_view subsystem) const override {
    return RandomStream(derive_seed(1, subsystem));
  }
};

/// Remembers what is told.
class EventLog : public Observer {
 public:
  void on_event(const Event& event) override { events.push_back(event); }

  template <typename T>
  [[nodiscard]] std::vector<T> told() const {
    std::vector<T> found;
    for (const Event& event : events) {
      if (const T* const one = std::get_if<T>(&event)) found.push_back(*one);
    }
    return found;
  }

  std::vector<Event> events;
};

/// The engine under test, with id "M": ids that begin with A to L are smaller, N to Z larger.
class Node final : public EventLog {
 public:
  explicit Node(EngineConfig config = {}) : config_(std::move(config)) {
    store_.put(Table::kMeta, "node_id", "M");
    make();
  }

  Engine& operator*() { return *engine_; }
  Engine* operator->() { return &*engine_; }

  /// Ends this process without a goodbye, lets time pass, and starts the next, which finds the store as it was.
  void be_down_for(Duration time) {
    clock.advance(time);
    make();
    ASSERT_TRUE(engine_->start());
  }

  /// The same at once, with other settings.
  void start_again(EngineConfig config) {
    config_ = std::move(config);
    be_down_for(1s);
  }

  /// Lets time pass, and calls the engine at each of its deadlines.
  void pass(Duration time) {
    const MonoTime end = clock.mono + time;
    while (engine_->next_deadline() <= end) {
      if (engine_->next_deadline() > clock.mono) clock.advance(engine_->next_deadline() - clock.mono);
      engine_->on_time();
    }
    clock.advance(end - clock.mono);
  }

  FakeClock clock;
  RecordingTransport transport;

 private:
  MemoryStore store_;
  void make() { engine_.emplace(config_, clock, transport, store_, random_, *this); }

  EngineConfig config_;
  FixedRandom random_;
  std::optional<Engine> engine_;
};

/// The far end of connections to a Node.
class Peer {
 public:
  Peer(Node& node, std::string_view name, Boot boot = Boot{5}) : node_(node), id_(id(name)), boot_(boot) {}

  /// Connects to the node; nothing is said yet.
  ConnId connect() {
    const ConnId conn = node_.transport.next_id();
    node_->on_accepted(conn, {"127.0.0.1", 50'000});
    return conn;
  }

  /// Connects as a meshdict node that lists `open` among its connections, and is a neighbour afterwards.
  ConnId join(std::uint64_t nonce, const std::vector<std::uint64_t>& open = {}) {
    const ConnId conn = connect();
    say(conn, handshake(kCapability));
    say(conn, hello(nonce, open));
    say(conn, Presence{});
    return conn;
  }

  /// Takes a dial of the node as a meshdict node that lists `open` among its connections.
  void answer(ConnId dial, const std::vector<std::uint64_t>& open = {}) {
    node_->on_connected(dial);
    say(dial, handshake(kCapability));
    if (const auto nonce = nonce_of(dial)) say(dial, hello(std::to_underlying(*nonce), open));
    if (!closed(dial)) say(dial, Presence{});
  }

  ConnId join_as_py2p() {
    const ConnId conn = connect();
    say(conn, handshake(static_cast<std::uint64_t>(Compression::kSnappy)));
    return conn;
  }

  [[nodiscard]] Handshake handshake(std::uint64_t method) const {
    return {.id = id_,
            .protocol = protocol_id("sync1", "Plaintext"),
            .address = Endpoint{"peer-" + std::string(id_.text()), 7},
            .compressions = {method}};
  }

  [[nodiscard]] Hello hello(std::uint64_t nonce, const std::vector<std::uint64_t>& open) const {
    std::vector<Nonce> open_nonces;
    for (const std::uint64_t number : open)
      open_nonces.push_back(Nonce{number});
    Hello said = default_hello();
    said.boot = boot_;
    said.nonce = Nonce{nonce};
    said.open_nonces = std::move(open_nonces);
    return said;
  }

  /// Joins, and shows a wall clock that is `ahead` of the node's. No time passes between question and answer.
  ConnId join_with_clock(std::uint64_t nonce, Duration ahead) {
    const ConnId conn = connect();
    say(conn, handshake(kCapability));
    Hello said = hello(nonce, {});
    said.clock_ms = clock_ms(ahead);
    say(conn, said);
    say(conn, Presence{});
    return conn;
  }
  /// What a wall clock shows that is `ahead` of the node's.
  [[nodiscard]] std::int64_t clock_ms(Duration ahead) const {
    return std::chrono::floor<std::chrono::milliseconds>(node_.clock.wall_time.time_since_epoch() + ahead).count();
  }

  void say(ConnId conn, const Message& message) { say_raw(conn, bytes_of(message)); }

  /// S of the next message of its own.
  std::string bytes_of(const Message& message) { return encode(message, id_, Stamp::kNotBroadcast | count_++); }

  /// S of a broadcast of its own.
  std::string broadcast_of(const Message& message) { return encode(message, id_, ++broadcasts_); }

  /// A broadcast of `origin` that this peer passes on.
  void pass_on(ConnId conn, const Message& message, std::string_view origin, std::uint64_t counter) {
    say_raw(conn, encode(message, id(origin), counter));
  }

  /// A broadcast that somebody has made up: the test chooses its origin, stamp and time (Unix seconds).
  void forge(ConnId conn, const Message& message, const NodeId& origin, Stamp stamp, std::int64_t time) {
    say_raw(conn, encode_message({.sender = origin, .time = time, .stamp = stamp}, message));
  }

  /// S, framed with its hash.
  void say_raw(ConnId conn, std::string_view message) { node_->on_data(conn, *make_frame(message)->bytes); }

  [[nodiscard]] const NodeId& node_id() const { return id_; }
  [[nodiscard]] bool closed(ConnId conn) const { return node_.transport.closed.contains(conn); }

  /// The last message of its type that the node has said on `conn` since this or heard() was last called.
  template <typename T>
  std::optional<T> last(ConnId conn) {
    std::optional<T> found;
    for_each_message(std::exchange(node_.transport.sent[conn], {}), [&](const Message& message) {
      if (const T* const one = std::get_if<T>(&message)) found = *one;
    });
    return found;
  }

  /// What the node has said on `conn` since the last call, by the names of messages.
  std::vector<std::string> heard(ConnId conn) {
    std::vector<std::string> names;
    const std::string bytes = std::exchange(node_.transport.sent[conn], {});
    for_each_message(bytes, [&](const Message& message) { names.emplace_back(message_name(message)); });
    return names;
  }

 private:
  /// The nonce in the node's hello on this connection, if there was one.
  [[nodiscard]] std::optional<Nonce> nonce_of(ConnId conn) const {
    std::optional<Nonce> nonce;
    for_each_message(node_.transport.sent[conn], [&](const Message& message) {
      if (const auto* hello = std::get_if<Hello>(&message)) nonce = hello->nonce;
    });
    return nonce;
  }

  [[nodiscard]] std::string encode(const Message& message, const NodeId& sender, std::uint64_t counter) const {
    return encode_message({.sender = sender,
                           .time = unix_seconds(node_.clock.wall_time),
                           .stamp = Stamp{.boot = boot_, .counter = counter},
                           .user_main = MainFlag::kBroadcast},
                          message);
  }

  Node& node_;
  NodeId id_;
  Boot boot_;
  std::uint64_t count_ = 0;
  std::uint64_t broadcasts_ = 0;
};

}  // namespace meshdict
