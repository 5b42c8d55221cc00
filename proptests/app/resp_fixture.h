#pragma once
// Nodes with a Redis-protocol session and no sockets: alone, or two that are joined by a pipe in memory.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/access/users.h"
#include "app/commands/commands.h"
#include "app/resp/service.h"
#include "app/resp/session.h"
#include "core/base/random.h"
#include "core/engine/engine.h"
#include "core/env/clock.h"
#include "core/env/memory_store.h"
#include "core/env/transport.h"

namespace meshdict {

inline std::string resp_command(const std::vector<std::string>& arguments) {
  std::string bytes = "*" + std::to_string(arguments.size()) + "\r\n";
  for (const std::string& argument : arguments) {
    bytes += "$" + std::to_string(argument.size()) + "\r\n" + argument + "\r\n";
  }
  return bytes;
}

/// Bytes of the one reply that `bytes` begins with. Throws for anything that is not RESP2.
inline std::size_t reply_length(std::string_view bytes) {
  const std::size_t end = bytes.find("\r\n");
  if (end == std::string_view::npos || end == 0) throw std::runtime_error("no reply line");
  const std::size_t head = end + 2;
  const auto number = [&] { return std::stoll(std::string(bytes.substr(1, end - 1))); };
  switch (bytes[0]) {
    case '+':
    case '-':
      return head;
    case ':':
      number();
      return head;
    case '$': {
      if (number() < 0) return head;
      const std::size_t length = head + static_cast<std::size_t>(number()) + 2;
      if (bytes.size() < length || bytes.substr(length - 2, 2) != "\r\n") {
        throw std::runtime_error("bulk string of another length");
      }
      return length;
    }
    case '*': {
      std::size_t length = head;
      for (long long i = number(); i > 0; --i)
        length += reply_length(bytes.substr(length));
      return length;
    }
    default:
      throw std::runtime_error("unknown kind of reply");
  }
}

/// The elements of an array of bulk strings and integers, as text.
inline std::vector<std::string> array_elements(std::string_view reply) {
  std::vector<std::string> elements;
  if (reply.empty() || reply[0] != '*') throw std::runtime_error("not an array");
  std::string_view rest = reply.substr(reply.find("\r\n") + 2);
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, reply_length(rest));
    const std::size_t head = one.find("\r\n") + 2;
    elements.emplace_back(one[0] == '$' ? one.substr(head, one.size() - head - 2) : one.substr(1, one.size() - 3));
    rest.remove_prefix(one.size());
  }
  return elements;
}

