// What a plan expects and what oracles judge can fail.

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proptests/sim/judged.h"
#include "proptests/sim/run_yaml.h"
#include "sim/oracles/broadcasts.h"
#include "sim/oracles/records.h"

namespace meshdict::test {
namespace {

using testing::TestWithParam;

// What a plan expects

// Two nodes, a write and a broadcast; then a demand that does not hold.
class FalseDemands : public TestWithParam<const char*> {};

TEST_P(FalseDemands, AreViolations) {
  const std::string base =
      "nodes: [a, b, {name: c, network: other}]\nsteps:\n- at: 5s\n  set: {node: a, key: k, value: v}\n"
      "- broadcast: {node: a}\n- at: 10s\n  ";
  EXPECT_TRUE(run_yaml(base + "expect: {nodes: [a, b], size: 1}\n").passed());
  const RunResult result = run_yaml(base + GetParam() + "\n");
  ASSERT_EQ(result.violation_count, 1U);
  EXPECT_EQ(result.violations.front().property, "expect");
  EXPECT_EQ(result.violations.front().at, Duration(10s));
  EXPECT_NE(result.violations.front().what.find("f.yaml:6"), std::string::npos) << result.violations.front().what;
}

INSTANTIATE_TEST_SUITE_P(
    All, FalseDemands,
    testing::Values("expect: {node: b, key: k, value: w}", "expect: {node: b, key: k, absent: on}",
                    "expect: {node: b, key: k, owner: b}", "expect: {node: b, key: x, owner: b}",
                    "expect: {node: b, size: 2..}", "expect: {node: b, neighbours: 0}",
                    "expect: {node: b, messages: 2}", "expect: {node: a, conflicts: 1}", "expect: {node: a, linked: c}",
                    "expect: {node: a, not_linked: b}", "expect: {node: a, refused: {reason: wrong_network}}",
                    "expect: {nodes: [a, c], equal: on}", "expect: {nodes: all, in_all: {messages: 2}}",
                    "expect: {nodes: all, in_all: {conflicts: 1..}}", "set: {node: b, key: k, value: w, expect: ok}",
                    "set: {node: a, key: k, value: w, expect: leased}", "delete: {node: b, key: k, expect: missing}",
                    "set: {node: b, key: k, value: w, expect: leased, owner: c}"));

// Oracles

TEST(Oracles, SeeNodesThatNeverMeet) {
  const RunResult result =
      run_yaml("nodes: [a, b]\njoin: none\nsteps:\n- at: 5s\n  set: {node: a, key: k, value: v}\nquiet: 20s\n");
  std::map<std::string, int> violated;
  for (const Violation& violation : result.violations)
    ++violated[violation.property];
  EXPECT_EQ(violated, (std::map<std::string, int>{{"C1", 2}, {"S1", 1}, {"connected", 1}}));
}

TEST(Oracles, CanBeNamed) {
  EXPECT_TRUE(run_yaml("nodes: [a, b]\njoin: none\nsteps:\n- at: 5s\n  set: {node: a, key: k, value: v}\n"
                       "check: [S2, S6, B1]\n")
                  .passed());
}

TEST(BroadcastOracle, AsksForThoseWhoseLinksStayedUp) {
  for (const bool link_falls : {false, true}) {
    Judged judged;
    BroadcastOracle oracle(judged.hosts, judged.network, judged.queue, judged.findings);
    oracle.peer_up(0, 1);
    oracle.peer_up(1, 0);
    judged.queue.advance_to(1s);
    oracle.sent(0);
    judged.queue.advance_to(2s);
    if (link_falls) oracle.disturbed(0, 1);
    oracle.check(0);
    EXPECT_EQ(judged.findings.count(), link_falls ? 0U : 1U);
  }
}

TEST(BroadcastOracle, DoubtsALinkForARoundTripAfterItsPartition) {
  // Bob closes one of two connections behind the partition. Ana's broadcast is lost with it, and ana learns it then.
  const std::string plan =
      "nodes: [ana, {name: bob, join: [ana]}]\njoin: none\nnetwork: {latency: 40ms}\nsteps:\n"
      "- {at: 1500ms, crash: {node: bob, for: 1702325us}}\n"
      "- {at: 3200ms, cut: {from: [bob], to: [ana], for: 8195594us}}\n"
      "- {at: 3500ms, link: {latency: 288483us, jitter: 2462us, between: [ana, bob]}}\n"
      "- {at: 10s, slow_reader: {node: bob, rate: 3371B/s, for: 2740304us}}\n"
      "- {at: 13500ms, partition: {groups: [[ana]], for: 9s}}\n"
      "- {at: 23s, broadcast: {node: ana, text: hello}}\nquiet: 80s\ncheck: [B1]\n";
  for (std::uint64_t seed = 1; seed <= 20; ++seed)
    EXPECT_TRUE(run_yaml(plan, seed).passed()) << seed;
}

TEST(BroadcastOracle, SeesASecondDelivery) {
  Judged judged;
  BroadcastOracle oracle(judged.hosts, judged.network, judged.queue, judged.findings);
  oracle.sent(0);
  oracle.delivered(1, 0);
  EXPECT_EQ(judged.findings.count(), 0U);
  oracle.delivered(1, 0);
  EXPECT_EQ(judged.only(), "broadcast 0 arrived a second time");
}

TEST(BroadcastOracle, SeesEchoesAndInventions) {
  Judged judged;
  BroadcastOracle oracle(judged.hosts, judged.network, judged.queue, judged.findings);
  oracle.sent(0);
  oracle.delivered(0, 0);
  oracle.delivered(0, 7);
  EXPECT_EQ(judged.findings.count(), 2U);
}

NodeId owner(const char* text) {
  return *NodeId::parse(text);
}

/// How a version with that change stands to one without it.
template <typename Change>
int wins(Change change, Leasing leasing) {
  const Version base{.epoch = Epoch{2},
                     .claim_start = {50},
                     .owner = owner("bb"),
                     .boot = Boot{3},
                     .sequence = Sequence{4},
                     .value_hash = {},
                     .written = {60},
                     .kind = RecordKind::kValue};
  Version other = base;
  change(other);
  EXPECT_EQ(naive_compare(base, base, leasing), 0);
  EXPECT_EQ(naive_compare(other, base, leasing), -naive_compare(base, other, leasing));
  return naive_compare(other, base, leasing);
}

TEST(NaiveOrder, FollowsTheRulesOfLeases) {
  const auto on = Leasing::kOn;
  EXPECT_EQ(wins(
                [](Version& v) {
                  v.epoch = Epoch{3};
                  v.claim_start.bits = 99;
                },
                on),
            1);
  EXPECT_EQ(wins(
                [](Version& v) {
                  v.claim_start.bits = 49;
                  v.sequence = Sequence{0};
                },
                on),
            1);
  EXPECT_EQ(wins(
                [&](Version& v) {
                  v.owner = owner("ba");
                  v.boot = Boot{1};
                },
                on),
            1);
  EXPECT_EQ(wins([&](Version& v) { v.owner = owner("z"); }, on), 1);
  EXPECT_EQ(wins(
                [](Version& v) {
                  v.boot = Boot{4};
                  v.sequence = Sequence{0};
                },
                on),
            1);
  EXPECT_EQ(wins([](Version& v) { v.sequence = Sequence{5}; }, on), 1);
  EXPECT_EQ(wins(
                [](Version& v) {
                  v.value_hash.bytes[0] = 1;
                  v.written.bits = 1;
                },
                on),
            1);
  EXPECT_EQ(wins([](Version& v) { v.written.bits = 61; }, on), 1);
}

TEST(NaiveOrder, WithoutLeasesTheWriteTimeDecides) {
  const auto off = Leasing::kOff;
  EXPECT_EQ(wins(
                [](Version& v) {
                  v.epoch = Epoch{3};
                  v.written.bits = 1;
                },
                off),
            1);
  EXPECT_EQ(wins(
                [&](Version& v) {
                  v.written.bits = 61;
                  v.owner = owner("cc");
                },
                off),
            1);
  EXPECT_EQ(wins([&](Version& v) { v.owner = owner("ba"); }, off), 1);
}

// A deletion older than the horizon, when nodes keep none of those, is discarded also where it was made.
TEST(Oracles, WhatANodeNeedNotRememberItMayDiscard) {
  const auto run_with = [](const std::string& kept) {
    return run_yaml(
        "nodes: 4\nsettings: {lease: 5s, skew: 100ms, settle: 200ms, horizon: 10s, kept_deletions: " + kept +
        "}\nsteps:\n"
        "  - {at: 10s, set: {node: n1, key: k, value: v, expect: ok}}\n"
        "  - {at: 15s, partition: {groups: [[n1, n2], [n3, n4]], for: 60s}}\n"
        "  - {at: 20s, delete: {node: n1, key: k, expect: ok}}\n"
        "  - {at: 120s, expect: {nodes: all, key: k, " +
        (kept == "0" ? "value: v" : "absent: on") + "}}\n");
  };
  for (const std::string kept : {"0", "1"}) {
    const RunResult result = run_with(kept);
    EXPECT_TRUE(result.passed()) << kept << ": " << result.violations.front().what;
  }
}

// No connection comes up on such lines, and one that has come up is silent for too long.
TEST(Oracles, LinesThatCarryNoConnectionBreakNoPromise) {
  for (const std::string slow : {"latency: 20s", "gather: 20s", "latency: 1s..20s", "latency: 2s, gather: 3s"}) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      const RunResult result = run_yaml(
          "nodes: 4\nnetwork: {" + slow + "}\nworkload: {sets_per_second: 1, until: 20s}\nsteps: []\nquiet: 10min\n",
          seed);
      EXPECT_TRUE(result.passed()) << slow << " seed " << seed << ": " << result.violations.front().what;
    }
  }
}

TEST(Oracles, LinesAsSlowAsConnectionsBearStillMakeOneMesh) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const RunResult result = run_yaml(
        "nodes: 4\nnetwork: {latency: 2490ms, jitter: 0s..10ms}\nsteps:\n"
        "  - {at: 3min, expect: {nodes: all, neighbours: 1..}}\nquiet: 3min\n",
        seed);
    EXPECT_TRUE(result.passed()) << "seed " << seed << ": " << result.violations.front().what;
  }
}

}  // namespace
}  // namespace meshdict::test
