#pragma once
#include <yaml-cpp/yaml.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/links/end_reason.h"
#include "sim/plan/node_names.h"
#include "sim/plan/plan.h"
#include "sim/plan/yaml_reader.h"

namespace meshdict::sim {

/// The keys latency, jitter and bandwidth; what is absent stays as in `defaults`.
LinkPlan read_link(MapReader& map, const LinkPlan& defaults, PlanErrors& errors);

/// How YAML spells a reason: "wrong_network".
std::string_view word_of(EndReason reason);
/// All of them, in the order of EndReason.
const std::vector<std::string>& reason_words();

/// One entry of `steps`. Nothing when it has a mistake.
std::optional<Step> read_step(const YAML::Node& node, const NodeNames& nodes, const LinkPlan& links,
                              PlanErrors& errors);

}  // namespace meshdict::sim