class ManualClock final : public Clock {
 public:
  [[nodiscard]] MonoTime monotonic() const override { return MonoTime(passed); }
  /// 2024-01-01.
  [[nodiscard]] WallTime wall() const override { return WallTime(1'704'067'200s + passed); }
  Duration passed = 1s;
};

class FixedRandom final : public Random {
 public:
  explicit FixedRandom(std::uint64_t seed) : seed_(seed) {}
  [[nodiscard]] RandomStream stream(std::string_view subsystem) const override {
    return RandomStream(derive_seed(seed_, subsystem));
  }

 private:
  std::uint64_t seed_;
};

/// One end of a pipe. What is sent waits until the owner of both ends carries it to the other.
class PipeEnd final : public Transport {
 public:
  ConnId dial(const Endpoint& to) override {
    const ConnId conn{++last_};
    dialed.emplace_back(conn, to);
    return conn;
  }
  void send(ConnId conn, const Frame& frame) override { sent.emplace_back(conn, frame.bytes); }
  [[nodiscard]] std::size_t queued(ConnId) const override { return backlog; }
  void close(ConnId conn) override { closed.push_back(conn); }
  ConnId accept() { return ConnId{++last_}; }

  std::deque<std::pair<ConnId, Endpoint>> dialed;
  std::deque<std::pair<ConnId, std::shared_ptr<const std::string>>> sent;
  std::deque<ConnId> closed;
  /// What queued() says of every connection.
  std::size_t backlog = 0;

 private:
  std::uint64_t last_ = 0;
};

/// A node, and one client's session.
class LonelyNode : private Observer {
 public:
  explicit LonelyNode(EngineConfig config = {}, std::uint64_t seed = 1,
                      std::shared_ptr<const Users> users = Users::open())
      : random_(seed),
        engine(std::move(config), clock, pipe, store_, random_, *this),
        service(engine, all_commands(), clock, random_, NodeFacts{}),
        session((start(std::move(users)), service), "127.0.0.1:1") {}

  /// The session's answer to bytes, from all the turns that it takes.
  std::string send(std::string_view bytes) {
    session.feed(bytes);
    std::string reply = take_output();
    while (session.has_more()) {
      session.feed({});
      reply += take_output();
    }
    return reply;
  }
  std::string run(const std::vector<std::string>& arguments) { return send(resp_command(arguments)); }
  std::string take_output() {
    std::string reply(session.output());
    session.sent(reply.size());
    return reply;
  }
  /// The next cursor and the keys.
  std::pair<std::string, std::vector<std::string>> scan(const std::vector<std::string>& command) {
    const std::string reply = run(command);
    const std::string_view inner = std::string_view(reply).substr(reply.find("\r\n") + 2);
    const std::size_t cursor_length = reply_length(inner);
    const std::string_view cursor = inner.substr(inner.find("\r\n") + 2);
    return {std::string(cursor.substr(0, cursor.find("\r\n"))), array_elements(inner.substr(cursor_length))};
  }

 private:
  void start(std::shared_ptr<const Users> users) {
    if (!engine.start()) std::abort();
    service.set_users(std::move(users));
  }
  void on_event(const Event& event) override { service.on_event(event); }

  MemoryStore store_;
  FixedRandom random_;

 public:
  ManualClock clock;
  PipeEnd pipe;
  Engine engine;
  RespService service;
  RespSession session;
};

/// Two nodes; the second has dialled the first.
class JoinedNodes {
 public:
  explicit JoinedNodes(Duration horizon = 24h)
      : first(config("a", {}, horizon), 1), second(config("b", {{"a", 1}}, horizon), 2) {
    settle();
  }

  /// Carries everything to the other end until both are quiet.
  void settle() {
    while (connect_dialed(first, second) || connect_dialed(second, first) || carry(first, second) ||
           carry(second, first)) {
    }
  }
  /// The second node's machine sleeps.
  void sleep(Duration time) {
    for (Duration step = 0s; step < time; step += 1s) {
      first.clock.passed += 1s;
      if (first.clock.monotonic() >= first.engine.next_deadline()) first.engine.on_time();
      first.pipe.sent.clear();
      first.pipe.dialed.clear();
    }
    second.clock.passed = first.clock.passed;
  }
  void pass(Duration time) {
    for (Duration step = 0s; step < time; step += 1s) {
      for (LonelyNode* node : {&first, &second}) {
        node->clock.passed += 1s;
        if (node->clock.monotonic() >= node->engine.next_deadline()) node->engine.on_time();
      }
      settle();
    }
  }

  LonelyNode first;
  LonelyNode second;

 private:
  static EngineConfig config(const std::string& host, std::vector<Endpoint> join, Duration horizon) {
    EngineConfig made;
    made.horizon = horizon;
    made.lease = std::min(made.lease, horizon / 2);
    made.advertise = {host, 1};
    made.join = std::move(join);
    return made;
  }
  std::map<ConnId, ConnId>& peers_of(const LonelyNode& node) {
    return &node == &first ? first_to_second_ : second_to_first_;
  }
  bool connect_dialed(LonelyNode& dialer, LonelyNode& acceptor) {
    if (dialer.pipe.dialed.empty()) return false;
    const auto [conn, to] = dialer.pipe.dialed.front();
    dialer.pipe.dialed.pop_front();
    if (to != acceptor.engine.address()) {
      dialer.engine.on_closed(conn, "nobody there");
      return true;
    }
    const ConnId other = acceptor.pipe.accept();
    peers_of(dialer)[conn] = other;
    peers_of(acceptor)[other] = conn;
    acceptor.engine.on_accepted(other, dialer.engine.address());
    dialer.engine.on_connected(conn);
    return true;
  }
  bool carry(LonelyNode& from, LonelyNode& to) {
    if (!from.pipe.sent.empty()) {
      const auto [conn, bytes] = from.pipe.sent.front();
      from.pipe.sent.pop_front();
      const auto found = peers_of(from).find(conn);
      if (found != peers_of(from).end()) to.engine.on_data(found->second, *bytes);
      return true;
    }
    if (from.pipe.closed.empty()) return false;
    const auto found = peers_of(from).find(from.pipe.closed.front());
    from.pipe.closed.pop_front();
    if (found == peers_of(from).end()) return true;
    const ConnId other = found->second;
    peers_of(to).erase(other);
    peers_of(from).erase(found);
    to.engine.on_closed(other, "closed");
    return true;
  }

  std::map<ConnId, ConnId> first_to_second_;
  std::map<ConnId, ConnId> second_to_first_;
};

}  // namespace meshdict
