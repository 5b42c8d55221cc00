// The digest of a SmallWorld, and its words for people.
//
// 1. A connection is named by dialer, acceptor, and its rank among their connections that are left, in the order of
//    dials. With SmallPlan::reduced it is the order of what they are like: two connections that differ only in which was
//    dialled first are one state. Links cannot tell them apart: it goes by the order in Pair::links, which is part of
//    what they are like, except that on_time() walks in the order of ids; then links that end in one tick, of a pair
//    that has both, end in either order.
// 2. A nonce is named by the connection that has it; one that no connection has equals no nonce of a link, and is "none".
// 3. Times are relative to now; those that Links does not look at in the connection's state are left out.
// 4. Left out, too, because Links does not look at them: stamps, the senders' clocks, when a link was opened.
// 5. 64 bits: with fifty million states, two fall together by chance in one of 15,000 explorations.

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "sim/explore/small_world.h"
#include "sim/explore/small_world_life.h"
#include "sim/trace/trace.h"

namespace meshdict::sim {

class SmallWorld::Digest {
 public:
  explicit Digest(const SmallWorld& world) : world_(world) {}

  std::uint64_t value() {
    place_wires();
    const FaultBudget& spent = world_.spent_;
    for (const std::uint32_t count : {spent.reset, spent.half_open, spent.crash, spent.late})
      add(count);
    add(world_.misdeeds_.size());
    add(static_cast<std::uint64_t>(world_.was_too_slow_));
    for (const Way& way : world_.ways_) {
      add(std::uint64_t{way.dials_left} << 32 | way.redials);
      add(way.says_left);
    }
    for (const Placed& placed : order_)
      add_wire(*placed.wire, true);
    for (NodeIndex node = 0; node < world_.lives_.size(); ++node)
      add_node(node);
    return hash_.value();
  }

 private:
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};
  struct Placed {
    const Wire* wire = nullptr;
    std::uint64_t likeness = 0;
  };

  void add(std::uint64_t word) { hash_.add(word); }
  void add_time(MonoTime time) { hash_.add(time.time_since_epoch() - world_.clock_.now); }

  [[nodiscard]] std::uint64_t label(ItemName name) const {
    for (std::size_t i = 0; i < order_.size(); ++i) {
      if (order_[i].wire->name == name) return i;
    }
    return kNone;
  }

  /// Gives each connection its place: by its ends, then by what it is like.
  void place_wires() {
    order_.reserve(world_.wires_.size());
    for (const Wire& wire : world_.wires_.all())
      order_.push_back({.wire = &wire});
    const auto ends = [](const Placed& placed) {
      return std::pair(placed.wire->sides[0].node, placed.wire->sides[1].node);
    };
    std::ranges::sort(order_, {},
                      [&](const Placed& placed) { return std::pair(ends(placed), placed.wire->name.count); });
    if (!world_.plan_.reduced) return;
    for (auto first = order_.begin(); first != order_.end();) {
      const auto last =
          std::find_if(first, order_.end(), [&](const Placed& other) { return ends(other) != ends(*first); });
      if (last - first > 1) sort_by_likeness({first, last});
      first = last;
    }
  }

  void sort_by_likeness(std::span<Placed> alike) {
    for (Placed& placed : alike)
      placed.likeness = likeness_of(*placed.wire);
    std::ranges::sort(alike, {},
                      [](const Placed& placed) { return std::pair(placed.likeness, placed.wire->name.count); });
  }

  [[nodiscard]] std::uint64_t likeness_of(const Wire& wire) {
    hash_ = TraceHash();
    add_wire(wire, false);
    for (const std::size_t at : {0U, 1U}) {
      const Connection* const conn = world_.connection(wire.sides[at].node, wire);
      if (conn == nullptr || !conn->established()) continue;
      const Pair& pair = *world_.lives_[wire.sides[at].node]->links.pair(conn->peer);
      add(static_cast<std::uint64_t>(std::ranges::find(pair.links, conn) - pair.links.begin()));
      add(static_cast<std::uint64_t>(pair.primary == conn));
    }
    return std::exchange(hash_, TraceHash()).value();
  }

