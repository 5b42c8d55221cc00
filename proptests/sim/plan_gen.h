#pragma once
// Random plans for properties: small meshes, client operations, and faults that end long before the run does.

#include <rapidcheck.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

#include "sim/plan/plan.h"
#include "sim/plan/yaml/writer.h"

namespace meshdict::sim {

/// RapidCheck shows a failing plan as YAML, ready for `meshdict-sim run`.
inline void showValue(const Plan& plan, std::ostream& os) {
  os << '\n' << to_yaml(expand(plan, 1));
}

}  // namespace meshdict::sim

namespace meshdict::test {

using namespace meshdict::sim;

inline rc::Gen<Duration> between(Duration low, Duration high) {
  return rc::gen::map(rc::gen::inRange<std::int64_t>(low.count(), high.count() + 1),
                      [](std::int64_t micros) { return Duration(micros); });
}

inline DurationRange at(Duration time) {
  return {time, time};
}

/// Nodes that each know one of those before them, with clocks that differ by at most what is allowed. Half of the meshes have
/// leases so short that they lapse during the run.
inline Plan any_mesh(NodeIndex least, NodeIndex most) {
  Plan plan;
  plan.name = "random";
  const auto count = *rc::gen::inRange<NodeIndex>(least, most + 1);
  const auto leasing = *rc::gen::weightedElement<Leasing>({{3, Leasing::kOn}, {1, Leasing::kOff}});
  const bool short_leases = *rc::gen::arbitrary<bool>();
  for (NodeIndex i = 0; i < count; ++i) {
    NodePlan node;
    if (short_leases) {
      node.lease = 12s;
      node.skew = 1s;
    }
    node.name = "n" + std::to_string(i + 1);
    node.leasing = leasing;
    node.start = at(*between(0s, 2s));
    node.clock = at(*between(-node.skew / 2, node.skew / 2));
    if (i > 0) node.join.push_back(*rc::gen::inRange<NodeIndex>(0, i));
    plan.nodes.push_back(node);
  }
  plan.links.latency = {1ms, *between(1ms, 150ms)};
  plan.links.jitter = at(*between(0ms, 50ms));
  plan.links.bandwidth = *rc::gen::weightedElement<std::uint64_t>({{3, 0}, {1, 50'000}});
  return plan;
}

inline std::string any_key() {
  return "k" + std::to_string(*rc::gen::inRange(0, 4));
}

/// REQUIRES: two nodes at the least.
inline NodeIndex another(NodeIndex than, NodeIndex nodes) {
  return (than + *rc::gen::inRange<NodeIndex>(1, nodes)) % nodes;
}

inline Action any_operation(NodeIndex nodes) {
  const auto node = *rc::gen::inRange<NodeIndex>(0, nodes);
  const NodeIndex other = another(node, nodes);
  switch (*rc::gen::weightedElement<int>({{6, 0}, {2, 1}, {3, 2}, {1, 3}, {1, 4}})) {
    case 0:
      return SetStep{.node = node, .key = any_key(), .value = "v" + std::to_string(*rc::gen::inRange(0, 1000))};
    case 1:
      return DeleteStep{node, any_key(), Outcome::kAny, kNobody};
    case 2:
      return BroadcastStep{node, "text"};
    case 3:
      return WhisperStep{node, other, "text"};
    default:
      return ConnectStep{node, *rc::gen::inRange<NodeIndex>(0, nodes)};
  }
}

/// A fault with its own end, if it needs one.
inline Step any_fault(NodeIndex nodes) {
  Step step;
  const auto node = *rc::gen::inRange<NodeIndex>(0, nodes);
  switch (*rc::gen::inRange(0, 4)) {
    case 0: {
      PartitionStep partition;
      partition.groups.emplace_back();
      for (NodeIndex i = 0; i < nodes; ++i) {
        if (*rc::gen::arbitrary<bool>()) partition.groups.back().push_back(i);
      }
      partition.reset = *rc::gen::arbitrary<bool>();
      step.action = partition;
      step.lasts = at(*between(10ms, 40s));
      break;
    }
    case 1:
      step.action = ResetStep{node, another(node, nodes)};
      break;
    case 2:
      step.action = CrashStep{node, *rc::gen::arbitrary<bool>()};
      step.lasts = at(*between(1ms, 20s));
      break;
    default: {
      LinkStep link;
      link.a = node;
      link.link.latency = at(*between(1ms, 500ms));
      link.link.jitter = at(*between(0ms, 100ms));
      step.action = link;
    }
  }
  return step;
}

/// At most one crash of a node: a restart of one that is up would be a mistake of the plan.
inline void drop_second_crashes(std::vector<Step>& steps) {
  std::vector<NodeIndex> crashed;
  std::erase_if(steps, [&](const Step& step) {
    const auto* crash = std::get_if<CrashStep>(&step.action);
    if (crash == nullptr) return false;
    if (std::find(crashed.begin(), crashed.end(), crash->node) != crashed.end()) return true;
    crashed.push_back(crash->node);
    return false;
  });
}

inline rc::Gen<Plan> any_plan(NodeIndex most_nodes, bool faults) {
  return rc::gen::exec([most_nodes, faults] {
    Plan plan = any_mesh(2, most_nodes);
    const auto nodes = static_cast<NodeIndex>(plan.nodes.size());
    plan.steps = *rc::gen::container<std::vector<Step>>(rc::gen::exec([nodes, faults] {
      Step step;
      if (faults && *rc::gen::inRange(0, 4) == 0) {
        step = any_fault(nodes);
      } else {
        step.action = any_operation(nodes);
      }
      step.at = at(*between(3s, 40s));
      return step;
    }));
    drop_second_crashes(plan.steps);
    // Long enough to notice the last fault (15 s), to back off (10 s) and for an anti-entropy session with each neighbour.
    plan.quiet = 120s;
    return plan;
  });
}

}  // namespace meshdict::test
