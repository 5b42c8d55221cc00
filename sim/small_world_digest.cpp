// The digest of a SmallWorld, and its words for people.
//
// 1. A connection is named by its dialer and by its rank among that node's connections that are left. ConnIds order as
//    these names do, so that Links, which walks its connections in the order of ids, does the same in both of two
//    states with equal digests.
// 2. A nonce is named by the connection that has it; one that no connection has equals no nonce of a link, and is "none".
// 3. Times are relative to now; those that Links does not look at in the connection's state are left out.
// 4. Left out, too, because Links does not look at them: stamps, the senders' clocks, when a connection was opened.
// 5. 64 bits: with ten million states, two fall together by chance in one of 400,000 explorations.

#include <fmt/format.h>

#include <algorithm>

#include "sim/small_world.h"
#include "sim/small_world_life.h"
#include "sim/trace.h"

namespace meshdict::sim {

class SmallWorld::Digest {
 public:
  explicit Digest(const SmallWorld& world) : world_(world) {}

  std::uint64_t value() {
    const FaultBudget& spent = world_.spent_;
    for (const std::uint32_t count : {spent.reset, spent.half_open, spent.crash, spent.late})
      add(count);
    for (const auto* const counts : {&world_.dials_left_, &world_.credits_}) {
      for (const std::uint32_t count : *counts)
        add(count);
    }
    for (const auto& entry : world_.wires_)
      add_wire(entry.second);
    for (NodeIndex node = 0; node < world_.lives_.size(); ++node)
      add_node(node);
    return hash_.value();
  }

 private:
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};

  void add(std::uint64_t word) { hash_.add(word); }
  void add_time(MonoTime time) { hash_.add(time.time_since_epoch() - world_.clock_.now); }

  [[nodiscard]] std::uint64_t label(ConnName name) const {
    std::uint64_t rank = 0;
    for (const auto& entry : world_.wires_) {
      if (entry.first == name) return std::uint64_t{name.dialer} << 32 | rank;
      rank = entry.first.dialer == name.dialer ? rank + 1 : 0;
    }
    return kNone;
  }

  [[nodiscard]] std::uint64_t label_of_nonce(std::uint64_t nonce) const {
    const auto found = std::ranges::find_if(
        world_.wires_, [&](const auto& entry) { return nonce != 0 && entry.second.nonce == nonce; });
    return found == world_.wires_.end() ? kNone : label(found->first);
  }

  void add_wire(const Wire& wire) {
    add(label(wire.name));
    for (const Side& side : wire.sides) {
      add(std::uint64_t{side.node} << 8 | static_cast<std::uint64_t>(side.state) << 1 |
          static_cast<std::uint64_t>(side.deaf));
      add(side.inbox.size());
      for (const Packet& packet : side.inbox)
        add_packet(packet);
      if (const Connection* const conn = world_.connection(side.node, wire)) add_connection(*conn);
    }
  }

  void add_packet(const Packet& packet) {
    add(static_cast<std::uint64_t>(packet.thing));
    if (packet.sketch == nullptr) return;
    add(packet.sketch->type);
    add(packet.sketch->boot);
    add(packet.sketch->nonces.size());
    for (const std::uint64_t nonce : packet.sketch->nonces)
      add(label_of_nonce(nonce));
  }

  void add_connection(const Connection& conn) {
    add(static_cast<std::uint64_t>(conn.state));
    add(conn.peer_boot);
    add(static_cast<std::uint64_t>(conn.nonce != 0));
    if (!conn.established()) return add_time(conn.deadline);
    add_time(conn.heard);
    add_time(conn.pinged);
    add(static_cast<std::uint64_t>(conn.probe_started.has_value()));
    if (conn.probe_started) add_time(*conn.probe_started);
  }

  void add_node(NodeIndex node) {
    add(world_.boots_[node]);
    add(static_cast<std::uint64_t>(world_.up(node)));
    if (!world_.up(node)) return;
    const Life& life = *world_.lives_[node];
    const MonoTime next = life.links.next_deadline();
    add(static_cast<std::uint64_t>(next == MonoTime::max()));
    if (next != MonoTime::max()) add_time(next);
    for (const auto& [peer, pair] : life.links.pairs()) {
      add(peer.text().size());
      hash_.add(peer.text());
      add(pair.links.size());
      for (const Connection* const link : pair.links)
        add(label(name_of(link->id)));
      add(label(name_of(pair.primary->id)));
      add(pair.boot);
      add(static_cast<std::uint64_t>(pair.keep_pending));
      const Py2pRule* const py2p = life.policy.py2p();
      add(static_cast<std::uint64_t>(py2p != nullptr && py2p->entry_is_dead(peer)));
    }
  }

  const SmallWorld& world_;
  TraceHash hash_;
};

std::uint64_t SmallWorld::digest() const {
  return Digest(*this).value();
}

std::string SmallWorld::describe(const Choice& choice) const {
  if (choice.act == Act::kTime) return fmt::format("to {} s", seconds_text(next_deadline()));
  if (choice.act != Act::kDeliver) return {};
  const Wire& wire = wires_.at(choice.conn);
  const Side& side = wire.sides[wire.sides[0].node == choice.node ? 0 : 1];
  if (side.state == SideState::kGone) return "unknown here";
  const Packet& packet = side.inbox.front();
  switch (packet.thing) {
    case Thing::kAccepted:
      return "connected";
    case Thing::kFrame:
      return packet.sketch == nullptr ? "frame" : packet.sketch->name;
    case Thing::kEnd:
      return "end";
    case Thing::kReset:
      return "reset";
  }
  return {};
}

}  // namespace meshdict::sim
