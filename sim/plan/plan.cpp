#include "sim/plan/plan.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <iterator>
#include <map>
#include <utility>

#include "core/base/random.h"
#include "core/encoding/value.h"
#include "sim/plan/edit.h"
#include "sim/plan/lasting_steps.h"
#include "sim/plan/nemesis.h"

namespace meshdict::sim {
namespace {

Duration draw(RandomStream& random, const DurationRange& range) {
  return Duration(random.between(range.low.count(), range.high.count()));
}

DurationRange fixed(Duration value) {
  return {value, value};
}

// A stream of its own for each step, workload and node, so that taking one away leaves the others as they were.
RandomStream stream_for(std::uint64_t seed, std::string_view what, std::uint64_t number) {
  return RandomStream(derive_seed(derive_seed(seed, what), number));
}

void draw_joins(Plan& plan, std::uint64_t seed) {
  for (NodeIndex node = 1; node < plan.nodes.size(); ++node) {
    std::vector<NodeIndex>& join = plan.nodes[node].join;
    if (!join.empty()) continue;
    switch (plan.join) {
      case Join::kNone:
        break;
      case Join::kChain:
        join.push_back(node - 1);
        break;
      case Join::kStar:
        join.push_back(0);
        break;
      case Join::kRandom: {
        RandomStream random = stream_for(seed, "plan.join", node);
        const std::size_t wanted = std::min<std::size_t>(plan.join_count, node);
        while (join.size() < wanted) {
          const auto other = static_cast<NodeIndex>(random.below(node));
          if (std::find(join.begin(), join.end(), other) == join.end()) join.push_back(other);
        }
        break;
      }
    }
  }
  plan.join = Join::kNone;
}

void draw_sites(Plan& plan, std::uint64_t seed) {
  std::uint64_t number = 0;
  const auto settle = [&](LinkPlan& link) {
    RandomStream random = stream_for(seed, "plan.site", number++);
    link.jitter = fixed(draw(random, link.jitter));
  };
  for (SitePlan& site : plan.sites)
    settle(site.inside);
  for (SiteLink& link : plan.site_links)
    settle(link.link);
}

/// The nodes that a step leaves to the seed; each place gets another one.
class OpenNodes {
 public:
  OpenNodes(RandomStream random, const Occupied& occupied, std::size_t nodes, const Step& step)
      : random_(random), occupied_(occupied), taken_(nodes, false), step_(step) {}

  void fill(Action& action) {
    for_each_place(action, [this](NodeIndex& node) {
      if (node < taken_.size()) taken_[node] = true;
    });
    for_each_place(action, [this](NodeIndex& node) {
      if (node == kAnyNode) node = choose();
    });
    for_each_list(action, [](std::vector<NodeIndex>& nodes) { std::ranges::sort(nodes); });
  }

 private:
  /// One for which the step finds something to do, if there is one.
  NodeIndex choose() {
    const Duration at = step_.at.low;
    const bool starts =
        std::holds_alternative<RestartStep>(step_.action) || std::holds_alternative<CloneStep>(step_.action);
    std::vector<NodeIndex> left;
    std::vector<NodeIndex> fit;
    for (NodeIndex node = 0; node < taken_.size(); ++node) {
      if (taken_[node]) continue;
      left.push_back(node);
      const Duration until = at + (step_.lasts ? step_.lasts->low : Duration{});
      if (starts ? occupied_.is_down(node, at) : occupied_.is_well(node, at, until)) fit.push_back(node);
    }
    assert(!left.empty() && "the reader has counted them");
    const std::vector<NodeIndex>& among = fit.empty() ? left : fit;
    const NodeIndex node = among[random_.below(among.size())];
    taken_[node] = true;
    return node;
  }

  RandomStream random_;
  const Occupied& occupied_;
  std::vector<bool> taken_;
  const Step& step_;
};

/// Draws times, and makes of each repeated step so many.
class StepDraw {
 public:
  StepDraw(const Plan& plan, std::uint64_t seed) : plan_(plan), seed_(seed) {}

  std::vector<Step> draw_all() {
    for (std::size_t i = 0; i < plan_.steps.size(); ++i)
      draw_one(plan_.steps[i], i);
    return std::move(drawn_);
  }
  /// The step of the plan from which each was drawn, and which repetition it is.
  struct Origin {
    std::size_t step = 0;
    std::uint64_t time = 0;
  };
  [[nodiscard]] const std::vector<Origin>& origins() const { return origins_; }

