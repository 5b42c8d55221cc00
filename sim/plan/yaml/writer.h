#pragma once
// Writes plans as YAML.

#include <string>

#include "sim/plan/plan.h"

namespace meshdict::sim {

/// A plan as YAML: load_plan() reads it back, and with the same seed it gives the same run.
/// REQUIRES: no step is relative, and there is no workload, as in the results of draw_plan() and expand().
std::string to_yaml(const Plan& plan);

/// What stands behind the verb of an action, in one line: `{node: "ana", to: "bob"}`.
std::string arguments_yaml(const Plan& plan, const Action& action);

}  // namespace meshdict::sim
