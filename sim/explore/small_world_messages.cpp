// Messages in a SmallWorld: how they are said, and which of them may be lost (invariant 7).

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "core/encoding/value.h"
#include "core/limits.h"
#include "sim/explore/small_world.h"
#include "sim/explore/small_world_life.h"

namespace meshdict::sim {

bool SmallWorld::may_say(NodeIndex from, NodeIndex to) const {
  return ways_[index(from, to)].says_left > 0 && used(from, to).has_value();
}

/// The messages that can be said now.
std::vector<Choice> SmallWorld::says() const {
  std::vector<Choice> found;
  if (plan_.says.empty()) return found;
  const auto count = static_cast<NodeIndex>(plan_.nodes.size());
  for (NodeIndex from = 0; from < count; ++from) {
    for (NodeIndex to = 0; to < count; ++to) {
      if (may_say(from, to)) found.push_back({.act = Act::kSay, .node = from, .peer = to});
    }
  }
  return found;
}

void SmallWorld::say(NodeIndex from, NodeIndex to) {
  --ways_[index(from, to)].says_left;
  Links& links = links_of(from);
  const Raw packet = bytes_value("text");
  links.whisper(*links.pair(ids_->at(to))->primary, UserMessage{.packets = {packet}});
}

/// Whether a fault has hit the connection, or it is too slow. A fault shows: an end is deaf or forgotten, or has yet to hear of a reset.
bool SmallWorld::is_broken(const Wire& wire) {
  return wire.given_up || std::ranges::any_of(wire.sides, [](const Side& side) {
           const auto is_reset = [](const Packet& packet) { return packet.thing == Thing::kReset; };
           return side.deaf || side.state == SideState::kGone || std::ranges::any_of(side.inbox, is_reset);
         });
}

/// Whether something is on its way to this end for longer than even a retired link must wait, or the hello exchange takes longer than
/// it may.
bool SmallWorld::is_overdue(const Side& side) const {
  if (plan_.says.empty()) return false;
  if (!side.round_trip && clock_.now - side.opened >= limits::kHelloDeadline) return true;
  const Duration round_trip = side.round_trip.value_or(Duration::zero());
  const Duration patience = std::max(limits::kLinger, limits::kLingerRoundTrips * round_trip);
  return !side.inbox.empty() && clock_.now - side.inbox.front().sent >= patience;
}

/// What was on its way to this end will never be read there.
void SmallWorld::lose(const Wire& wire, std::size_t to, const Packet& packet) {
  if (packet.opened == nullptr || !packet.opened->is<UserMessage>() || is_broken(wire)) return;
  const Side& side = wire.sides[to];
  // A fault has left its sender nothing but what was not kept.
  if ((faults_struck() > 0 || was_too_slow_) && !is_link(side.node, wire)) return;
  misdeeds_.push_back(fmt::format("what {} said on {}#{} is lost: {} does not read it any more",
                                  plan_.nodes[wire.sides[1 - to].node], plan_.nodes[wire.name.of], wire.name.count,
                                  plan_.nodes[side.node]));
}

/// The other links of the pair will not be kept, and both ends know it as soon as `told` has answered.
void SmallWorld::note_choice(NodeIndex told, ItemName kept) {
  if (plan_.says.empty()) return;
  const Wire& chosen = wires_.at(kept);
  const NodeIndex peer = chosen.sides[chosen.sides[0].node == told ? 1 : 0].node;
  for (const Wire& wire : wires_.all()) {
    const bool ours =
        std::ranges::all_of(wire.sides, [&](const Side& side) { return side.node == told || side.node == peer; });
    if (ours && wire.name != kept && is_link(told, wire) && is_link(peer, wire)) {
      wires_.change(wire.name).passed_over = clock_.now;
    }
  }
}

void SmallWorld::note_end(const Wire& wire, NodeIndex closes) {
  if (!wire.passed_over || clock_.now == *wire.passed_over || spent_ != FaultBudget{}) return;
  misdeeds_.push_back(fmt::format("{} has waited on {}#{}, though both ends knew that it is not kept",
                                  plan_.nodes[closes], plan_.nodes[wire.name.of], wire.name.count));
}

}  // namespace meshdict::sim
