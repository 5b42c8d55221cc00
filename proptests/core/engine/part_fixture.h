#pragma once
// What a part of the engine is built on, without the engine: links whose handshakes take one call, a dictionary, clocks.

#include <cassert>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/engine/alarm.h"
#include "core/engine/event.h"
#include "core/engine/sessions.h"
#include "core/engine/views.h"
#include "core/links/arbiter.h"
#include "core/links/links.h"
#include "core/messages/originator.h"
#include "proptests/core/engine/engine_fixture.h"
#include "proptests/core/engine/hello.h"

namespace meshdict {

/// A node with id "M" by default. Derive from it to hand on to a part what Links tells its host.
class PartFixture : public LinksHost, public EventLog {
 public:
  explicit PartFixture(std::string_view self = "M")
      : dictionary(
            DictionaryConfig{MeshSettings(), id(self), Boot{10}}, clock, store,
            [this](const DictionaryEvent& event) { std::visit([this](const auto& one) { on_event(one); }, event); }),
        originator(id(self), Boot{10}, clock),
        links(LinkSettings{MeshSettings(), "test", address_of(self)}, clock, transport, originator,
              random.stream("links"), *this, arbiter),
        leisure(random.stream("overlay")) {}

  static Endpoint address_of(std::string_view name) { return {"host-" + std::string(name), 7}; }

  // Peers

  /// A node connects, and is a neighbour.
  Connection& accept(std::string_view name, std::uint64_t nonce, Boot boot = Boot{5}) {
    Connection& conn = accept_stranger(name);
    shake_hands(conn, name, kCapability);
    if (!conn.closed()) hear(conn, name, hello(Nonce{nonce}, boot));
    return conn;
  }
  Connection& accept_py2p(std::string_view name) {
    Connection& conn = accept_stranger(name);
    shake_hands(conn, name, static_cast<std::uint64_t>(Compression::kSnappy));
    return conn;
  }
  /// A dial of ours is answered by this node.
  void answer(Connection& conn, std::string_view name, Boot boot = Boot{5}) {
    links.on_connected(conn);
    shake_hands(conn, name, kCapability);
    if (!conn.closed()) hear(conn, name, hello(conn.nonce, boot));
  }
  /// The connection breaks. It is valid until sweep().
  void lose(Connection& conn) { links.on_closed(conn, "reset"); }
  /// A node says something, which the links handle. False when the part must handle it.
  bool hear(Connection& conn, std::string_view name, const Message& message) {
    Envelope envelope;
    envelope.sender = id(name);
    envelope.stamp = Stamp{.boot = Boot{5}, .counter = ++said_};
    return links.handle(conn, envelope, message);
  }

  /// What was sent on a connection since the last call, by the names of messages.
  std::vector<std::string> heard(ConnId conn) {
    std::vector<std::string> names;
    const std::string bytes = std::exchange(transport.sent[conn], {});
    for_each_message(bytes, [&](const Message& message) { names.emplace_back(message_name(message)); });
    return names;
  }

  /// For a part that needs sessions, or is them.
  Sessions::Surroundings around_sessions() {
    return {.dictionary = dictionary,
            .links = links,
            .transport = transport,
            .clock = clock,
            .alarm = alarm,
            .leisure = leisure,
            .stats = stats,
            .observer = *this};
  }

  // LinksHost

  void on_pair_up(Pair& /*pair*/) override {}
  void on_link_up(Connection& /*link*/) override {}
  void on_pair_down(const Pair& /*pair*/, const Connection& /*last*/, const Ending& /*ending*/) override {}
  void on_refused(const Connection& /*conn*/, const Ending& /*ending*/) override {}
  void on_address(const Endpoint& /*address*/, const Connection& /*conn*/) override {}

  FakeClock clock;
  RecordingTransport transport;
  MemoryStore store;
  FixedRandom random;
  EngineStats stats;
  Alarm alarm;
  Dictionary dictionary;
  Originator originator;
  Arbiter arbiter;
  Links links;
  RandomStream leisure;

 private:
  Connection& accept_stranger(std::string_view name) {
    const ConnId conn = transport.next_id();
    links.on_accepted(conn, {"from-" + std::string(name), 50'000});
    return *links.find(conn);
  }
  void shake_hands(Connection& conn, std::string_view name, std::uint64_t method) {
    hear(conn, name,
         Handshake{.id = id(name), .protocol = "test", .address = address_of(name), .compressions = {method}});
  }
  static Hello hello(Nonce nonce, Boot boot) {
    Hello said = default_hello();
    said.boot = boot;
    said.nonce = nonce;
    return said;
  }

  std::uint64_t said_ = 0;
};

}  // namespace meshdict
