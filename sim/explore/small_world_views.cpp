// What can happen next in a SmallWorld, what is wrong with it, and how it is told from other states.

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <iterator>
#include <numeric>

#include "core/encoding/frame.h"
#include "sim/explore/small_world.h"
#include "sim/explore/small_world_life.h"
#include "sim/trace/trace.h"

namespace meshdict::sim {

const Connection* SmallWorld::connection(NodeIndex node, const Wire& wire) const {
  return up(node) ? lives_[node]->links.find(id_of(wire.name)) : nullptr;
}

bool SmallWorld::is_link(NodeIndex node, const Wire& wire) const {
  const Connection* const conn = connection(node, wire);
  return conn != nullptr && conn->established();
}

Duration SmallWorld::next_deadline() const {
  Duration next = Duration::max();
  for (const auto& life : lives_) {
    if (life != nullptr) next = std::min(next, life->links.next_deadline().time_since_epoch());
  }
  return next;
}

bool SmallWorld::due(NodeIndex node) const {
  return up(node) && lives_[node]->links.next_deadline() <= clock_.monotonic();
}

bool SmallWorld::may_redial(NodeIndex node, NodeIndex peer) const {
  if (ways_[index(node, peer)].redials == 0 || !up(node) || !up(peer)) return false;
  return std::ranges::none_of(wires_.all(), [&](const Wire& wire) {
    for (const std::size_t i : {0U, 1U}) {
      if (wire.sides[i].node != node || wire.sides[1 - i].node != peer) continue;
      const Connection* const conn = connection(node, wire);
      if (conn != nullptr && conn->state != ConnState::kRetired) return true;
    }
    return false;
  });
}

/// All that happens some time whatever else does: dials, and what is on its way.
void SmallWorld::add_arrivals(std::vector<Choice>& found) const {
  const auto count = static_cast<NodeIndex>(plan_.nodes.size());
  for (NodeIndex from = 0; from < count; ++from) {
    for (NodeIndex to = 0; to < count; ++to) {
      if (ways_[index(from, to)].dials_left > 0 && up(from))
        found.push_back({.act = Act::kDial, .node = from, .peer = to});
      if (may_redial(from, to)) found.push_back({.act = Act::kRedial, .node = from, .peer = to});
    }
  }
  for (const Wire& wire : wires_.all()) {
    const Side& acceptor = wire.sides[1];
    if (acceptor.state == SideState::kWaiting && up(acceptor.node)) {
      found.push_back({.act = Act::kAccept, .node = acceptor.node, .item = wire.name});
    }
    for (const Side& side : wire.sides) {
      if (deliverable(side)) found.push_back({.act = Act::kDeliver, .node = side.node, .item = wire.name});
    }
  }
}

std::vector<Choice> SmallWorld::choices() const {
  std::vector<Choice> found;
  add_arrivals(found);
  const bool busy = !found.empty();
  std::ranges::copy(says(), std::back_inserter(found));
  const auto count = static_cast<NodeIndex>(plan_.nodes.size());
  bool any_due = false;
  for (NodeIndex node = 0; node < count; ++node) {
    if (due(node)) {
      found.push_back({.act = Act::kTick, .node = node});
      any_due = true;
    }
    if (!up(node)) found.push_back({.act = Act::kRestart, .node = node});
  }
  const bool time_may_pass = !any_due && (!busy || spent_.late < plan_.faults.late) &&
                             next_deadline() != Duration::max() && (busy || !quiet());
  if (time_may_pass) found.push_back({.act = Act::kTime});
  add_faults(found);
  return found;
}

void SmallWorld::add_faults(std::vector<Choice>& found) const {
  const FaultBudget& most = plan_.faults;
  if (faults_struck() >= most.in_all) return;
  for (const Wire& wire : wires_.all()) {
    const auto& [dialer, acceptor] = wire.sides;
    const bool whole =
        dialer.state == SideState::kOpen && acceptor.state == SideState::kOpen && !dialer.deaf && !acceptor.deaf;
    if (!whole) continue;
    if (spent_.reset < most.reset) found.push_back({.act = Act::kReset, .item = wire.name});
    if (spent_.half_open >= most.half_open) continue;
    found.push_back({.act = Act::kHalfOpen, .node = dialer.node, .item = wire.name});
    found.push_back({.act = Act::kHalfOpen, .node = acceptor.node, .item = wire.name});
  }
  if (spent_.crash >= most.crash) return;
  for (NodeIndex node = 0; node < lives_.size(); ++node) {
    if (up(node)) found.push_back({.act = Act::kCrash, .node = node});
  }
}

bool SmallWorld::at_rest() const {
  return std::ranges::none_of(lives_, [](const auto& life) { return life == nullptr; }) &&
         std::ranges::none_of(ways_, [](const Way& way) { return way.dials_left > 0; }) && quiet() && says().empty();
}

bool SmallWorld::quiet() const {
  const bool wires_quiet = std::ranges::all_of(wires_.all(), [&](const Wire& wire) {
    return std::ranges::all_of(wire.sides, [&](const Side& side) {
      if (side.state != SideState::kOpen || side.deaf || !side.inbox.empty()) return false;
      const Connection* const conn = connection(side.node, wire);
      return conn != nullptr && conn->established() && !conn->probe_started && !conn->late;
    });
  });
  if (!wires_quiet) return false;
  const auto count = static_cast<NodeIndex>(plan_.nodes.size());
  for (NodeIndex from = 0; from < count; ++from) {
    for (NodeIndex to = 0; to < count; ++to) {
      if (may_redial(from, to)) return false;
    }
  }
  return true;
}

std::optional<ItemName> SmallWorld::used(NodeIndex node, NodeIndex peer) const {
  if (!up(node)) return std::nullopt;
  const Pair* const pair = lives_[node]->links.pair(ids_->at(peer));
  if (pair == nullptr) return std::nullopt;
  const Py2pRule* const py2p = lives_[node]->policy.py2p();
  if (py2p != nullptr && py2p->entry_is_dead(ids_->at(peer))) return std::nullopt;
  return name_of(pair->primary->id);
}

bool SmallWorld::reaches(NodeIndex node, NodeIndex peer) const {
  const auto way = used(node, peer);
  return way && std::ranges::none_of(wires_.at(*way).sides,
                                     [](const Side& side) { return side.deaf || side.state != SideState::kOpen; });
}

bool SmallWorld::linked(NodeIndex a, NodeIndex b) const {
  return reaches(a, b) && used(a, b) == used(b, a);
}

std::string SmallWorld::look() const {
  std::string text;
  for (const Wire& wire : wires_.all()) {
    const auto& [dialer, acceptor] = wire.sides;
    text += fmt::format("{}>{}{} ", plan_.nodes[dialer.node], plan_.nodes[acceptor.node],
                        linked(dialer.node, acceptor.node) ? "" : "!");
  }
  return text;
}

std::size_t SmallWorld::open_between(NodeIndex a, NodeIndex b) const {
  return static_cast<std::size_t>(std::ranges::count_if(wires_.all(), [&](const Wire& wire) {
    const auto& [dialer, acceptor] = wire.sides;
    const bool ours = (dialer.node == a && acceptor.node == b) || (dialer.node == b && acceptor.node == a);
    return ours && !dialer.deaf && !acceptor.deaf && is_link(a, wire) && is_link(b, wire);
  }));
}

std::vector<std::string> SmallWorld::wrongs_of(NodeIndex a, NodeIndex b, bool final) const {
  const std::string who = plan_.nodes[a] + " and " + plan_.nodes[b];
  const std::size_t open = open_between(a, b);
  if (open > 0 && plan_.prompt && !final && !(reaches(a, b) && reaches(b, a))) {
    return {who + " do not reach each other, though a connection is open"};
  }
  if (!final) return {};
  if (open == 0) return {who + " have no connection"};
  if (open > 1) return {fmt::format("{} have {} connections", who, open)};
  if (!linked(a, b)) return {who + " do not both use their connection"};
  return {};
}

std::vector<std::string> SmallWorld::wrongs() const {
  if (!misdeeds_.empty()) return misdeeds_;
  std::vector<Choice> coming;
  add_arrivals(coming);
  const auto count = static_cast<NodeIndex>(plan_.nodes.size());
  for (NodeIndex node = 0; node < count; ++node) {
    if (!coming.empty() || due(node)) return {};
  }
  const bool final = at_rest() || choices().empty();
  std::vector<std::string> found;
  for (NodeIndex a = 0; a < count; ++a) {
    for (NodeIndex b = a + 1; b < count; ++b) {
      if (!wanted(a, b) && !wanted(b, a)) continue;
      for (std::string& wrong : wrongs_of(a, b, final))
        found.push_back(std::move(wrong));
    }
  }
  return found;
}

}  // namespace meshdict::sim
