// What the steps of a plan do when they can do nothing, and what is judged while nodes are away, late or far.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "proptests/sim/run_yaml.h"

namespace meshdict::sim {
namespace {

using test::run_yaml;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string kIdleSteps =
    "nodes: [ana, bob, cy]\n"
    "steps:\n"
    "  - {at: 5s, heal: {}}\n"
    "  - {at: 6s, cut: {from: ana, to: [bob, cy], for: 20s}}\n"
    "  - {at: 7s, mend: {from: ana, to: bob}}\n"
    "  - {at: 8s, resume: {node: bob}}\n"
    "  - {at: 9s, clone: {node: bob, of: ana}}\n"
    "  - {at: 40s, stop: {node: cy}}\n"
    "  - {at: 41s, crash: {node: cy}}\n"
    "  - {at: 42s, pause: {node: cy}}\n";

TEST(Steps, ThatChangeNothingAreTold) {
  const RunResult result = run_yaml(kIdleSteps);
  EXPECT_TRUE(result.passed());
  EXPECT_THAT(result.idle_steps,
              ElementsAre("heal at 5.000000 s changes nothing: nothing is divided (f.yaml:3)",
                          "mend at 7.000000 s changes nothing: there is no cut of these two sides (f.yaml:5)",
                          "resume at 8.000000 s changes nothing: bob does not stand still (f.yaml:6)",
                          "clone at 9.000000 s changes nothing: bob is up (f.yaml:7)",
                          "crash at 41.000000 s changes nothing: cy is down (f.yaml:9)",
                          "pause at 42.000000 s changes nothing: cy is down (f.yaml:10)"));
}

TEST(Steps, ThatChangeNothingAreFailuresOfAStrictPlan) {
  const RunResult result = run_yaml("strict: on\n" + kIdleSteps);
  EXPECT_EQ(result.violation_count, 6U);
}

TEST(Steps, OfFaultsThatOverlapAreNoFailures) {
  const RunResult result = run_yaml(
      "nodes: [ana, bob]\nstrict: on\nsteps:\n"
      "  - {at: 10s, pause: {node: ana, for: 20s}}\n"
      "  - {at: 40s, crash: {node: ana, for: 20s}}\n");
  EXPECT_TRUE(result.passed());
  EXPECT_THAT(result.idle_steps, IsEmpty());
  EXPECT_TRUE(run_yaml("nodes: [ana, bob]\nsteps:\n"
                       "  - {at: 10s, crash: {node: ana, for: 20s}}\n"
                       "  - {at: 15s, crash: {node: ana, for: 5s}}\n")
                  .passed());
}

// A sum has no node that must be up; what is asked of each has.
TEST(Expect, ASumCountsWhatANodeHadBeforeItWentDown) {
  const std::string down = "nodes: [ana, bob]\nsteps:\n  - {at: 10s, crash: {node: bob}}\n  - at: 12s\n    expect: ";
  EXPECT_TRUE(run_yaml(down + "{nodes: all, in_all: {conflicts: 0..5, messages: 0..}}\n").passed());
  EXPECT_FALSE(run_yaml(down + "{nodes: all, conflicts: 0..5}\n").passed());
}

// Two nodes that have not met may each hold the same key: no promise is broken by it.
TEST(Expect, ClaimsOfNodesThatStartLateAreNoTwoHolders) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const RunResult result = run_yaml(
        "nodes: 8\njoin: chain\nstart: 0s..30s\nsettings: {lease: 1h}\n"
        "workload: {sets_per_second: 2, keys: 3, until: 40s}\nquiet: 60s\n",
        seed);
    EXPECT_TRUE(result.passed()) << "seed " << seed << ": " << result.violations.front().what;
  }
}

TEST(Expect, AValueThatTakesLongerThanTheSilenceOfALineArrives) {
  const RunResult result = run_yaml(
      "nodes: [ana, bob]\nnetwork: {latency: 50ms..80ms, bandwidth: 64KB/s}\n"
      "workload: {sets_per_second: 1, keys: 1, value_size: 1MB, nodes: ana, from: 10s, until: 12s}\n"
      "steps:\n  - at: 15min\n    expect: {nodes: all, equal: on}\nquiet: 60s\n");
  EXPECT_TRUE(result.passed());
}

}  // namespace
}  // namespace meshdict::sim
