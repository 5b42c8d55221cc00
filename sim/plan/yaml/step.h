#pragma once
// Reads the steps of a plan, and its network, from YAML.

#include <yaml-cpp/yaml.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/plan/plan.h"
#include "sim/plan/yaml/node_names.h"
#include "sim/plan/yaml/reader.h"

namespace meshdict::sim {

/// The keys latency, jitter and bandwidth; what is absent stays as in `defaults`.
LinkPlan read_link(MapReader& map, const LinkPlan& defaults, PlanErrors& errors);

/// Complains of links that are too slow for the simulator.
void check_link(const LinkPlan& link, const YAML::Mark& mark, PlanErrors& errors);
/// Reads `network` into the plan's links and sites.
void read_network(const YAML::Node& node, const NodeNames& names, Plan& plan, PlanErrors& errors);

/// What the steps of a plan speak of.
struct StepContext {
  const NodeNames& nodes;
  /// The plan so far, for its links and sites.
  const Plan& plan;
  /// The moments to which the steps so far give a name.
  std::vector<std::string> moments{};
  /// The moments since which steps count something; they may be named anywhere in the plan.
  std::vector<std::pair<std::string, YAML::Mark>> counted_since{};
};

/// One entry of `steps`. Nothing when it has a mistake.
std::optional<Step> read_step(const YAML::Node& node, StepContext& context, PlanErrors& errors);

/// What the plan says of the link between two nodes.
const LinkPlan& link_between(const Plan& plan, NodeIndex a, NodeIndex b);

}  // namespace meshdict::sim
