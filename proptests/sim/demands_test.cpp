// What a plan demands over time, of leases and figures, and what it lets an event bring about.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "proptests/sim/run_yaml.h"

namespace meshdict::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// What is said against a mesh of three in which ana sets `k` to "v" at 10 s and bob is cut off from 20 s to 40 s.
std::vector<std::string> complaints(const std::string& steps, const std::string& top = "") {
  const sim::RunResult result =
      run_yaml("nodes: [ana, bob, cy]\n" + top +
               "steps:\n- {at: 10s, set: {node: ana, key: k, value: v, expect: ok}}\n"
               "- {at: 20s, cut: {from: bob, to: [ana, cy], for: 20s}}\n- {at: 40s, mark: healed}\n" +
               steps);
  std::vector<std::string> said;
  for (const sim::Violation& violation : result.violations)
    said.push_back(fmt::format("{} {}", sim::seconds_text(violation.at), violation.what));
  return said;
}

struct Demand {
  const char* name;
  const char* step;
  /// A part of it; nullptr: it is met.
  const char* complaint;
};
void PrintTo(const Demand& demand, std::ostream* os) {
  *os << demand.name;
}
class Demands : public testing::TestWithParam<Demand> {};

TEST_P(Demands, AreJudged) {
  const auto said = complaints(GetParam().step);
  if (GetParam().complaint == nullptr) {
    EXPECT_THAT(said, IsEmpty());
  } else {
    EXPECT_THAT(said, ElementsAre(HasSubstr(GetParam().complaint)));
  }
}

const Demand kDemands[] = {
    {"EventuallySo", "- {at: 9s, expect: {node: cy, key: k, value: v, eventually: within 5s}}\n", nullptr},
    {"EventuallyTooLate", "- {at: 5s, expect: {node: cy, key: k, value: v, eventually: within 4s}}\n",
     "9.000000 within 4.000000 s: 'k' should be v, and is nothing (f.yaml:6)"},
    {"EventuallyOnlyBefore", "- {at: 9s, expect: {node: cy, key: k, absent: on, eventually: 3s..9s}}\n",
     "18.000000 within 6.000000 s: 'k' should be absent, and is v"},
    {"StaysSo", "- {at: 11s, expect: {nodes: all, key: k, value: v, stays: 60s}}\n", nullptr},
    {"StaysNotSo", "- {at: 11s, expect: {node: bob, linked: ana, stays: 60s}}\n",
     "until 71.000000 s: ana should be a neighbour"},
    {"StaysSoAfterwards", "- {at: healed + 30s, expect: {node: bob, linked: ana, stays: 30s}}\n", nullptr},
    {"StaysNotYet", "- {at: 9s, expect: {node: cy, key: k, value: v, stays: 5s}}\n",
     "9.000000 until 14.000000 s: 'k' should be v, and is nothing"},
    {"NeverSo", "- {at: 11s, expect: {node: cy, key: k, absent: on, never: 60s}}\n", nullptr},
    {"NeverButOnce", "- {at: 0s, expect: {node: cy, not_linked: bob, never: 10s..100s}}\n",
     "should never be so until 100.000000 s"},
    {"NeverBefore", "- {at: 0s, expect: {node: cy, key: k, value: v, never: 9s}}\n", nullptr},
    {"Epoch", "- {at: 15s, expect: {node: cy, key: k, epoch: 1}}\n", nullptr},
    {"EpochElse", "- {at: 15s, expect: {node: cy, key: k, epoch: 2..}}\n",
     "the epoch of 'k' should be at least 2, and is 1"},
    {"Held", "- {at: 15s, expect: {node: cy, key: k, lease: held, state: foreign, left: 50min..2h}}\n", nullptr},
    {"HeldByUs", "- {at: 15s, expect: {node: ana, key: k, lease: held, state: settled, left: 50min..1h}}\n", nullptr},
    {"NotLapsed", "- {at: 15s, expect: {node: cy, key: k, lease: lapsed}}\n",
     "the lease of 'k' should be lapsed, and is held"},
    {"NoLease", "- {at: 15s, expect: {node: cy, key: other, lease: none}}\n", nullptr},
    {"NoSuchState", "- {at: 15s, expect: {node: cy, key: k, state: lost}}\n",
     "the lease's state of 'k' should be lost, and is foreign"},
    {"NotSoLong", "- {at: 15s, expect: {node: cy, key: k, left: 1s..2s}}\n",
     "the lease's time left of 'k' should be 1.000000 to 2.000000 s"},
    {"Figures", "- {at: 15s, expect: {node: cy, info: {neighbours: 2, frames_sent: 1.., too_large: 0}}}\n", nullptr},
    {"FiguresElse", "- {at: 15s, expect: {node: cy, info: {neighbours: 3}}}\n", "should have 3 neighbours, and has 2"},
    {"FiguresSince",
     "- {at: healed + 9s, expect: {node: cy, info: {dials: 0..99, frames_received: 1..99}, since: healed}}\n", nullptr},
    {"SameFence", "- {at: healed + 9s, expect: {nodes: all, key: k, fence: same, since: healed}}\n", nullptr},
    {"NotALargerFence", "- {at: healed + 9s, expect: {node: cy, key: k, fence: larger, since: healed}}\n",
     "the fence of 'k' should be larger than at healed, and is the same"},
    {"MomentNotYet", "- {at: 15s, expect: {node: cy, key: k, fence: same, since: healed}}\n",
     "the moment 'healed' has not come"},
    {"CountsSince",
     "- {at: 45s, broadcast: {node: ana}}\n- {at: 50s, expect: {node: cy, messages: 1, since: healed}}\n", nullptr},
    {"CountsSinceElse",
     "- {at: 15s, broadcast: {node: ana}}\n- {at: 50s, expect: {node: cy, messages: 1, since: healed}}\n",
     "should have 1 messages since healed, and has 0"},
    {"Waited", "- {at: 15s, set: {node: ana, key: w, value: x, wait: 2, waited: 2}}\n", nullptr},
    {"WaitedInVain", "- {at: 38s, set: {node: ana, key: w, value: x, wait: 2, waited: 2, within: 1s}}\n",
     "39.000000 'w' should be confirmed by 2 within 1.000000 s, and is by 1"},
    {"TypedValue",
     "- {at: 15s, set: {node: ana, key: t, value: [1, {a: null}]}}\n"
     "- {at: 16s, expect: {node: cy, key: t, value: [1, {a: ~}]}}\n",
     nullptr},
    {"TypedNumber",
     "- {at: 15s, set: {node: ana, key: t, value: !!int 5}}\n- {at: 16s, expect: {node: cy, key: t, value: !!int 5}}\n",
     nullptr},
    {"ANumberIsNoText",
     "- {at: 15s, set: {node: ana, key: t, value: !!int 5}}\n- {at: 16s, expect: {node: cy, key: t, value: 5}}\n",
     "'t' should be 5, and is 5 of another type"},
};

