// What the steps of a plan do when they can do nothing, and what is judged while nodes are away, late or far.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "proptests/sim/run_yaml.h"

namespace meshdict::sim {
namespace {

using test::run_yaml;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
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

// Each of these does nothing, where a user may well believe that it does.
TEST(Steps, OfWhateverKindThatChangeNothingAreFailuresOfAStrictPlan) {
  const std::string strict = "nodes: [ana, bob, {name: cy, join: [], network: other}]\nstrict: on\nsteps:\n";
  for (const std::string step : {
           "reset: {between: [ana, cy]}",
           "reset: {between: [ana, cy], one_sided: on}",
           "reset: {between: [ana, cy], inside_frame: on}",
           "half_open: {between: [ana, cy]}",
           "tamper: {from: ana, to: cy, how: flip}",
           "disk: {node: ana, full: off}",
           "disk: {node: ana, delay: 0s}",
           "dials: {node: ana, are: taken}",
           "partition: {groups: [[ana, bob, cy]]}",
           "slow_reader: {node: ana, rate: unlimited}",
           "clock: {node: ana, rate: 0ppm}",
           "mend: {from: ana, to: bob}",
       }) {
    const RunResult result = run_yaml(strict + "  - {at: 15s, " + step + "}\n");
    EXPECT_THAT(result.idle_steps, ElementsAre(HasSubstr("changes nothing: "))) << step;
    EXPECT_EQ(result.violation_count, 1U) << step;
  }
}

TEST(Steps, AtANodeThatIsDownAreFailuresOfAStrictPlan) {
  const std::string down = "nodes: [ana, bob, cy]\nstrict: on\nsteps:\n  - {at: 10s, crash: {node: bob}}\n";
  for (const std::string step :
       {"set: {node: bob, key: k, value: v}", "delete: {node: bob, key: k}", "broadcast: {node: bob, text: x}",
        "whisper: {node: bob, to: ana, text: x}", "connect: {node: bob, to: ana}", "disconnect: {node: bob, from: ana}",
        "storm: {nodes: [ana, bob]}", "cross_dial: {between: [ana, bob]}"}) {
    const RunResult result = run_yaml(down + "  - {at: 15s, " + step + "}\n");
    EXPECT_THAT(result.idle_steps, ElementsAre(HasSubstr("changes nothing: "))) << step;
    EXPECT_EQ(result.violation_count, 1U) << step;
    EXPECT_TRUE(run_yaml(down + "  - {at: 15s, may_idle: on, " + step + "}\n").passed()) << step;
  }
}

TEST(Steps, AWorkloadMayMeetANodeThatIsDown) {
  EXPECT_TRUE(run_yaml("nodes: 3\nstrict: on\nworkload: {sets_per_second: 5, from: 10s, until: 20s}\n"
                       "steps:\n  - {at: 12s, crash: {node: n2}}\n")
                  .passed());
}

TEST(Steps, OfEachKindThatOverlapAreNoFailuresAtTheirEnds) {
  for (const std::string kind :
       {"dials: {node: ana, are: refused, for: ", "slow_reader: {node: ana, rate: 1KB/s, for: ",
        "partition: {groups: [[ana], [bob]], for: ", "disk: {node: ana, delay: 10ms, for: ",
        "cut: {from: ana, to: bob, for: ", "clock: {node: ana, rate: 300ppm, for: "}) {
    const RunResult result =
        run_yaml("nodes: [ana, bob]\nsteps:\n  - {at: 10s, " + kind + "20s}}\n  - {at: 15s, " + kind + "5s}}\n");
    EXPECT_THAT(result.idle_steps, ElementsAre(HasSubstr(" at 15.000000 s changes nothing: "))) << kind;
  }
}

TEST(Steps, APauseEndsWithItsProcess) {
  const RunResult result = run_yaml(
      "nodes: [ana, bob]\nstrict: on\nsteps:\n"
      "  - {at: 10s, pause: {node: ana, for: 60s}}\n"
      "  - {at: 15s, crash: {node: ana, for: 5s}}\n"
      "  - {at: 40s, set: {node: ana, key: k, value: v, expect: ok}}\n");
  EXPECT_TRUE(result.passed()) << result.violations.front().what;
  EXPECT_THAT(result.idle_steps, IsEmpty());
}

TEST(Steps, ADiskThatIsLostInACrashStaysLostIfAnotherCrashLastsLonger) {
  const std::string lost =
      "nodes: [ana, {name: bob, join: [], network: other}]\nsteps:\n"
      "  - {at: 5s, set: {node: ana, key: k, value: v}}\n"
      "  - {at: 10s, crash: {node: ana, disk: lost, for: 20s}}\n";
  for (const std::string other :
       {"  - {at: 15s, crash: {node: ana, for: 25s}}\n", "  - {at: 15s, crash: {node: ana, for: 5s}}\n", ""}) {
    const RunResult result = run_yaml(lost + other + "  - {at: 55s, expect: {node: ana, key: k, absent: on}}\n");
    EXPECT_TRUE(result.passed()) << other;
    EXPECT_EQ(result.counters.faults[Fault::kRestartWithoutDisk], 1U) << other;
  }
}

// The cut of one direction lasts from 10 to 70 s, that of both from 15 to 20 s, and the other way round.
TEST(Steps, ACutOfOneDirectionAndOneOfBothEndEachOnItsOwn) {
  const auto told = [](const std::string& first, const std::string& second) {
    return run_yaml(
        "nodes: [ana, bob]\nstrict: on\nsteps:\n"
        "  - {at: 10s, cut: {from: ana, to: bob, " +
        first + "for: 60s}}\n  - {at: 12s, cut: {from: ana, to: bob, " + second +
        "for: 2s}}\n"
        "  - {at: 15s, set: {node: bob, key: k, value: v, expect: ok}}\n"
        "  - {at: 17s, expect: {node: ana, key: k, value: v}}\n");
  };
  const std::string one_way = "one_way: on, ";
  const RunResult passes = told(one_way, "");
  EXPECT_TRUE(passes.passed()) << passes.violations.front().what;
  EXPECT_EQ(told("", one_way).violation_count, 1U) << "both ways are cut until 70 s";
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
