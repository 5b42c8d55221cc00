#pragma once
#include <string>

#include "sim/plan.h"

namespace meshdict::sim {

/// An explicit plan as YAML: load_plan() reads it back, and with the same seed it gives the same run.
/// REQUIRES: `plan` comes from expand().
std::string to_yaml(const Plan& plan);

/// What stands behind the verb of an action, in one line: `{node: "ana", to: "bob"}`.
std::string arguments_yaml(const Plan& plan, const Action& action);

}  // namespace meshdict::sim
