#pragma once
// Smaller and plainer variants of a plan.

#include <functional>
#include <optional>
#include <vector>

#include "sim/plan/plan.h"

namespace meshdict::sim {

/// Calls `visit` with each NodeIndex, or list of them, by which a step names nodes. Not for partition and expect.
template <typename What, typename Visit>
void visit_members(What& what, const Visit& visit) {
  if constexpr (requires { what.node; }) visit(what.node);
  if constexpr (requires { what.from; }) visit(what.from);
  if constexpr (requires { what.to; }) visit(what.to);
  if constexpr (requires { what.of; }) visit(what.of);
  if constexpr (requires { what.a; }) visit(what.a);
  if constexpr (requires { what.b; }) visit(what.b);
  if constexpr (requires { what.owner; }) visit(what.owner);
  if constexpr (requires { what.nodes; }) visit(what.nodes);
}

/// Calls `visit` with each list of nodes of an action, and with each node that stands alone, owners apart.
void for_each_list(Action& action, const std::function<void(std::vector<NodeIndex>&)>& visit);
void for_each_place(Action& action, const std::function<void(NodeIndex&)>& visit);

/// The plan without a node, and without the steps that make no sense then. The nodes that join it join those that it joins;
/// when it joins nobody, the first of them takes its place. Nothing when only two nodes are left. REQUIRES: plan.join is kNone.
std::optional<Plan> without_node(const Plan& plan, NodeIndex node);

/// The plan without some of its steps.
Plan without_steps(const Plan& plan, std::size_t first, std::size_t count);

/// A round number of the largest unit that is no more than `time`: 3.72 s gives 3 s, 720 ms gives 700 ms.
Duration rounded(Duration time);

}  // namespace meshdict::sim