INSTANTIATE_TEST_SUITE_P(All, Demands, testing::ValuesIn(kDemands), [](const auto& test) { return test.param.name; });

TEST(Spans, WhatMustNeverBeSoFailsAtItsMoment) {
  const auto said = complaints("- {at: 0s, expect: {node: cy, key: k, value: v, never: 60s}}\n");
  ASSERT_EQ(said.size(), 1U);
  EXPECT_THAT(said.front(), testing::StartsWith("10.0"));
}

TEST(Triggers, AStepFollowsItsEvent) {
  EXPECT_THAT(complaints("- {when: {node: bob, event: updated, key: k}, after: 1s, crash: {node: bob, for: 3s}}\n"
                         "- {at: 12s, expect: {node: cy, not_linked: bob}}\n"
                         "- {at: 12s, expect: {node: bob, size: 1, eventually: 1s..9s}}\n"),
              IsEmpty());
}

TEST(Triggers, OnlyTheNthEventOfThatNodeAboutThatKeyCounts) {
  for (const char* when : {"{node: bob, event: updated, key: k, nth: 2}", "{node: bob, event: updated, key: other}",
                           "{node: bob, event: deleted, key: k}", "{node: bob, event: updated, key: k, from: 15s}"}) {
    EXPECT_THAT(complaints(fmt::format("- {{when: {}, crash: {{node: bob}}}}\n", when), "strict: on\n"),
                ElementsAre(HasSubstr("crash changes nothing: its event has not come (f.yaml:7)")))
        << when;
  }
}

TEST(Triggers, AMomentMayWaitForAnEventAndOthersForIt) {
  EXPECT_THAT(complaints("- {when: {node: cy, event: updated, key: k}, mark: seen}\n"
                         "- {at: seen + 2s, set: {node: cy, key: echo, value: heard}}\n"
                         "- {at: 11s, expect: {node: ana, key: echo, absent: on}}\n"
                         "- {at: 13s, expect: {node: ana, key: echo, value: heard}}\n",
                         "strict: on\n"),
              IsEmpty());
}

