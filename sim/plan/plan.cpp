#include "sim/plan/plan.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "core/base/random.h"
#include "sim/plan/lasting_steps.h"

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

void draw_steps(Plan& plan, std::uint64_t seed) {
  Duration before{};
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    RandomStream random = stream_for(seed, "plan.step", i);
    Step& step = plan.steps[i];
    Duration at = draw(random, step.at);
    if (step.relative) at += before;
    before = at;
    step.at = fixed(at);
    step.relative = false;
    if (auto* link = std::get_if<LinkStep>(&step.action)) {
      link->link.jitter = fixed(draw(random, link->link.jitter));
    }
    if (step.lasts) step.lasts = fixed(draw(random, *step.lasts));
  }
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

std::string value_of(const SetStep& set) {
  std::string value = set.value;
  value.resize(std::max<std::size_t>(value.size(), set.value_size), '.');
  return value;
}

std::string_view verb(const Action& action) {
  return verb_of(action.index());
}

std::string_view verb_of(std::size_t index) {
  static constexpr std::array<std::string_view, std::variant_size_v<Action>> kVerbs = {
      "set",     "delete",    "broadcast", "whisper", "connect",   "disconnect", "start", "stop",        "crash",
      "restart", "partition", "heal",      "reset",   "link",      "expect",     "clone", "pause",       "resume",
      "disk",    "clock",     "cut",       "mend",    "half_open", "dials",      "storm", "slow_reader", "tamper"};
  return kVerbs[index];
}

std::string_view name_of(Property property) {
  static constexpr std::array<std::string_view, kProperties> kNames = {"S1", "S2",    "S3",   "S4", "S5", "S6",
                                                                       "S7", "lease", "wait", "C1", "B1", "connected"};
  return kNames[static_cast<std::size_t>(property)];
}

std::vector<Property> all_properties() {
  std::vector<Property> all;
  all.reserve(kProperties);
  for (std::size_t i = 0; i < kProperties; ++i)
    all.push_back(static_cast<Property>(i));
  return all;
}

std::vector<std::string> property_names() {
  std::vector<std::string> names;
  names.reserve(kProperties);
  for (const Property property : all_properties())
    names.emplace_back(name_of(property));
  return names;
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
    if (starts.starts) steps.push_back({starts.start, false, 0, StartStep{node}, std::nullopt});
  }
  std::ranges::move(drawn, std::back_inserter(steps));
  steps = with_ends(std::move(steps));
  return explicit_plan;
}

}  // namespace meshdict::sim
