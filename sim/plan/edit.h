#pragma once
// Smaller and plainer variants of a plan.

#include <optional>

#include "sim/plan/plan.h"

namespace meshdict::sim {

/// The plan without a node, and without the steps that make no sense then. The nodes that join it join those that it
/// joins; when it joins nobody, the first of them takes its place. Nothing for the last two nodes.
/// REQUIRES: plan.join is kNone.
std::optional<Plan> without_node(const Plan& plan, NodeIndex node);

/// The plan without some of its steps.
Plan without_steps(const Plan& plan, std::size_t first, std::size_t count);

/// A round number of the largest unit that is no more than `time`: 3.72 s gives 3 s, 720 ms gives 700 ms.
Duration rounded(Duration time);

}  // namespace meshdict::sim