 private:
  void draw_one(Step step, std::size_t number) {
    RandomStream random = stream_for(seed_, "plan.step", number);
    Duration at = draw(random, step.at);
    if (step.relative) at += before_;
    settle_moment(step, at);
    const auto repeat = std::exchange(step.repeat, std::nullopt);
    const DurationRange lasts = step.lasts.value_or(DurationRange{});
    draw_rest(step, at, lasts, random);
    add(step, {number, 0});
    for (std::uint64_t time = 1; repeat && time < repeat->times; ++time) {
      RandomStream again(derive_seed(derive_seed(derive_seed(seed_, "plan.repeat"), number), time));
      at += draw(again, repeat->every);
      step.action = plan_.steps[number].action;
      draw_rest(step, at, lasts, again);
      add(step, {number, time});
    }
    if (step.when) return;
    before_ = at;
    if (const auto* mark = std::get_if<MarkStep>(&step.action)) moments_.emplace(mark->name, at);
  }

  /// From a named moment: one that itself waits for an event, the run must find.
  void settle_moment(Step& step, Duration& at) {
    if (step.moment.empty()) return;
    const std::string moment = std::exchange(step.moment, {});
    if (const auto found = moments_.find(moment); found != moments_.end()) {
      at += found->second;
    } else {
      step.when = Trigger{.mark = moment};
    }
  }

  static void draw_rest(Step& step, Duration at, const DurationRange& lasts, RandomStream& random) {
    step.at = fixed(at);
    step.relative = false;
    if (auto* link = std::get_if<LinkStep>(&step.action)) {
      link->link.jitter = fixed(draw(random, link->link.jitter));
    }
    if (step.lasts) step.lasts = fixed(draw(random, lasts));
  }

  void add(const Step& step, Origin origin) {
    drawn_.push_back(step);
    origins_.push_back(origin);
  }

  const Plan& plan_;
  const std::uint64_t seed_;
  Duration before_{};
  std::map<std::string, Duration> moments_;
  std::vector<Step> drawn_;
  std::vector<Origin> origins_;
};

bool has_open_nodes(Action action) {
  bool open = false;
  for_each_place(action, [&](NodeIndex& node) { open = open || node == kAnyNode; });
  return open;
}

/// What the steps whose nodes are named hold, in the order of their times.
Occupied occupied_by(const std::vector<NodePlan>& nodes, const std::vector<Step>& steps) {
  std::vector<const Step*> timed;
  for (const Step& step : steps)
    if (!step.when && !has_open_nodes(step.action)) timed.push_back(&step);
  std::ranges::stable_sort(timed, {}, [](const Step* step) { return step->at.low; });
  Occupied occupied(nodes);
  for (const Step* step : timed)
    occupied.add(*step);
  return occupied;
}

void draw_steps(Plan& plan, std::uint64_t seed) {
  StepDraw steps(plan, seed);
  plan.steps = steps.draw_all();
  const bool all_named = std::ranges::none_of(plan.steps, [](const Step& step) { return has_open_nodes(step.action); });
  if (all_named && plan.nemeses.empty()) return;
  Occupied occupied = occupied_by(plan.nodes, plan.steps);
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    Step& step = plan.steps[i];
    if (!has_open_nodes(step.action)) continue;
    const auto [number, time] = steps.origins()[i];
    RandomStream random(derive_seed(derive_seed(derive_seed(seed, "plan.any"), number), time));
    Action action = step.action;
    OpenNodes(random, occupied, plan.nodes.size(), step).fill(action);
    step.action = std::move(action);
    if (!step.when) occupied.add(step);
  }
  for (std::size_t i = 0; i < plan.nemeses.size(); ++i)
    draw_nemesis(plan.nemeses[i], plan, stream_for(seed, "plan.nemesis", i), occupied, plan.steps);
  plan.nemeses.clear();
}

// `rate` operations a second: one in each slot of 1/rate, at a random moment of it.
template <typename MakeAction>
void draw_operations(const Workload& load, std::uint64_t rate, RandomStream random, std::vector<Step>& steps,
                     MakeAction make) {
  if (rate == 0) return;
  const auto span = static_cast<std::uint64_t>((load.until - load.from).count());
  const std::uint64_t count = span / 1'000'000 * rate + span % 1'000'000 * rate / 1'000'000;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto begin = static_cast<std::int64_t>(i * 1'000'000 / rate);
    const auto end = static_cast<std::int64_t>((i + 1) * 1'000'000 / rate);
    const Duration at = load.from + Duration(random.between(begin, std::max(begin, end - 1)));
    const NodeIndex node = load.nodes[random.below(load.nodes.size())];
    steps.push_back({.at = fixed(at), .action = make(random, node, i), .lasts = std::nullopt, .may_idle = true});
  }
}

