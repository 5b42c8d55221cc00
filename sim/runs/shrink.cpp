#include "sim/runs/shrink.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <utility>
#include <vector>

#include "core/record/mesh_settings.h"
#include "sim/plan/edit.h"

namespace meshdict::sim {
namespace {

bool is_valid(const NodePlan& node) {
  return check_lease(node).has_value();
}

class Shrinker {
 public:
  Shrinker(Plan plan, const Fails& fails, std::uint64_t most_tries)
      : best_(std::move(plan)), fails_(fails), most_tries_(most_tries) {}

  Shrunk run() {
    do {
      changed_ = false;
      drop_nodes();
      drop_steps();
      close_gaps();
      shorten();
      plainer_steps();
      plainer_nodes();
      plainer_links();
    } while (changed_ && tries_ < most_tries_);
    return {.plan = std::move(best_), .tries = tries_};
  }

 private:
  bool accept(Plan candidate) {
    if (tries_ == most_tries_) return false;
    ++tries_;
    if (!fails_(candidate)) return false;
    best_ = std::move(candidate);
    changed_ = true;
    return true;
  }
  /// Tries the plan with one thing changed.
  template <typename Change>
  bool attempt(const Change& change) {
    Plan candidate = best_;
    change(candidate);
    return accept(std::move(candidate));
  }
  /// The same, when the value is not that already.
  template <typename Place, typename Value>
  bool set(const Place& place, const Value& value) {
    if (place(best_) == value) return false;
    return attempt([&](Plan& plan) { place(plan) = value; });
  }

  void drop_nodes() {
    for (auto node = static_cast<NodeIndex>(best_.nodes.size()); node-- > 0;) {
      if (auto left = without_node(best_, node)) accept(*std::move(left));
    }
  }

  void drop_steps() {
    for (std::size_t chunk = std::bit_ceil(best_.steps.size()); chunk > 0; chunk /= 2) {
      for (std::size_t first = 0; first < best_.steps.size();) {
        const std::size_t count = std::min(chunk, best_.steps.size() - first);
        if (!accept(without_steps(best_, first, count))) first += count;
      }
    }
  }

  /// All from one step on come earlier.
  void close_gaps() {
    for (std::size_t i = 0; i < best_.steps.size(); ++i) {
      const Duration before = i == 0 ? Duration{} : best_.steps[i - 1].at.low;
      for (Duration by = best_.steps[i].at.low - before; by >= 1s; by /= 2) {
        const bool closer = attempt([&](Plan& plan) {
          for (std::size_t later = i; later < plan.steps.size(); ++later) {
            plan.steps[later].at.low -= by;
            plan.steps[later].at.high -= by;
          }
        });
        if (closer) break;
      }
    }
  }

  void shorten() {
    for (std::size_t i = 0; i < best_.steps.size(); ++i) {
      while (best_.steps[i].lasts && best_.steps[i].lasts->low >= 200ms) {
        const Duration half = best_.steps[i].lasts->low / 2;
        if (!set([i](Plan& plan) -> auto& { return plan.steps[i].lasts; }, std::optional(DurationRange{half, half}))) {
          break;
        }
      }
    }
  }

  void plainer_steps() {
    for (std::size_t i = 0; i < best_.steps.size(); ++i) {
      const Duration at = best_.steps[i].at.low;
      const Duration earliest = i == 0 ? Duration{} : best_.steps[i - 1].at.low;
      for (const Duration unit : {Duration(1s), Duration(100ms), Duration(10ms), Duration(1ms)}) {
        const Duration round = at / unit * unit;
        if (round < earliest) continue;
        if (round == at) break;
        if (set([i](Plan& plan) -> auto& { return plan.steps[i].at; }, DurationRange{round, round})) break;
      }
      if (best_.steps[i].lasts) {
        const Duration round = rounded(best_.steps[i].lasts->low);
        set([i](Plan& plan) -> auto& { return plan.steps[i].lasts; }, std::optional(DurationRange{round, round}));
      }
      if (const auto* write = std::get_if<SetStep>(&best_.steps[i].action); write && write->value.size() > 8) {
        attempt([i](Plan& plan) { std::get<SetStep>(plan.steps[i].action).value.resize(8); });
      }
    }
  }

  template <typename Value>
  void set_of_node(std::size_t i, Value NodePlan::* member, const Value& value) {
    if (best_.nodes[i].*member == value) return;
    NodePlan plainer = best_.nodes[i];
    plainer.*member = value;
    if (is_valid(plainer)) attempt([&](Plan& plan) { plan.nodes[i] = plainer; });
  }
  /// Of all nodes, since they must agree.
  void set_of_all(Duration NodePlan::* member) {
    Plan plainer = best_;
    bool valid = true;
    for (NodePlan& node : plainer.nodes) {
      node.*member = rounded(node.*member);
      valid = valid && is_valid(node);
    }
    if (valid && plainer.nodes.front().*member != best_.nodes.front().*member) accept(std::move(plainer));
  }

  void plainer_nodes() {
    for (std::size_t i = 0; i < best_.nodes.size(); ++i) {
      set_of_node(i, &NodePlan::clock, DurationRange{});
      set_of_node(i, &NodePlan::start, DurationRange{});
      set_of_node(i, &NodePlan::syncs_commits, true);
      set_of_node(i, &NodePlan::clock_guard, true);
    }
    for (const auto member : {&NodePlan::skew, &NodePlan::settle, &NodePlan::lease, &NodePlan::horizon})
      set_of_all(member);
  }

  void plainer_links() {
    const auto links = [](Plan& plan) -> auto& { return plan.links; };
    LinkPlan plainer = best_.links;
    plainer.jitter = {};
    set(links, plainer);
    plainer = best_.links;
    plainer.latency = {rounded(plainer.latency.low), rounded(plainer.latency.high)};
    set(links, plainer);
    plainer.latency.high = plainer.latency.low;
    set(links, plainer);
  }

  Plan best_;
  const Fails& fails_;
  const std::uint64_t most_tries_;
  std::uint64_t tries_ = 0;
  bool changed_ = false;
};

}  // namespace

Shrunk shrink(Plan plan, const Fails& fails, std::uint64_t most_tries) {
  return Shrinker(std::move(plan), fails, most_tries).run();
}

}  // namespace meshdict::sim
