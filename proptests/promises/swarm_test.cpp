// Swarm plans: pure functions of their seeds that use every kind of fault, and after which all promises hold.

#include <gtest/gtest.h>

#include "sim/plan/yaml/plan.h"
#include "sim/plan/yaml/writer.h"
#include "sim/runs/report.h"
#include "sim/runs/runner.h"
#include "sim/runs/summary.h"
#include "sim/swarm/ranges.h"
#include "sim/swarm/swarm.h"

namespace meshdict::sim {
namespace {

constexpr std::uint64_t kSeeds = 512;

Plan drawn(std::uint64_t seed) {
  return expand(swarm_plan(seed), seed);
}

TEST(Swarm, KeepsAllPromisesAndUsesEveryFault) {
  Summary summary;
  std::string failures;
  const RunOf run = [](std::uint64_t seed) {
    const Plan plan = drawn(seed);
    return World(plan, seed, {.sanity_every = 50}).run();
  };
  run_seeds(run, each_of({.first = 1, .count = kSeeds}), {.jobs = 2}, [&](const RunResult& result) {
    summary.add(result);
    if (!result.passed()) failures += violations_text(result);
    return true;
  });
  EXPECT_EQ(summary.runs(), kSeeds);
  EXPECT_EQ(failures, "");
  // Plans of the ranges have their own faults.
  std::uint64_t usual = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed)
    usual += range_of(seed) == nullptr ? 1U : 0U;
  for (const FaultInfo& info : fault_infos())
    EXPECT_GE(summary.runs_with(info.fault) * 100, usual * 30) << info.name;
}

/// From a certain seed on there are operators, too: leases are given up and broken, and nodes leave.
TEST(Swarm, KeepsAllPromisesWithOperators) {
  std::string failures;
  std::uint64_t broken = 0;
  std::uint64_t parted = 0;
  const RunOf run = [](std::uint64_t seed) { return World(drawn(seed), seed, {.sanity_every = 50}).run(); };
  run_seeds(run, each_of({.first = kFirstOperatedSeed, .count = kSeeds / 2}), {.jobs = 2},
            [&](const RunResult& result) {
              broken += result.counters.events[Event(LeaseBroken{}).index()];
              parted += result.counters.events[Event(MemberParted{}).index()];
              if (!result.passed()) failures += violations_text(result);
              return true;
            });
  EXPECT_EQ(failures, "");
  EXPECT_GE(broken, kSeeds);
  EXPECT_GE(parted, kSeeds / 8);
}

TEST(Swarm, PlansCanBeWrittenAndReplayed) {
  for (std::uint64_t i = 1; i <= 80; ++i) {
    const std::uint64_t seed = i <= 40 ? i : kFirstOperatedSeed + i;
    const Plan plan = swarm_plan(seed);
    const RunResult result = run_plan(plan, seed);
    EXPECT_EQ(run_plan(swarm_plan(seed), seed).trace, result.trace);
    const auto again = load_plan(to_yaml(plan), "swarm.yaml");
    ASSERT_TRUE(again) << again.error().front();
    const RunResult replayed = run_plan(*again, seed);
    EXPECT_EQ(replayed.trace, result.trace) << seed;
    EXPECT_EQ(replayed.events, result.events) << seed;
  }
}

TEST(Summary, OfJsonLinesIsThatOfTheRuns) {
  Summary direct;
  Summary joined;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    Plan plan = swarm_plan(seed);
    if (seed > 2) {  // it fails
      plan.join = Join::kNone;
      plan.quiet = 1s;
      plan.nodes.push_back(plan.nodes.front());
      plan.nodes.back().name = "alone";
      plan.nodes.back().starts = true;
    }
    const RunResult result = run_plan(plan, seed);
    direct.add(result);
    const auto tally = parse_tally(result_json(result));
    ASSERT_TRUE(tally) << tally.error();
    joined.add(*tally);
  }
  EXPECT_EQ(direct.failed(), 3U);
  EXPECT_EQ(joined.text(), direct.text());
  EXPECT_FALSE(parse_tally("{}"));
  EXPECT_FALSE(parse_tally("what is this"));
}

}  // namespace
}  // namespace meshdict::sim
