// What the seed draws of a plan: faults, nodes, and repeated steps.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "proptests/sim/run_yaml.h"
#include "sim/plan/fault.h"
#include "sim/plan/nemesis.h"
#include "sim/plan/yaml/writer.h"

namespace meshdict::test {
namespace {

using namespace meshdict::sim;
using ::testing::Each;
using ::testing::ElementsAre;

constexpr std::uint64_t kSeeds = 50;

Plan plan_of(const std::string& yaml) {
  auto plan = load_plan(yaml, "f.yaml");
  EXPECT_TRUE(plan.has_value()) << (plan ? "" : plan.error().front());
  return plan ? *std::move(plan) : Plan();
}

/// Of a run: how often a kind of fault has taken effect.
std::uint64_t effects_of(std::string_view kind, const RunResult& result) {
  // Those that results know under another name, or do not count as faults.
  static const std::map<std::string_view, Fault> kCountedAs = {
      {"isolation", Fault::kPartition}, {"bridge", Fault::kCut}, {"stop", Fault::kRestart}};
  // Peers that have gone.
  if (kind == "disconnect") return result.counters.events[1];
  if (const auto other = kCountedAs.find(kind); other != kCountedAs.end()) {
    return result.counters.faults[other->second];
  }
  for (const FaultInfo& info : fault_infos())
    if (info.name == kind) return result.counters.faults[info.fault];
  ADD_FAILURE() << kind << " is counted as nothing";
  return 0;
}

class EachKind : public testing::TestWithParam<std::string> {};

// With all promises checked, and each step that is not optional finding something to do.
TEST_P(EachKind, TakesEffect) {
  const Plan plan =
      plan_of(fmt::format("nodes: 4\njoin: star\nstrict: on\nsettings: {{durability: interval, lease: 30s, skew: 2s}}\n"
                          "workload: {{sets_per_second: 3, broadcasts_per_second: 1, keys: 9, until: 40s}}\n"
                          "nemesis: {{faults: {}, every: 3s..5s, for: 1s..4s, from: 8s, until: 30s}}\n",
                          GetParam()));
  std::uint64_t runs = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const RunResult result = run_plan(plan, seed);
    EXPECT_TRUE(result.passed()) << "seed " << seed << ": " << result.violations.front().what;
    if (effects_of(GetParam(), result) > 0) ++runs;
  }
  EXPECT_GE(runs, kSeeds * 7 / 10);
}

INSTANTIATE_TEST_SUITE_P(All, EachKind, testing::ValuesIn(nemesis_names()),
                         [](const auto& test) { return test.param; });

constexpr const char* kEverything =
    "nodes: 6\njoin: star\nstrict: on\nsettings: {lease: 30s, skew: 2s}\n"
    "network:\n  jitter: 0ms..9ms\n  sites: {a: {nodes: n1..n3, latency: 1ms..3ms}, b: {nodes: [n4, n5], jitter: "
    "1ms..2ms}}\n"
    "  between: [{sites: [b, a], latency: 50ms..90ms, bandwidth: 1MB/s}]\n"
    "workload: {sets_per_second: 2, broadcasts_per_second: 1, until: 40s}\n"
    "nemesis:\n- {faults: all, every: 1s..3s, for: 100ms..5s, from: 5s, until: 30s}\n"
    "- {faults: {storm: 2, crash: 1}, every: 9s, until: 30s, nodes: [n1, n2, n3]}\n"
    "steps:\n"
    "- {at: 12s, set: {node: any, key: k, value: [1, -2, 1.5, 'a', true, null, {b: c}]}, repeat: {times: 3, every: "
    "1s..2s}}\n"
    "- {at: 12s, broadcast: {node: any, text: t}, may_idle: on}\n"
    "- {after: 1s, link: {between: [any, n6], jitter: 0ms..50ms, for: 5s}, may_idle: on}\n"
    "- {at: 20s, mark: early}\n"
    "- {at: early + 1s..2s, expect: {nodes: some 2, size: 0.., since: later, messages: 0.., eventually: within 30s}}\n"
    "- {when: {event: conflict, from: 9s}, after: 1s, mark: later, may_idle: on}\n"
    "- {at: later + 1s, partition: {groups: [[any]], for: 3s}, may_idle: on}\n"
    "- {when: {node: n2, event: peer_down, who: n1}, crash: {node: n3, for: 3s}, may_idle: on}\n"
    "- {at: 30s, tamper: {from: any, to: n2, how: repeat, kind: ping, nth: 2}}\n";

TEST(DrawnPlans, WrittenAndReadGiveTheSameRun) {
  const Plan plan = plan_of(kEverything);
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Plan drawn = expand(plan, seed);
    const auto read = load_plan(to_yaml(drawn), "drawn");
    ASSERT_TRUE(read.has_value()) << seed << ": " << read.error().front();
    const RunResult first = run_plan(plan, seed);
    const RunResult again = run_plan(*read, seed);
    EXPECT_EQ(first.trace, again.trace) << seed;
    EXPECT_EQ(first.violation_count, again.violation_count) << seed;
    EXPECT_EQ(to_yaml(expand(*read, seed)), to_yaml(drawn)) << seed;
  }
}

TEST(DrawnPlans, AreOtherOnesForOtherSeeds) {
  const Plan plan = plan_of(kEverything);
  std::set<std::string> different;
  for (std::uint64_t seed = 1; seed <= 9; ++seed)
    different.insert(to_yaml(draw_plan(plan, seed)));
  EXPECT_EQ(different.size(), 9U);
}