TEST(Triggers, TheNthMessageOfAKindIsTamperedWith) {
  const sim::RunResult result = run_yaml(
      "nodes: [ana, bob]\nstrict: on\nsteps:\n- {at: 5s, tamper: {from: ana, to: bob, how: repeat, kind: store, nth: "
      "3}}\n"
      "- {at: 10s, set: {node: ana, key: a, value: v}}\n- {at: 11s, set: {node: ana, key: b, value: v}}\n"
      "- {at: 12s, mark: third}\n- {at: 20s, set: {node: ana, key: c, value: v}}\n"
      "- {at: 15s, expect: {node: bob, info: {duplicates: 0}}}\n- {at: 25s, expect: {node: bob, info: {duplicates: "
      "1}}}\n");
  EXPECT_TRUE(result.passed()) << result.violations.front().what;
  EXPECT_EQ(result.counters.faults[sim::Fault::kRepeatedFrame], 1U);
}

TEST(Sites, HaveTheirDistances) {
  const auto said = [](const std::string& expect) {
    const sim::RunResult result = run_yaml(
        "nodes: 4\nstrict: on\nnetwork:\n  jitter: 0\n  sites: {a: {nodes: [n1, n2], latency: 1ms}, b: {nodes: [n3, "
        "n4], "
        "latency: 1ms}}\n  between: {latency: 1s}\nsteps:\n- {at: 20s, set: {node: n1, key: k, value: v}}\n" +
        expect);
    return result.passed();
  };
  EXPECT_TRUE(said("- {at: 20010ms, expect: {node: n2, key: k, value: v}}\n"));
  EXPECT_TRUE(said("- {at: 20900ms, expect: {nodes: [n3, n4], key: k, absent: on}}\n"));
  EXPECT_TRUE(said("- {at: 21100ms, expect: {nodes: [n3, n4], key: k, value: v}}\n"));
  // What a step does not say stays as it is between sites.
  EXPECT_TRUE(
      said("- {at: 19s, link: {of: n3, piece: 3B}}\n- {at: 20900ms, expect: {node: n3, key: k, absent: on}}\n"));
  EXPECT_TRUE(
      said("- {at: 15s, link: {latency: 1ms, for: 10s}}\n- {at: 20100ms, expect: {nodes: all, key: k, value: v}}\n"
           "- {at: 30s, set: {node: n1, key: k, value: w}}\n- {at: 30900ms, expect: {node: n3, key: k, value: v}}\n"));
}

TEST(Strict, EachStepThatChangesNothingFails) {
  for (const char* step : {"restart: {node: ana}",
                           "resume: {node: ana}",
                           "heal:",
                           "mend: {from: ana, to: cy}",
                           "reset: {between: [ana, dot]}",
                           "half_open: {between: [ana, dot]}",
                           "dials: {node: ana, are: taken}",
                           "slow_reader: {node: ana, rate: unlimited}",
                           "disk: {node: ana, full: off}",
                           "clock: {node: ana, rate: 0ppm}",
                           "partition: {groups: [[ana, bob, cy, dot]]}",
                           "disconnect: {node: ana, from: dot}",
                           "whisper: {node: ana, to: dot}",
                           "broadcast: {node: dot}",
                           "stop: {node: dot}",
                           "crash: {node: dot}",
                           "pause: {node: dot}",
                           "storm: {nodes: [ana, dot]}",
                           "clone: {node: ana, of: bob}",
                           "link: {between: [ana, bob], over: on}"}) {
    const std::string plan =
        fmt::format("nodes: [ana, bob, cy, {{name: dot, start: never}}]\nsteps:\n- {{at: 20s, {}{}}}\n", step,
                    std::string(step) == "heal:" ? " " : "");
    const sim::RunResult loose = run_yaml(plan);
    EXPECT_TRUE(loose.passed()) << step;
    const sim::RunResult strict = run_yaml("strict: on\n" + plan);
    EXPECT_EQ(strict.violation_count, 1U) << step;
    EXPECT_EQ(strict.counters.idle_steps, 1U) << step;
    const sim::RunResult allowed = run_yaml("strict: on\n" + plan.substr(0, plan.size() - 2) + ", may_idle: on}\n");
    EXPECT_TRUE(allowed.passed()) << step;
  }
}

}  // namespace
}  // namespace meshdict::test
