#include "sim/oracles/mesh.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace meshdict::sim {
namespace {

using Pair = std::pair<NodeIndex, NodeIndex>;

const std::string& name(const Hosts& hosts, NodeIndex node) {
  return hosts[node]->plan().name;
}

// (a, b) when a lists b as its neighbour.
std::set<Pair> neighbour_pairs(const Hosts& hosts, const Identities& identities, std::vector<ConnectionFault>& faults) {
  std::set<Pair> pairs;
  for (NodeIndex node = 0; node < hosts.size(); ++node) {
    if (!hosts[node]->up()) continue;
    for (const NeighbourView& neighbour : hosts[node]->engine().neighbours()) {
      const auto found = identities.find(neighbour.id);
      if (found == identities.end()) {
        faults.push_back({{name(hosts, node)}, fmt::format("lists an unknown neighbour {}", neighbour.id.brief())});
        continue;
      }
      if (!pairs.insert({node, found->second}).second) {
        faults.push_back({{name(hosts, node), name(hosts, found->second)}, "lists the other twice"});
      }
    }
  }
  return pairs;
}

}  // namespace

std::vector<ConnectionFault> connection_faults(const Hosts& hosts, const Network& network,
                                               const Identities& identities) {
  std::vector<ConnectionFault> faults;
  std::map<Pair, std::set<std::uint64_t>> connections;
  for (const auto& [dialer, acceptor, number] : network.open_connections()) {
    connections[{std::min(dialer, acceptor), std::max(dialer, acceptor)}].insert(number);
  }
  const std::set<Pair> pairs = neighbour_pairs(hosts, identities, faults);
  for (const auto& [pair, numbers] : connections) {
    const auto [a, b] = pair;
    if (numbers.size() > 1) {
      // By their numbers: the same nodes may have another duplicate later.
      faults.push_back({{name(hosts, a), name(hosts, b)},
                        fmt::format("{} connections between them: c{}", numbers.size(), fmt::join(numbers, ", c"))});
    }
    if (a == b) faults.push_back({{name(hosts, a)}, "is connected to itself"});
  }
  for (const auto& [a, b] : pairs) {
    if (!pairs.contains({b, a})) {
      faults.push_back({{name(hosts, a), name(hosts, b)}, "the first lists the second, not the other way round"});
    }
    if (!connections.contains({std::min(a, b), std::max(a, b)})) {
      faults.push_back({{name(hosts, a), name(hosts, b)}, "the first lists the second, without a connection"});
    }
  }
  for (const Society& society : societies(hosts, network)) {
    for (const NodeIndex node : society) {
      if (society.size() > 1 && hosts[node]->engine().neighbours().empty()) {
        faults.push_back({{name(hosts, node)}, fmt::format("no neighbour, of {} nodes", society.size())});
      }
    }
  }
  std::sort(faults.begin(), faults.end());
  return faults;
}

void check_connected(const Hosts& hosts, const Network& network, const Identities& identities, Findings& findings) {
  for (const Society& society : societies(hosts, network)) {
    std::vector<bool> reached(hosts.size(), false);
    std::vector<NodeIndex> open = {society.front()};
    reached[society.front()] = true;
    while (!open.empty()) {
      const NodeIndex node = open.back();
      open.pop_back();
      for (const NeighbourView& neighbour : hosts[node]->engine().neighbours()) {
        const auto found = identities.find(neighbour.id);
        if (found == identities.end() || reached[found->second] || !hosts[found->second]->up()) continue;
        reached[found->second] = true;
        open.push_back(found->second);
      }
    }
    std::vector<std::string> missing;
    for (const NodeIndex node : society) {
      if (!reached[node]) missing.push_back(name(hosts, node));
    }
    if (missing.empty()) continue;
    const std::size_t count = missing.size();
    findings.add(
        "connected", std::move(missing),
        fmt::format("{} of {} nodes are in another mesh than {}", count, society.size(), name(hosts, society.front())));
  }
}

}  // namespace meshdict::sim
