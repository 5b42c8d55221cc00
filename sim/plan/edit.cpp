#include "sim/plan/edit.h"

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

namespace meshdict::sim {
namespace {

/// Takes a node out of an action, and gives those behind it the numbers that they have then.
class NodeRemoval {
 public:
  explicit NodeRemoval(NodeIndex node) : gone_(node) {}

  /// False when nothing is left of the action.
  bool remove_from(Action& action) {
    return std::visit([this](auto& what) { return remove(what); }, action);
  }

  bool renumber(NodeIndex& node) const {
    if (node == gone_) return false;
    if (node != kNobody && node > gone_) --node;
    return true;
  }
  /// False when none is left.
  bool renumber(std::vector<NodeIndex>& nodes) const {
    std::erase(nodes, gone_);
    for (NodeIndex& node : nodes)
      renumber(node);
    return !nodes.empty();
  }

 private:
  template <typename What>
  bool remove(What& what) const {
    bool makes_sense = true;
    visit_members(what, [&](auto& nodes) { makes_sense = renumber(nodes) && makes_sense; });
    return makes_sense;
  }
  bool remove(PartitionStep& what) const {
    std::erase_if(what.groups, [this](auto& group) { return !renumber(group); });
    return !what.groups.empty();
  }
  bool remove(ExpectStep& what) const {
    Expectation left = *what.what;
    bool makes_sense = renumber(left.nodes) && renumber(left.owner) && renumber(left.refused_who);
    for (auto* others : {&left.linked, &left.not_linked})
      makes_sense = (others->empty() || renumber(*others)) && makes_sense;
    what.what = std::make_shared<const Expectation>(std::move(left));
    return makes_sense;
  }

  NodeIndex gone_;
};

/// The nodes that joined `gone` join what it joined, or the first of them.
void inherit_joins(std::vector<NodePlan>& nodes, NodeIndex gone) {
  std::vector<NodeIndex> heirs = nodes[gone].join;
  for (NodeIndex node = 0; node < nodes.size(); ++node) {
    std::vector<NodeIndex>& join = nodes[node].join;
    if (node == gone || std::erase(join, gone) == 0) continue;
    if (heirs.empty()) {
      heirs.push_back(node);
      continue;
    }
    for (const NodeIndex heir : heirs)
      if (heir != node && std::ranges::find(join, heir) == join.end()) join.push_back(heir);
  }
}

}  // namespace

namespace {

/// The lists and the single nodes of an action.
struct Places {
  std::function<void(NodeIndex&)> one;
  std::function<void(std::vector<NodeIndex>&)> list;

  template <typename What>
  void operator()(What& what) const {
    visit_members(what, *this);
  }
  void operator()(PartitionStep& what) const {
    for (std::vector<NodeIndex>& group : what.groups)
      list(group);
  }
  void operator()(ExpectStep& what) const {
    Expectation changed = *what.what;
    list(changed.nodes);
    what.what = std::make_shared<const Expectation>(std::move(changed));
  }
  void operator()(NodeIndex& node) const { one(node); }
  void operator()(std::vector<NodeIndex>& nodes) const { list(nodes); }
};

}  // namespace

void for_each_list(Action& action, const std::function<void(std::vector<NodeIndex>&)>& visit) {
  std::visit(Places{.one = [](NodeIndex&) {}, .list = visit}, action);
}

void for_each_place(Action& action, const std::function<void(NodeIndex&)>& visit) {
  const auto each = [&](std::vector<NodeIndex>& nodes) {
    for (NodeIndex& node : nodes)
      visit(node);
  };
  std::visit(Places{.one = visit, .list = each}, action);
}

std::optional<Plan> without_node(const Plan& plan, NodeIndex node) {
  if (plan.nodes.size() <= 2) return std::nullopt;
  Plan left = plan;
  NodeRemoval removal(node);
  inherit_joins(left.nodes, node);
  left.nodes.erase(left.nodes.begin() + node);
  for (NodePlan& other : left.nodes)
    removal.renumber(other.join);
  std::erase_if(left.steps, [&](Step& step) {
    if (!removal.remove_from(step.action)) return true;
    return step.when && !(removal.renumber(step.when->node) && removal.renumber(step.when->who));
  });
  for (SitePlan& site : left.sites)
    removal.renumber(site.nodes);
  return left;
}

Plan without_steps(const Plan& plan, std::size_t first, std::size_t count) {
  Plan left = plan;
  const auto from = left.steps.begin() + static_cast<std::ptrdiff_t>(first);
  left.steps.erase(from, from + static_cast<std::ptrdiff_t>(count));
  return left;
}

Duration rounded(Duration time) {
  static constexpr std::array<Duration, 7> kUnits = {1h, 1min, 10s, 1s, 100ms, 10ms, 1ms};
  for (const Duration unit : kUnits)
    if (time >= unit) return time / unit * unit;
  return time;
}

}  // namespace meshdict::sim
