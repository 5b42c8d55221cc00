#include "sim/runs/shrink.h"

#include <algorithm>
#include <bit>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/record/mesh_settings.h"
#include "sim/plan/edit.h"

namespace meshdict::sim {
namespace {

bool is_valid(const NodePlan& node) {
  return check_lease(node).has_value();
}

/// Calls `change` with each text of one kind in the plan: what keys are called, or the values that they are given.
template <typename Change>
void each_key(Plan& plan, const Change& change) {
  for (Step& step : plan.steps) {
    if (auto* set = std::get_if<SetStep>(&step.action)) change(set->key);
    if (auto* erase = std::get_if<DeleteStep>(&step.action)) change(erase->key);
    if (auto* expect = std::get_if<ExpectStep>(&step.action); expect && expect->what->key) {
      Expectation changed = *expect->what;
      change(*changed.key);
      expect->what = std::make_shared<const Expectation>(std::move(changed));
    }
  }
}

template <typename Change>
void each_value(Plan& plan, const Change& change) {
  for (Step& step : plan.steps) {
    if (auto* set = std::get_if<SetStep>(&step.action)) change(set->value);
    if (auto* expect = std::get_if<ExpectStep>(&step.action); expect && expect->what->value) {
      Expectation changed = *expect->what;
      change(*changed.value);
      expect->what = std::make_shared<const Expectation>(std::move(changed));
    }
  }
}

/// "a" to "z", then "a1", ...: the first that is not in use.
std::string short_name(char first, const std::set<std::string>& used) {
  for (int number = 0;; ++number) {
    for (char letter = first; letter <= 'z'; ++letter) {
      std::string name(1, letter);
      if (number > 0) name += std::to_string(number);
      if (!used.contains(name)) return name;
    }
  }
}

class Shrinker {
 public:
  Shrinker(Plan plan, const FirstThatFails& fails, const ShrinkLimits& limits)
      : best_(std::move(plan)), fails_(fails), limits_(limits) {}

  Shrunk run() {
    do {
      changed_ = false;
      drop_nodes();
      drop_steps();
      formed_ = limits_.formed_at(best_);
      begin_later();
      close_gaps();
      shorten();
      plainer_steps();
      plainer_nodes();
      plainer_links();
      short_texts();
    } while (changed_ && !is_over());
    return {.plan = std::move(best_), .tries = tries_, .complete = !is_over()};
  }

 private:
  [[nodiscard]] bool is_over() const { return tries_ >= limits_.most_tries || limits_.enough(); }

  /// Tries the plans that make(0), make(1), ... give, in this order, and takes the first that still fails. Its number.
  template <typename Make>
  std::optional<std::size_t> first_of(std::size_t count, const Make& make) {
    for (std::size_t done = 0; done < count && !is_over();) {
      const std::size_t left =
          static_cast<std::size_t>(std::min<std::uint64_t>(limits_.most_tries - tries_, count - done));
      std::vector<Plan> together;
      const std::size_t most = std::min(left, limits_.at_once);
      together.reserve(most);
      for (std::size_t i = 0; i < most; ++i)
        together.push_back(make(done + i));
      const auto found = fails_(together);
      tries_ += found ? *found + 1 : together.size();
      if (found) {
        best_ = std::move(together[*found]);
        changed_ = true;
        return done + *found;
      }
      done += together.size();
    }
    return std::nullopt;
  }
  bool accept(Plan candidate) {
    return first_of(1, [&](std::size_t) { return std::move(candidate); }).has_value();
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
        const auto begin_of = [&](std::size_t number) { return first + number * chunk; };
        const std::size_t count = (best_.steps.size() - first + chunk - 1) / chunk;
        const auto dropped = first_of(count, [&](std::size_t number) {
          return without_steps(best_, begin_of(number), std::min(chunk, best_.steps.size() - begin_of(number)));
        });
        if (!dropped) break;
        first = begin_of(*dropped);
      }
    }
  }

