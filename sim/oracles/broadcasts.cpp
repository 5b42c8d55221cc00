#include "sim/oracles/broadcasts.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/trace/trace.h"

namespace meshdict::sim {
namespace {

/// Clocks for which broadcasts are promised.
constexpr Duration kClocksWithin = 30s;

template <typename Links>
auto position(Links& links, NodeIndex peer) {
  return std::lower_bound(links.begin(), links.end(), peer,
                          [](const auto& link, NodeIndex wanted) { return link.peer < wanted; });
}

}  // namespace

BroadcastOracle::BroadcastOracle(const Hosts& hosts, const Network& network, const EventQueue& world,
                                 Findings& findings)
    : hosts_(hosts), network_(network), world_(world), findings_(findings), links_(hosts.size()) {}

void BroadcastOracle::sent(NodeIndex origin) {
  broadcasts_.push_back({origin, world_.now(), std::vector<bool>(hosts_.size(), false)});
}

void BroadcastOracle::delivered(NodeIndex node, std::uint64_t number) {
  const std::string& name = hosts_[node]->plan().name;
  if (number >= broadcasts_.size()) {
    findings_.add("B1", {name}, fmt::format("broadcast {} arrived, which nobody has sent", number));
    return;
  }
  Broadcast& broadcast = broadcasts_[number];
  // A node that has restarted since has forgotten what it had sent and got.
  const bool remembers = hosts_[node]->alive_since() <= broadcast.at;
  if (remembers && broadcast.origin == node) {
    findings_.add("B1", {name}, fmt::format("its own broadcast {} came back to it", number));
  }
  if (remembers && broadcast.got[node]) {
    findings_.add("B1", {name}, fmt::format("broadcast {} arrived a second time", number));
  }
  broadcast.got[node] = true;
}

void BroadcastOracle::check(std::uint64_t number) {
  Broadcast& broadcast = broadcasts_[number];
  const VirtualClock& origin_clock = hosts_[broadcast.origin]->clock();
  std::vector<bool> reached(hosts_.size(), false);
  std::vector<NodeIndex> open;
  if (!hosts_[broadcast.origin]->hampered()) open.push_back(broadcast.origin);
  reached[broadcast.origin] = true;
  std::vector<std::string> missing;
  while (!open.empty()) {
    const NodeIndex node = open.back();
    open.pop_back();
    if (node != broadcast.origin && !broadcast.got[node]) missing.push_back(hosts_[node]->plan().name);
    for (const Link& link : links_[node]) {
      if (reached[link.peer] || link.since >= broadcast.at) continue;
      if (!up_since(link.peer, node, broadcast.at) || network_.blocked(node, link.peer)) continue;
      if (largest_difference(hosts_[link.peer]->clock(), origin_clock) > kClocksWithin) continue;
      if (hosts_[link.peer]->hampered() || is_doubtful(node, link.peer, broadcast.at)) continue;
      reached[link.peer] = true;
      open.push_back(link.peer);
    }
  }
  if (missing.empty()) return;
  std::sort(missing.begin(), missing.end());
  findings_.add("B1", missing,
                fmt::format("broadcast {} of {} at {} s has not arrived there, although the links stayed up", number,
                            hosts_[broadcast.origin]->plan().name, seconds_text(broadcast.at)));
}

void BroadcastOracle::peer_up(NodeIndex node, NodeIndex peer) {
  auto& links = links_[node];
  const auto at = position(links, peer);
  if (at != links.end() && at->peer == peer) {
    at->since = world_.now();
  } else {
    links.insert(at, {peer, world_.now()});
  }
}

void BroadcastOracle::peer_down(NodeIndex node, NodeIndex peer) {
  auto& links = links_[node];
  const auto at = position(links, peer);
  if (at != links.end() && at->peer == peer) links.erase(at);
}

BroadcastOracle::Link* BroadcastOracle::find(NodeIndex node, NodeIndex peer) {
  auto& links = links_[node];
  const auto at = position(links, peer);
  return at != links.end() && at->peer == peer ? &*at : nullptr;
}

bool BroadcastOracle::up_since(NodeIndex node, NodeIndex peer, Duration at) const {
  const auto& links = links_[node];
  const auto found = position(links, peer);
  return found != links.end() && found->peer == peer && found->since < at;
}

void BroadcastOracle::disturbed(NodeIndex a, NodeIndex b) {
  if (Link* link = find(a, b)) link->since = world_.now();
  if (Link* link = find(b, a)) link->since = world_.now();
}

void BroadcastOracle::node_disturbed(NodeIndex node) {
  for (Link& link : links_[node]) {
    link.since = world_.now();
    if (Link* back = find(link.peer, node)) back->since = world_.now();
  }
}

void BroadcastOracle::doubtful(NodeIndex a, NodeIndex b, Duration until) {
  doubts_.push_back({a, b, until});
}

bool BroadcastOracle::is_doubtful(NodeIndex a, NodeIndex b, Duration at) const {
  return std::ranges::any_of(doubts_, [&](const Doubt& doubt) {
    return at <= doubt.until && ((doubt.a == a && doubt.b == b) || (doubt.a == b && doubt.b == a));
  });
}

void BroadcastOracle::disturbed_blocked(Duration until) {
  for (NodeIndex node = 0; node < links_.size(); ++node) {
    for (Link& link : links_[node]) {
      if (network_.blocked(node, link.peer)) link.since = until;
    }
  }
}

}  // namespace meshdict::sim