  [[nodiscard]] std::uint64_t label_of_nonce(Nonce nonce) const {
    const auto has_it = [&](const Placed& placed) { return nonce != Nonce::kNone && placed.wire->nonce == nonce; };
    const auto found = std::ranges::find_if(order_, has_it);
    return found == order_.end() ? kNone : static_cast<std::uint64_t>(found - order_.begin());
  }

  void add_wire(const Wire& wire, bool with_nonces) {
    add(wire.sides[0].node);
    if (wire.passed_over) add_time(MonoTime(*wire.passed_over));
    if (wire.given_up) add(kNone);
    for (const Side& side : wire.sides) {
      add(std::uint64_t{side.node} << 8 | static_cast<std::uint64_t>(side.state) << 1 |
          static_cast<std::uint64_t>(side.deaf));
      add(side.inbox.size());
      for (const Packet& packet : side.inbox)
        add_packet(packet, with_nonces);
      if (const Connection* const conn = world_.connection(side.node, wire)) add_connection(*conn);
    }
  }

  void add_packet(const Packet& packet, bool with_nonces) {
    add(static_cast<std::uint64_t>(packet.thing));
    if (packet.opened == nullptr) return;
    add(packet.opened->message.index());
    if (!world_.plan_.says.empty()) add_time(MonoTime(packet.sent));
    const auto* const hello = std::get_if<Hello>(&packet.opened->message);
    if (hello == nullptr) return;
    add(std::to_underlying(hello->boot));
    add(hello->open_nonces.size());
    for (const Nonce nonce : hello->open_nonces)
      if (with_nonces) add(label_of_nonce(nonce));
  }

  void add_connection(const Connection& conn) {
    add(static_cast<std::uint64_t>(conn.state));
    add(std::to_underlying(conn.peer_boot));
    add(static_cast<std::uint64_t>(conn.nonce != Nonce::kNone));
    if (!conn.established()) {
      // Its round trip is measured from then.
      if (conn.state != ConnState::kRetired) add_time(conn.opened);
      if (conn.state == ConnState::kRetired) {
        add_time(conn.lingers_to);
        add_time(conn.told_to_keep);
        add(static_cast<std::uint64_t>(conn.round_trip.count()));
      }
      return add_time(conn.deadline);
    }
    add_time(conn.heard);
    if (conn.told_to_keep != MonoTime::min()) add_time(conn.told_to_keep);
    add_time(std::max(conn.heard, conn.pinged));
    if (conn.heard > conn.spoken) add_time(conn.spoken);
    add(static_cast<std::uint64_t>(conn.late));
    add(static_cast<std::uint64_t>(conn.round_trip.count()));
    add(conn.last_word ? label_of_nonce(*conn.last_word) : kNone);
    add(static_cast<std::uint64_t>(conn.probe_started.has_value()));
    if (conn.probe_started) add_time(*conn.probe_started);
  }

  void add_node(NodeIndex node) {
    add(world_.tallies_[node].boots);
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
      add(std::to_underlying(pair.boot));
      add(static_cast<std::uint64_t>(pair.keep_pending));
      const Py2pRule* const py2p = life.policy.py2p();
      add(static_cast<std::uint64_t>(py2p != nullptr && py2p->entry_is_dead(peer)));
    }
  }

  const SmallWorld& world_;
  TraceHash hash_;
  std::vector<Placed> order_;
};

std::uint64_t SmallWorld::digest() const {
  return Digest(*this).value();
}

std::string SmallWorld::describe(const Choice& choice) const {
  if (choice.act == Act::kTime) return fmt::format("to {} s", seconds_text(next_deadline()));
  if (choice.act != Act::kDeliver) return {};
  const Wire& wire = wires_.at(choice.item);
  const Side& side = wire.sides[wire.sides[0].node == choice.node ? 0 : 1];
  if (side.state == SideState::kGone) return "unknown here";
  const Packet& packet = side.inbox.front();
  switch (packet.thing) {
    case Thing::kAccepted:
      return "connected";
    case Thing::kFrame:
      return std::string(message_name(packet.opened->message));
    case Thing::kEnd:
      return "end";
    case Thing::kReset:
      return "reset";
  }
  return {};
}

}  // namespace meshdict::sim
