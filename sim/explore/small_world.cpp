#include "sim/explore/small_world.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/encoding/frame.h"
#include "core/limits.h"
#include "sim/explore/small_ids.h"
#include "sim/explore/small_world_life.h"

namespace meshdict::sim {
namespace {

Endpoint address_of(NodeIndex node) {
  return {.host = "n", .port = static_cast<std::uint16_t>(node + 1)};
}

LinkSettings settings_of(NodeIndex node) {
  return {{}, "small", address_of(node)};
}

/// REQUIRES: it is a frame that Links has made.
std::shared_ptr<const SmallWorld::Opened> open_frame(const Frame& frame) {
  const auto body = split_body(std::string_view(*frame.bytes).substr(4));
  assert(body.has_value());
  auto envelope = decode_envelope(body->message);
  assert(envelope.has_value());
  auto message = decode_message(*envelope);
  assert(message.has_value());
  return std::make_shared<const SmallWorld::Opened>(*std::move(envelope), *std::move(message));
}

}  // namespace

SmallWorld::SmallWorld(const SmallPlan& plan, std::uint64_t seed, Delays* delays)
    : plan_(plan), seed_(seed), delays_(delays) {
  const std::size_t count = plan.nodes.size();
  tallies_.resize(count);
  ways_.resize(count * count);
  for (const Course& dial : plan.dials) {
    Way& way = ways_[index(dial.from, dial.to)];
    ++way.dials_left;
    way.wanted = true;
  }
  for (const Course& message : plan.says)
    ++ways_[index(message.from, message.to)].says_left;
  lives_.resize(count);
  std::vector<NodeId> ids;
  ids.reserve(count);
  for (NodeIndex node = 0; node < count; ++node)
    ids.push_back(small_id(node));
  ids_ = std::make_shared<const std::vector<NodeId>>(std::move(ids));
  for (NodeIndex node = 0; node < count; ++node)
    restart(node);
}

SmallWorld::SmallWorld(const SmallWorld& other) = default;
SmallWorld::~SmallWorld() = default;

Links& SmallWorld::links_of(NodeIndex node) {
  auto& life = lives_[node];
  if (life.use_count() > 1 || !life->is_in(*this)) life = std::make_shared<Life>(*this, *life);
  return life->links;
}

ItemName SmallWorld::name_of(ConnId id) {
  const auto number = static_cast<std::uint64_t>(id);
  return {.of = static_cast<NodeIndex>((number >> 32) - 1), .count = static_cast<std::uint32_t>(number)};
}

SmallWorld::Side& SmallWorld::side_of(Wire& wire, NodeIndex node, bool other) {
  return wire.sides[(wire.sides[0].node == node) == other ? 1 : 0];
}

// Wires

std::vector<std::shared_ptr<SmallWorld::Wire>>::const_iterator SmallWorld::Wires::place(ItemName name) const {
  return std::ranges::lower_bound(wires_, name, {}, [](const auto& wire) { return wire->name; });
}

SmallWorld::Wire& SmallWorld::Wires::change(ItemName name) {
  auto& wire = wires_[static_cast<std::size_t>(place(name) - wires_.begin())];
  if (wire.use_count() > 1) wire = std::make_shared<Wire>(*wire);
  return *wire;
}

SmallWorld::Wire& SmallWorld::Wires::add(ItemName name) {
  const auto wire = *wires_.insert(place(name), std::make_shared<Wire>());
  wire->name = name;
  return *wire;
}

// What lives do

ConnId SmallWorld::dialed(NodeIndex from, NodeIndex to) {
  const ItemName name{.of = from, .count = ++tallies_[from].dials};
  Wire& wire = wires_.add(name);
  wire.sides[0].node = from;
  wire.sides[0].state = SideState::kOpen;
  wire.sides[0].opened = clock_.now;
  wire.sides[1].node = to;
  if (delays_ != nullptr) wire.dial_arrives = clock_.now + delays_->draw(from, to);
  return id_of(name);
}

void SmallWorld::sent(NodeIndex from, ConnId conn, const Frame& frame) {
  Wire& wire = wires_.change(name_of(conn));
  push(wire, wire.sides[0].node == from ? 1 : 0, Thing::kFrame, frame);
}

void SmallWorld::closed(NodeIndex from, ConnId conn) {
  Wire& wire = wires_.change(name_of(conn));
  const std::size_t at = wire.sides[0].node == from ? 0 : 1;
  Side& side = wire.sides[at];
  note_end(wire, from);
  if (is_overdue(side)) wire.given_up = was_too_slow_ = true;
  for (const Packet& packet : side.inbox)
    lose(wire, at, packet);
  side.state = SideState::kClosed;
  side.inbox.clear();
  push(wire, 1 - at, Thing::kEnd, {});
}

// What befalls them

void SmallWorld::push(Wire& wire, std::size_t to, Thing thing, Frame frame) {
  Side& side = wire.sides[to];
  const Side& sender = wire.sides[1 - to];
  Packet packet{
      .thing = thing, .frame = std::move(frame), .opened = nullptr, .sent = clock_.now, .arrives = clock_.now};
  if (thing == Thing::kFrame) packet.opened = open_frame(packet.frame);
  if (side.deaf || sender.deaf || side.state == SideState::kClosed) return lose(wire, to, packet);
  // Towards a machine that has forgotten the connection goes what it will answer; it has sent nothing to be read.
  if (delays_ != nullptr) packet.arrives += delays_->draw(sender.node, side.node);
  if (!side.inbox.empty()) packet.arrives = std::max(packet.arrives, side.inbox.back().arrives);
  side.inbox.push_back(std::move(packet));
}

void SmallWorld::apply(const Choice& choice) {
  switch (choice.act) {
    case Act::kDial:
      --ways_[index(choice.node, choice.peer)].dials_left;
      links_of(choice.node).dial(address_of(choice.peer), DialKind::kLasting);
      break;
    case Act::kRedial:
      --ways_[index(choice.node, choice.peer)].redials;
      links_of(choice.node).dial(address_of(choice.peer), DialKind::kLasting);
      break;
    case Act::kSay:
      say(choice.node, choice.peer);
      break;
    case Act::kAccept:
      accept(wires_.change(choice.item));
      break;
    case Act::kDeliver:
      deliver(wires_.change(choice.item), choice.node);
      break;
    case Act::kTick:
      links_of(choice.node).on_time(clock_.monotonic());
      break;
    case Act::kRestart:
      restart(choice.node);
      break;
    case Act::kTime:
      pass_time();
      break;
    case Act::kReset:
      reset(wires_.change(choice.item));
      break;
    case Act::kHalfOpen:
      half_open(wires_.change(choice.item), choice.node);
      break;
    case Act::kCrash:
      crash(choice.node);
      break;
    default:
      assert(false);
  }
  sweep();
  if (!plan_.reduced || plan_.faults.late > 0 || delays_ != nullptr) return;
  while (do_one_private())
    sweep();
}

/// Frees what is closed, and forgets connections that both ends have done with.
void SmallWorld::sweep() {
  for (const auto& life : lives_) {
    if (life.use_count() == 1) life->links.sweep();  // one that is shared has done nothing since it was swept
  }
  wires_.erase_if([](const Wire& wire) {
    const auto is_over = [](const Side& side) {
      return side.state == SideState::kClosed || side.state == SideState::kGone;
    };
    const auto& sides = wire.sides;
    return (is_over(sides[0]) && is_over(sides[1])) ||
           (sides[0].state == SideState::kClosed && sides[1].state == SideState::kWaiting);
  });
}

/// Whether what comes next at this end is nobody else's business.
bool SmallWorld::is_private(const Wire& wire, std::size_t at) const {
  const Side& side = wire.sides[at];
  if (!deliverable(side)) return false;
  const Connection* const conn = connection(side.node, wire);
  if (side.state == SideState::kGone) return true;
  const Packet& packet = side.inbox.front();
  if (packet.opened != nullptr && packet.opened->is<UserMessage>()) return false;
  // The peer's last word there ends it.
  if (conn->state == ConnState::kRetired) return packet.thing != Thing::kFrame || !packet.opened->is<KeepAck>();
  if (conn->late) return false;
  if (packet.thing != Thing::kFrame) return packet.thing == Thing::kAccepted;
  if (packet.opened->is<Handshake>()) return at == 1 && lives_[side.node]->policy.get().wants_hello();
  if (packet.opened->is<Pong>()) return !conn->probe_started;
  return packet.opened->is<Ping>();
}

bool SmallWorld::do_one_private() {
  for (const Wire& wire : wires_.all()) {
    if (wire.sides[1].state == SideState::kWaiting && up(wire.sides[1].node)) {
      accept(wires_.change(wire.name));
      return true;
    }
    for (const std::size_t at : {0U, 1U}) {
      if (!is_private(wire, at)) continue;
      const NodeIndex node = wire.sides[at].node;
      deliver(wires_.change(wire.name), node);
      return true;
    }
  }
  return false;
}

void SmallWorld::pass_time() {
  std::vector<Choice> overtaken;
  add_arrivals(overtaken);
  const Duration next = next_deadline();
  if (!overtaken.empty()) {
    ++spent_.late;
    const auto count = static_cast<NodeIndex>(lives_.size());
    for (NodeIndex a = 0; a < count && next - clock_.now >= limits::kDialDeadline; ++a) {
      for (NodeIndex b = a + 1; b < count; ++b)
        credit(a, b);
    }
  }
  clock_.now = next;
}

void SmallWorld::accept(Wire& wire) {
  Side& side = wire.sides[1];
  side.state = SideState::kOpen;
  side.opened = clock_.now;
  push(wire, 0, Thing::kAccepted, {});
  links_of(side.node).on_accepted(id_of(wire.name), address_of(wire.sides[0].node));
}

void SmallWorld::deliver(Wire& wire, NodeIndex node) {
  Side& side = side_of(wire, node);
  if (side.state == SideState::kGone) {
    // A packet of a connection that nobody here knows.
    side.inbox.clear();
    Side& other = side_of(wire, node, true);
    other.inbox.clear();
    push(wire, wire.sides[0].node == node ? 1 : 0, Thing::kReset, {});
    return;
  }
  const Packet packet = std::move(side.inbox.front());
  side.inbox.erase(side.inbox.begin());
  Links& links = links_of(node);
  Connection* const conn = links.find(id_of(wire.name));
  assert(conn != nullptr);
  switch (packet.thing) {
    case Thing::kAccepted:
      links.on_connected(*conn);
      break;
    case Thing::kFrame:
      // Before the hello only the link layer speaks.
      if (!conn->established() && conn->state != ConnState::kRetired)
        lose(wire, &side == &wire.sides[0] ? 0 : 1, packet);
      hear(node, id_of(wire.name), *packet.opened);
      break;
    case Thing::kEnd:
    case Thing::kReset:
      side.state = SideState::kClosed;
      side.inbox.clear();
      links.on_closed(*conn, packet.thing == Thing::kEnd ? "closed" : "reset");
      break;
  }
}

/// As the engine does it (engine/receiver.cpp), with frames that are whole and good.
void SmallWorld::hear(NodeIndex node, ConnId id, const Opened& opened) {
  Links& links = links_of(node);
  Connection& conn = *links.find(id);
  conn.heard = clock_.monotonic();
  Wire& wire = wires_.change(name_of(id));
  if (const auto* const hello = std::get_if<Hello>(&opened.message)) wire.nonce = hello->nonce;
  if (opened.is<Keep>()) note_choice(node, wire.name);
  links.handle(conn, opened.envelope, opened.message);
  Side& side = side_of(wire, node);
  if (!side.round_trip && conn.established()) side.round_trip = clock_.now - side.opened;
}

void SmallWorld::credit(NodeIndex a, NodeIndex b) {
  for (Way* const way : {&ways_[index(a, b)], &ways_[index(b, a)]}) {
    if (way->wanted) ++way->redials;
  }
}

/// Before a connection breaks. Another that is up or coming up, and that no end has retired, must serve on.
void SmallWorld::credit_unless_doubled(const Wire& broken) {
  const NodeIndex a = broken.sides[0].node;
  const NodeIndex b = broken.sides[1].node;
  const auto usable = [&](const Wire& wire, const Side& side) {
    const Connection* const conn = connection(side.node, wire);
    return side.state == SideState::kWaiting || (conn != nullptr && !side.deaf && conn->state != ConnState::kRetired);
  };
  const bool doubled = std::ranges::any_of(wires_.all(), [&](const Wire& wire) {
    const auto& [dialer, acceptor] = wire.sides;
    const bool ours = (dialer.node == a && acceptor.node == b) || (dialer.node == b && acceptor.node == a);
    return ours && &wire != &broken && usable(wire, dialer) && usable(wire, acceptor);
  });
  if (!doubled) credit(a, b);
}

void SmallWorld::reset(Wire& wire) {
  ++spent_.reset;
  credit_unless_doubled(wire);
  for (const std::size_t to : {0U, 1U}) {
    wire.sides[to].inbox.clear();
    push(wire, to, Thing::kReset, {});
  }
}

void SmallWorld::half_open(Wire& wire, NodeIndex told) {
  ++spent_.half_open;
  credit_unless_doubled(wire);
  for (Side& side : wire.sides)
    side.inbox.clear();
  push(wire, wire.sides[0].node == told ? 0 : 1, Thing::kReset, {});
  side_of(wire, told, true).deaf = true;
}

void SmallWorld::crash(NodeIndex node) {
  ++spent_.crash;
  for (const Wire& wire : wires_.all()) {
    for (const std::size_t at : {0U, 1U}) {
      const Side& side = wire.sides[at];
      if (side.node != node || side.state == SideState::kWaiting) continue;
      Wire& hit = wires_.change(wire.name);
      hit.given_up = side.state == SideState::kClosed;
      if (side.state == SideState::kOpen) hit.sides[at].state = SideState::kGone;
      break;
    }
  }
  lives_[node].reset();
  for (NodeIndex peer = 0; peer < lives_.size(); ++peer)
    credit(node, peer);
}

void SmallWorld::restart(NodeIndex node) {
  ++tallies_[node].boots;
  const std::uint64_t life = derive_seed(derive_seed(seed_, node), tallies_[node].boots);
  lives_[node] = std::make_shared<Life>(*this, node, settings_of(node), RandomStream(life));
}

}  // namespace meshdict::sim