/// "verb node@second" of the steps with a node.
std::vector<std::string> steps_of(const std::string& yaml, std::uint64_t seed = 1) {
  std::vector<std::string> steps;
  const Plan plan = plan_of(yaml);
  for (const Step& step : draw_plan(plan, seed).steps) {
    const auto* crash = std::get_if<CrashStep>(&step.action);
    const auto* broadcast = std::get_if<BroadcastStep>(&step.action);
    const NodeIndex node = crash != nullptr ? crash->node : broadcast != nullptr ? broadcast->node : kNobody;
    steps.push_back(fmt::format("{}{}@{}", verb(step.action), node == kNobody ? "" : " " + plan.nodes[node].name,
                                step.at.low / 1s));
  }
  return steps;
}

TEST(Repeat, MakesSoManySteps) {
  EXPECT_THAT(steps_of("nodes: [a]\nsteps:\n- {at: 5s, broadcast: {node: a}, repeat: {times: 3, every: 2s}}\n"
                       "- {after: 1s, heal: }\n"),
              ElementsAre("broadcast a@5", "broadcast a@7", "broadcast a@9", "heal@10"));
}

TEST(Repeat, DrawsEachTimeAnew) {
  const Plan plan = plan_of(
      "nodes: [a, b]\nsteps:\n"
      "- {at: 5s, pause: {node: any, for: 1s..9s}, repeat: {times: 20, every: 20s..30s}}\n");
  std::set<Duration> lasts;
  std::set<NodeIndex> nodes;
  for (const Step& step : draw_plan(plan, 1).steps) {
    lasts.insert(step.lasts->low);
    nodes.insert(std::get<PauseStep>(step.action).node);
  }
  EXPECT_EQ(lasts.size(), 20U);
  EXPECT_EQ(nodes.size(), 2U);
}

TEST(AnyNode, IsOneForWhichThereIsSomethingToDo) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const auto steps = steps_of(
        "nodes: [a, b, c, {name: d, start: never}]\nsteps:\n- {at: 5s, crash: {node: b, for: 9s}}\n"
        "- {at: 6s, crash: {node: any, for: 3s}}\n- {at: 7s, crash: {node: any, for: 3s}}\n",
        seed);
    EXPECT_THAT(steps, testing::AnyOf(ElementsAre("crash b@5", "crash a@6", "crash c@7"),
                                      ElementsAre("crash b@5", "crash c@6", "crash a@7")));
  }
}

TEST(AnyNode, IsAnotherAtEachPlaceOfAStep) {
  const Plan plan = plan_of("nodes: [a, b, c]\nsteps:\n- {at: 5s, cut: {from: any, to: some 2}}\n");
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Plan drawn = draw_plan(plan, seed);
    const auto& cut = std::get<CutStep>(drawn.steps.front().action);
    std::set<NodeIndex> all(cut.to.begin(), cut.to.end());
    all.insert(cut.from.begin(), cut.from.end());
    EXPECT_EQ(all, (std::set<NodeIndex>{0, 1, 2}));
  }
}

TEST(AnyNode, IsTheOneOfThatNameIfThereIsOne) {
  EXPECT_THAT(steps_of("nodes: [any, b]\nsteps:\n- {at: 5s, broadcast: {node: any}, repeat: {times: 9, every: 1s}}\n"),
              Each(testing::StartsWith("broadcast any@")));
}

TEST(Nemesis, KeepsToItsNodesAndItsTime) {
  const Plan plan =
      plan_of("nodes: 5\nnemesis: {faults: [crash, pause], every: 1s..2s, nodes: [n2, n4], from: 10s, until: 60s}\n");
  for (std::uint64_t seed = 1; seed <= 9; ++seed) {
    const Plan drawn = draw_plan(plan, seed);
    EXPECT_GT(drawn.steps.size(), 5U);
    for (const Step& step : drawn.steps) {
      EXPECT_TRUE(10s < step.at.low && step.at.low < 60s);
      const auto* crash = std::get_if<CrashStep>(&step.action);
      const NodeIndex node = crash != nullptr ? crash->node : std::get<PauseStep>(step.action).node;
      EXPECT_TRUE(node == 1 || node == 3);
    }
  }
}

TEST(Nemesis, CrashesOnlyWhatIsUp) {
  const Plan plan = plan_of(
      "nodes: 3\nnemesis: {faults: crash, every: 1s, for: 1s..9s, until: 200s}\n"
      "steps:\n- {at: 50s, crash: {node: n2, for: 20s}}\n- {at: 90s, stop: {node: n1}}\n- {at: 120s, restart: {node: "
      "n1}}\n");
  for (std::uint64_t seed = 1; seed <= 9; ++seed) {
    std::map<NodeIndex, Duration> up_again;
    for (const Step& step : expand(plan, seed).steps) {
      const auto* crash = std::get_if<CrashStep>(&step.action);
      const auto* stop = std::get_if<StopStep>(&step.action);
      const auto* restart = std::get_if<RestartStep>(&step.action);
      if (crash != nullptr || stop != nullptr) {
        const NodeIndex node = crash != nullptr ? crash->node : stop->node;
        EXPECT_LT(up_again[node], step.at.low) << seed;
        up_again[node] = Duration::max();
      } else if (restart != nullptr) {
        up_again[restart->node] = step.at.low;
      }
    }
  }
}

TEST(Nemesis, WeightsSayHowOften) {
  const Plan plan = plan_of("nodes: 3\nnemesis: {faults: {reset: 9, bit_flip: 1}, every: 1s, until: 1000s}\n");
  std::map<std::string_view, int> count;
  for (const Step& step : draw_plan(plan, 1).steps)
    ++count[verb(step.action)];
  EXPECT_NEAR(count["reset"], 900, 60);
  EXPECT_NEAR(count["tamper"], 100, 60);
}

}  // namespace
}  // namespace meshdict::test