void draw_workload(const Workload& load, std::uint64_t seed, std::size_t number, std::vector<Step>& steps) {
  const std::string prefix = "w" + std::to_string(number) + ".";
  const auto key = [&](RandomStream& random) { return prefix + "k" + std::to_string(random.below(load.keys)); };
  draw_operations(load, load.sets_per_second, stream_for(seed, "plan.sets", number), steps,
                  [&](RandomStream& random, NodeIndex node, std::uint64_t i) {
                    std::string value = prefix + "v" + std::to_string(i);
                    value.resize(std::max<std::size_t>(value.size(), load.value_size), '.');
                    return SetStep{.node = node, .key = key(random), .value = std::move(value)};
                  });
  draw_operations(load, load.deletes_per_second, stream_for(seed, "plan.deletes", number), steps,
                  [&](RandomStream& random, NodeIndex node, std::uint64_t) {
                    return DeleteStep{node, key(random), Outcome::kAny, kNobody};
                  });
  draw_operations(load, load.broadcasts_per_second, stream_for(seed, "plan.broadcasts", number), steps,
                  [&](RandomStream&, NodeIndex node, std::uint64_t i) {
                    return BroadcastStep{node, prefix + "m" + std::to_string(i)};
                  });
}

}  // namespace

std::vector<std::string> keys_of(const SetStep& set) {
  std::vector<std::string> keys;
  for (std::uint64_t i = 0; i < set.count; ++i) {
    std::string key = i == 0 ? set.key : set.key + "." + std::to_string(i);
    key.resize(std::max<std::size_t>(key.size(), set.key_size), '.');
    keys.push_back(std::move(key));
  }
  return keys;
}

Raw value_of(const SetStep& set) {
  if (set.typed) return set.typed->raw;
  std::string value = set.value;
  value.resize(std::max<std::size_t>(value.size(), set.value_size), '.');
  return text_value(value);
}

std::string_view verb(const Action& action) {
  return verb_of(action.index());
}

std::string_view verb_of(std::size_t index) {
  static constexpr std::array<std::string_view, std::variant_size_v<Action>> kVerbs = {
      "set",   "delete",      "broadcast", "whisper", "connect", "disconnect", "start",     "stop",
      "crash", "restart",     "partition", "heal",    "reset",   "link",       "expect",    "clone",
      "pause", "resume",      "disk",      "clock",   "cut",     "mend",       "half_open", "dials",
      "storm", "slow_reader", "tamper",    "mark",    "release", "break",      "leave",     "remove"};
  return kVerbs[index];
}

const std::vector<std::string>& told_words() {
  static const std::vector<std::string> kWords = {"peer_up",       "peer_down", "broadcast", "whisper", "refused",
                                                  "undeliverable", "confirmed", "updated",   "deleted", "conflict",
                                                  "returned",      "clock",     "left_out",  "broken",  "parted"};
  return kWords;
}

Plan draw_plan(const Plan& plan, std::uint64_t seed) {
  Plan drawn = plan;
  for (NodeIndex node = 0; node < drawn.nodes.size(); ++node) {
    RandomStream random = stream_for(seed, "plan.node", node);
    drawn.nodes[node].start = fixed(draw(random, drawn.nodes[node].start));
    drawn.nodes[node].clock = fixed(draw(random, drawn.nodes[node].clock));
  }
  draw_joins(drawn, seed);
  RandomStream random = stream_for(seed, "plan.links", 0);
  drawn.links.jitter = fixed(draw(random, drawn.links.jitter));
  draw_sites(drawn, seed);
  draw_steps(drawn, seed);
  for (std::size_t i = 0; i < drawn.workloads.size(); ++i) {
    draw_workload(drawn.workloads[i], seed, i, drawn.steps);
  }
  drawn.workloads.clear();
  return drawn;
}

Plan expand(const Plan& plan, std::uint64_t seed) {
  Plan explicit_plan = draw_plan(plan, seed);
  std::vector<Step> drawn = std::exchange(explicit_plan.steps, {});
  std::vector<Step>& steps = explicit_plan.steps;
  steps.reserve(plan.nodes.size() + drawn.size());
  for (NodeIndex node = 0; node < plan.nodes.size(); ++node) {
    const NodePlan& starts = explicit_plan.nodes[node];
    if (starts.starts) steps.push_back({.at = starts.start, .action = StartStep{node}, .lasts = std::nullopt});
  }
  std::ranges::move(drawn, std::back_inserter(steps));
  steps = with_ends(std::move(steps));
  return explicit_plan;
}

}  // namespace meshdict::sim
