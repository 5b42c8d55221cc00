// What must be true within a bound is asked for then, and a run has bounds of its own.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "proptests/sim/judged.h"
#include "proptests/sim/run_yaml.h"
#include "sim/oracles/whispers.h"

namespace meshdict::test {
namespace {

using sim::Fault;

// Promises about the end

TEST(Calm, AsksAsSoonAsAPromiseMustHold) {
  const RunResult result =
      run_yaml("nodes: [a, b]\njoin: none\nsteps:\n- at: 5s\n  set: {node: a, key: k, value: v}\nquiet: 1h\n");
  for (const std::string property : {"S1", "C1", "connected"}) {
    const auto first = std::ranges::find(result.violations, property, &Violation::property);
    ASSERT_NE(first, result.violations.end()) << property;
    EXPECT_LT(first->at, Duration(2min)) << property;
  }
}

TEST(Calm, WaitsForTheEndOfWhatHinders) {
  const std::string base =
      "nodes: [a, b, c]\nsteps:\n- at: 10s\n  cut: {from: a, to: [b, c], for: 30min}\n"
      "- at: 20s\n  set: {node: a, key: k, value: v}\nquiet: 1h\n";
  EXPECT_TRUE(run_yaml(base).passed());
}

TEST(Calm, FindsNothingToSayOfAnIdleMesh) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const RunResult result = run_yaml(
        "nodes: 6\njoin: random 2\nworkload: {sets_per_second: 2, deletes_per_second: 1, until: 30s}\nsteps: "
        "[]\nquiet: 2h\n",
        seed);
    EXPECT_TRUE(result.passed()) << seed << ": " << result.violations.front().what;
  }
}

// Bounds of a run

class BoundsOfARun : public testing::Test {
 protected:
  static RunResult run(const RunOptions& options) {
    const auto plan = load_plan(
        "nodes: 3\nnetwork: {latency: 200ms}\nworkload: {sets_per_second: 50, until: 300s}\nsteps:\n"
        "- {at: 10s, partition: {groups: [[n1], [n2, n3]], for: 10s}}\n",
        "f.yaml");
    EXPECT_TRUE(plan.has_value());
    return run_plan(*plan, 1, options);
  }
};

TEST_F(BoundsOfARun, AreNotReachedByAnOrdinaryOne) {
  EXPECT_TRUE(run({}).passed());
}

TEST_F(BoundsOfARun, MoreEventsAreAViolation) {
  const RunResult result = run({.most_events = 100});
  ASSERT_EQ(result.violation_count, 1U);
  EXPECT_EQ(result.violations.front().property, "no end");
  EXPECT_LT(result.simulated, Duration(300s)) << "it has ended there";
}

TEST_F(BoundsOfARun, MoreBytesOnTheirWayAreAViolation) {
  const RunResult result = run({.most_held = 1'000});
  ASSERT_EQ(result.violation_count, 1U);
  EXPECT_EQ(result.violations.front().property, "memory");
}

// B2

struct Whispers : Judged {
  FaultCounts faults;
  WhisperOracle oracle{hosts, queue, faults, all_properties(), 1ms, findings};

  void whisper(WhisperOutcome outcome) {
    oracle.sending(0, 1);
    oracle.sent(outcome);
  }
  void pass(Duration time) { queue.advance_to(queue.now() + time); }
};

MessageId id_of(std::uint8_t first) {
  MessageId id{};
  id.bytes[0] = first;
  return id;
}

TEST(WhisperOracle, WhatWasToldToBeLostMustNotArrive) {
  for (const bool arrives_first : {false, true}) {
    Whispers judged;
    judged.whisper(WhisperOutcome::kDeferred);
    if (arrives_first) judged.oracle.arrived(1, 0, id_of(1));
    judged.oracle.undeliverable(0, 1, id_of(1));
    if (!arrives_first) judged.oracle.arrived(1, 0, id_of(1));
    EXPECT_NE(judged.only().find("undeliverable"), std::string::npos) << judged.only();
  }
}

TEST(WhisperOracle, ArrivesOnceWhereItIsMeant) {
  Whispers judged;
  judged.whisper(WhisperOutcome::kSent);
  judged.oracle.arrived(1, 0, id_of(1));
  EXPECT_EQ(judged.findings.count(), 0U);
  judged.oracle.arrived(1, 0, id_of(1));
  EXPECT_EQ(judged.only(), "whisper 0 arrived a second time");
  judged.oracle.arrived(0, 0, id_of(1));
  judged.oracle.arrived(1, 7, id_of(2));
  EXPECT_EQ(judged.findings.count(), 3U);
}

TEST(WhisperOracle, WhoeverWaitsIsToldInTime) {
  for (const Duration told : {Duration(29s), Duration(40s)}) {
    Whispers judged;
    judged.pass(1min);
    judged.whisper(WhisperOutcome::kDeferred);
    judged.pass(told);
    judged.oracle.undeliverable(0, 1, id_of(1));
    judged.pass(1min);
    judged.oracle.check_at_end(false);
    EXPECT_EQ(judged.findings.count(), told > 30s ? 1U : 0U) << told.count();
  }
}

TEST(WhisperOracle, WhatHasNotLeftIsToldThoughItsReceiverIsDown) {
  for (const bool leaves : {false, true}) {
    Whispers judged;
    judged.pass(1min);
    judged.oracle.disturbed(1);
    judged.whisper(WhisperOutcome::kDeferred);
    judged.pass(1s);
    if (leaves) judged.oracle.linked(0, 1);
    judged.pass(1min);
    judged.oracle.check_at_end(false);
    EXPECT_EQ(judged.findings.count(), leaves ? 0U : 1U);
  }
}

TEST(WhisperOracle, WhatWasSentArrivesUnlessTheLinkBreaks) {
  for (const bool breaks : {false, true}) {
    Whispers judged;
    judged.pass(1min);
    judged.whisper(WhisperOutcome::kSent);
    judged.pass(1s);
    if (breaks) judged.oracle.parted(1, 0);
    judged.pass(1min);
    judged.oracle.check_at_end(false);
    EXPECT_EQ(judged.findings.count(), breaks ? 0U : 1U);
  }
}

}  // namespace
}  // namespace meshdict::test