  static void move_from(Plan& plan, std::size_t first, Duration by) {
    for (std::size_t later = first; later < plan.steps.size(); ++later) {
      plan.steps[later].at.low += by;
      plan.steps[later].at.high += by;
    }
  }
  /// The first step stays where it is when it comes before the mesh has formed.
  [[nodiscard]] Duration earliest(std::size_t i) const {
    return i == 0 ? std::min(formed_, best_.steps[0].at.low) : best_.steps[i - 1].at.low;
  }
  void begin_later() {
    if (best_.steps.empty() || best_.steps[0].at.low >= formed_) return;
    const Duration by = formed_ - best_.steps[0].at.low;
    const bool was_changed = changed_;
    attempt([&](Plan& plan) { move_from(plan, 0, by); });
    // Nothing is smaller by it.
    changed_ = was_changed;
  }
  /// All from one step on come earlier.
  void close_gaps() {
    for (std::size_t i = 0; i < best_.steps.size(); ++i) {
      std::vector<Duration> ways;
      for (Duration by = best_.steps[i].at.low - earliest(i); by >= 1s; by /= 2)
        ways.push_back(by);
      const Plan before = best_;
      first_of(ways.size(), [&](std::size_t way) {
        Plan closer = before;
        move_from(closer, i, -ways[way]);
        return closer;
      });
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

  void round_times(std::size_t i) {
    const Duration at = best_.steps[i].at.low;
    for (const Duration unit : {Duration(1s), Duration(100ms), Duration(10ms), Duration(1ms)}) {
      const Duration round = at / unit * unit;
      if (round < earliest(i)) continue;
      if (round == at) break;
      if (set([i](Plan& plan) -> auto& { return plan.steps[i].at; }, DurationRange{round, round})) break;
    }
    if (!best_.steps[i].lasts) return;
    const Duration round = rounded(best_.steps[i].lasts->low);
    set([i](Plan& plan) -> auto& { return plan.steps[i].lasts; }, std::optional(DurationRange{round, round}));
  }

  template <typename What, typename Value>
  void set_of_step(std::size_t i, Value What::* member, const Value& value) {
    if (!std::holds_alternative<What>(best_.steps[i].action)) return;
    set([i, member](Plan& plan) -> auto& { return std::get<What>(plan.steps[i].action).*member; }, value);
  }

  void plainer_steps() {
    if (std::ranges::any_of(best_.steps, &Step::may_idle)) {
      attempt([](Plan& plan) {
        for (Step& step : plan.steps)
          step.may_idle = false;
      });
    }
    for (std::size_t i = 0; i < best_.steps.size(); ++i) {
      round_times(i);
      for (const auto member : {&SetStep::key_size, &SetStep::value_size, &SetStep::wait})
        set_of_step(i, member, std::uint64_t{0});
      set_of_step(i, &SetStep::count, std::uint64_t{1});
      set_of_step(i, &StormStep::times, std::uint64_t{1});
      set_of_step(i, &BroadcastStep::text, std::string());
      set_of_step(i, &WhisperStep::text, std::string());
    }
  }

  /// Of one kind: wherever one of these texts stands, a short one stands that is no other's.
  template <typename Each>
  void short_texts_of(const Each& each, char first) {
    std::set<std::string> used;
    each(best_, [&](std::string& text) { used.insert(text); });
    for (const std::string& text : std::set<std::string>(used)) {
      const std::string shorter = short_name(first, used);
      if (text.size() <= shorter.size()) continue;
      const bool taken = attempt([&](Plan& plan) {
        each(plan, [&](std::string& one) {
          if (one == text) one = shorter;
        });
      });
      if (taken) used.insert(shorter);
    }
  }
  void short_texts() {
    short_texts_of([](Plan& plan, const auto& change) { each_key(plan, change); }, 'k');
    short_texts_of([](Plan& plan, const auto& change) { each_value(plan, change); }, 'a');
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
  const FirstThatFails& fails_;
  const ShrinkLimits& limits_;
  Duration formed_{};
  std::uint64_t tries_ = 0;
  bool changed_ = false;
};

}  // namespace

Shrunk shrink(Plan plan, const FirstThatFails& fails, const ShrinkLimits& limits) {
  return Shrinker(std::move(plan), fails, limits).run();
}

}  // namespace meshdict::sim
