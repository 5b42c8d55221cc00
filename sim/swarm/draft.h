#pragma once
// What the makers of swarm plans share: a plan under construction, and the draws that all make.

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>

#include "core/base/random.h"
#include "core/limits.h"
#include "sim/plan/plan.h"
#include "sim/swarm/swarm.h"

namespace meshdict::sim {

/// Bytes of the largest value that is a text, without its MessagePack header.
inline constexpr std::uint64_t kLargestText = limits::kMaxValue - 5;

inline DurationRange fixed(Duration value) {
  return {value, value};
}

/// At a fixed time; undone that much later, if it lasts.
inline Step step_of(Duration at, Action action, std::optional<Duration> lasts) {
  Step step;
  step.at = fixed(at);
  step.action = std::move(action);
  if (lasts) step.lasts = fixed(*lasts);
  return step;
}

/// A plan under construction, with the draws that all ranges make.
class Draft {
 public:
  explicit Draft(RandomStream& random) : random_(random) {}

  Duration time(Duration low, Duration high) { return Duration(random_.between(low.count(), high.count())); }
  std::uint64_t number(std::uint64_t low, std::uint64_t high) { return low + random_.below(high - low + 1); }
  bool chance(std::uint64_t of, std::uint64_t in) { return random_.chance(of, in); }
  NodeIndex any() { return static_cast<NodeIndex>(random_.below(plan.nodes.size())); }
  NodeIndex another(NodeIndex than) {
    return static_cast<NodeIndex>((than + 1 + random_.below(plan.nodes.size() - 1)) % plan.nodes.size());
  }

  /// Each joins one of those before it.
  void nodes(std::uint64_t count, const NodePlan& like) {
    for (std::uint64_t i = 0; i < count; ++i) {
      NodePlan node = like;
      node.name = fmt::format("n{}", i + 1);
      node.start = fixed(time(0s, 1s));
      if (i > 0) node.join.push_back(static_cast<NodeIndex>(random_.below(i)));
      plan.nodes.push_back(std::move(node));
    }
  }
  void links(Duration fastest, Duration slowest) {
    const Duration low = time(fastest, slowest);
    plan.links.latency = {low, time(low, slowest)};
    plan.links.jitter = fixed(time(0ms, 10ms));
  }
  void add(Duration at, Action action, std::optional<Duration> lasts = std::nullopt) {
    plan.steps.push_back(step_of(at, std::move(action), lasts));
  }
  /// A value that nothing else writes.
  std::string value() { return fmt::format("v{}", ++values_); }
  /// A write at any node.
  SetStep write(std::string key) { return {.node = any(), .key = std::move(key), .value = value()}; }
  void set(Duration at, NodeIndex node, std::string key) {
    add(at, SetStep{.node = node, .key = std::move(key), .value = value()});
  }
  void unpromised(std::initializer_list<Property> properties) {
    std::erase_if(plan.check, [&](Property one) { return std::ranges::find(properties, one) != properties.end(); });
  }
  Plan finish(Duration more_quiet = {}) {
    std::ranges::stable_sort(plan.steps, {}, [](const Step& step) { return step.at.low; });
    plan.quiet = settle_bound(plan) + more_quiet;
    return std::move(plan);
  }

  Plan plan;

 private:
  RandomStream& random_;
  int values_ = 0;
};

inline NodePlan short_leases(Draft& draft) {
  NodePlan node;
  node.skew = draft.time(100ms, 2s);
  node.lease = 9 * node.skew + draft.time(1s, 15s);
  node.settle = draft.time(300ms, 2s);
  return node;
}

}  // namespace meshdict::sim
