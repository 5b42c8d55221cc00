// Each kind of fault on its own: what it does to a bare connection, clock or disk, that it counts when it has taken
// effect and only then, and that plans can say it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "core/encoding/frame.h"
#include "proptests/sim/network_fixture.h"
#include "sim/machines/virtual_clock.h"
#include "sim/plan/fault.h"
#include "sim/plan/yaml/plan.h"
#include "sim/plan/yaml/writer.h"
#include "sim/world/world.h"

namespace meshdict::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<std::string> whats(const std::vector<Arrival>& arrivals, NodeIndex at) {
  std::vector<std::string> texts;
  for (const Arrival& arrival : arrivals) {
    if (arrival.node == at) texts.push_back(arrival.what);
  }
  return texts;
}

class NetworkFault : public ::testing::Test {
 protected:
  NetworkFault() { wire.connect(); }
  /// What each end hears of what the other says now.
  void both_speak() {
    wire.send(0, "from 0");
    wire.send(1, "from 1");
    wire.run(wire.queue.now() + 1s);
  }
  std::vector<std::string> heard(NodeIndex node) { return whats(wire.arrivals, node); }

  Wire wire{3, 10ms};
};

TEST_F(NetworkFault, ACutHoldsBytesBothWaysUntilMended) {
  wire.network.cut({.from = {0}, .to = {1}});
  both_speak();
  EXPECT_THAT(wire.take(), IsEmpty());
  EXPECT_TRUE(wire.network.blocked(0, 1));
  EXPECT_FALSE(wire.network.blocked(0, 2));
  EXPECT_EQ(wire.faults[Fault::kCut], 2U);
  wire.network.mend({.from = {1}, .to = {0}});  // another cut
  wire.run(wire.queue.now() + 1s);
  EXPECT_THAT(wire.take(), IsEmpty());
  wire.network.mend({.from = {0}, .to = {1}});
  wire.run(wire.queue.now() + 1s);
  EXPECT_THAT(heard(0), ElementsAre("from 1"));
  EXPECT_THAT(heard(1), ElementsAre("from 0"));
}

TEST_F(NetworkFault, AOneWayCutHoldsOneDirection) {
  wire.network.cut({.from = {0}, .to = {1}, .one_way = true});
  both_speak();
  EXPECT_THAT(heard(0), ElementsAre("from 1"));
  EXPECT_THAT(heard(1), IsEmpty());
  EXPECT_EQ(wire.faults[Fault::kOneWayCut], 1U);
  EXPECT_EQ(wire.faults[Fault::kCut], 0U);
}

TEST_F(NetworkFault, AOneSidedResetIsLearntOfBySending) {
  wire.network.lose_end(0, 1, false);
  EXPECT_THAT(heard(0), ElementsAre("connection reset"));
  EXPECT_THAT(heard(1), IsEmpty());
  wire.send(1, "lost");
  wire.run(wire.queue.now() + 1s);
  EXPECT_THAT(heard(1), ElementsAre("connection reset by the peer"));
  EXPECT_EQ(wire.faults[Fault::kOneSidedReset], 1U);
}

TEST_F(NetworkFault, AHalfOpenConnectionSwallowsWhatIsSent) {
  wire.network.lose_end(0, 1, true);
  wire.send(1, "lost");
  wire.run(wire.queue.now() + 60s);
  EXPECT_THAT(heard(0), ElementsAre("connection lost"));
  EXPECT_THAT(heard(1), IsEmpty());
  EXPECT_EQ(wire.faults[Fault::kHalfOpen], 1U);
  wire.network.close(wire.conns[1]);
  EXPECT_THAT(wire.network.open_connections(), IsEmpty());
}

TEST_F(NetworkFault, AResetInsideAFrameDeliversHalfOfIt) {
  wire.network.break_next_frame(1, 0);
  wire.send(0, "abcdef");
  wire.run(wire.queue.now() + 1s);
  EXPECT_THAT(heard(1), ElementsAre("abc", "connection reset"));
  EXPECT_THAT(heard(0), ElementsAre("connection reset"));
  EXPECT_EQ(wire.faults[Fault::kResetInsideFrame], 1U);
}

TEST_F(NetworkFault, DialsAreRefusedOrGoUnanswered) {
  wire.network.set_dials(2, DialAnswer::kRefused);
  wire.network.dial(0, 2);
  wire.run(wire.queue.now() + 1s);
  EXPECT_THAT(whats(wire.take(), 0), ElementsAre("connection refused"));
  wire.network.set_dials(2, DialAnswer::kLost);
  wire.network.dial(0, 2);
  wire.run(wire.queue.now() + kDialTimeout - 1ms);
  EXPECT_THAT(wire.take(), IsEmpty());
  wire.run(wire.queue.now() + 1ms);
  EXPECT_THAT(whats(wire.take(), 0), ElementsAre("no answer"));
  wire.network.set_dials(2, DialAnswer::kTaken);
  wire.network.dial(0, 2);
  wire.run(wire.queue.now() + 1s);
  EXPECT_THAT(heard(2), ElementsAre("accepted"));
  EXPECT_EQ(wire.faults[Fault::kRefusedDial], 1U);
  EXPECT_EQ(wire.faults[Fault::kLostDial], 1U);
}

TEST_F(NetworkFault, ASlowReaderTakesItsTimeAndCatchesUp) {
  wire.network.set_read_rate(1, 1'000);
  for (const char* text : {"a", "b", "c"})
    wire.send(0, text, 1'000);
  wire.send(1, "back", 1'000);
  const Duration begin = wire.queue.now();
  wire.run(begin + 1500ms);
  EXPECT_THAT(heard(1), ElementsAre("a"));
  EXPECT_THAT(heard(0), ElementsAre("back"));
  EXPECT_GT(wire.network.queued(wire.conns[0]), 1'000U);
  EXPECT_EQ(wire.faults[Fault::kSlowReader], 3U);
  wire.network.set_read_rate(1, 0);
  wire.run(begin + 1600ms);
  EXPECT_THAT(heard(1), ElementsAre("a", "b", "c"));
}

TEST_F(NetworkFault, FragmentsAreHandedOverOneByOne) {
  wire.network.set_link({.a = 0, .b = 1, .link = {.latency = {10ms, 10ms}, .jitter = {}, .piece = 2}});
  wire.send(0, "abcde");
  wire.run(wire.queue.now() + 1s);
  EXPECT_THAT(heard(1), ElementsAre("ab", "cd", "e"));
  EXPECT_EQ(wire.faults[Fault::kFragments], 1U);
  EXPECT_EQ(wire.faults[Fault::kLatency] + wire.faults[Fault::kJitter] + wire.faults[Fault::kBandwidth], 0U);
}

TEST_F(NetworkFault, AnotherLinkCountsByWhatIsOther) {
  wire.network.set_link({.a = 0, .b = 1, .link = {.latency = {20ms, 20ms}, .jitter = {}}});
  EXPECT_EQ(wire.faults[Fault::kLatency], 1U);
  wire.network.set_link({.a = 0, .b = 1, .link = {.latency = {10ms, 10ms}, .jitter = {1ms, 1ms}}});
  EXPECT_EQ(wire.faults[Fault::kJitter], 1U);
  wire.network.set_link({.a = 0, .link = {.latency = {10ms, 10ms}, .jitter = {}, .bandwidth = 9}});
  EXPECT_EQ(wire.faults[Fault::kBandwidth], 1U);
}

/// One frame from 0 to 1 after the other: `first`, then "next".
std::vector<std::string> tampered(Wire& wire, Tampering how, const std::string& first) {
  wire.network.tamper({.from = 0, .to = 1, .how = how});
  wire.send(1, "not this way");
  wire.send(0, first);
  wire.send(0, "next");
  wire.run(wire.queue.now() + 60s);
  return whats(wire.arrivals, 1);
}

TEST_F(NetworkFault, ABitFlipChangesOneBitOfTheHash) {
  const std::string frame(100, 'x');
  const auto heard = tampered(wire, Tampering::kFlip, frame);
  ASSERT_THAT(heard, SizeIs(2));
  ASSERT_EQ(heard[0].size(), frame.size());
  int bits = 0;
  for (std::size_t i = 0; i < frame.size(); ++i) {
    const auto difference = static_cast<unsigned char>(heard[0][i] ^ frame[i]);
    bits += __builtin_popcount(difference);
    EXPECT_TRUE(difference == 0 || (i >= kFrameHeader && i < kFrameHeader + kHashSize));
  }
  EXPECT_EQ(bits, 1);
  EXPECT_EQ(heard[1], "next");
  EXPECT_EQ(wire.faults[Fault::kBitFlip], 1U);
}

TEST_F(NetworkFault, ATruncatedFrameLacksItsLastBytes) {
  const std::string frame(100, 'x');
  const auto heard = tampered(wire, Tampering::kTruncate, frame);
  ASSERT_THAT(heard, SizeIs(2));
  EXPECT_LT(heard[0].size(), 100U);
  EXPECT_GE(heard[0].size(), 92U);
  EXPECT_EQ(heard[1], "next");
  EXPECT_EQ(wire.faults[Fault::kTruncatedFrame], 1U);
}

TEST_F(NetworkFault, ARepeatedFrameArrivesTwiceAtOnceAndAStaleOneLater) {
  EXPECT_THAT(tampered(wire, Tampering::kRepeat, "a"), ElementsAre("a", "a", "next"));
  wire.take();
  EXPECT_THAT(tampered(wire, Tampering::kStale, "b"), ElementsAre("b", "next", "b"));
  EXPECT_EQ(wire.arrivals.back().at - wire.arrivals.front().at, 3s);
  EXPECT_EQ(wire.faults[Fault::kRepeatedFrame], 1U);
  EXPECT_EQ(wire.faults[Fault::kStaleFrame], 1U);
}

TEST_F(NetworkFault, AStaleFrameOfADeadConnectionIsForgotten) {
  wire.network.tamper({.from = 0, .to = 1, .how = Tampering::kStale});
  wire.send(0, "b");
  wire.run(wire.queue.now() + 1s);
  wire.network.reset_between(0, 1);
  wire.take();
  wire.run(wire.queue.now() + 60s);
  EXPECT_THAT(wire.arrivals, IsEmpty());
  EXPECT_EQ(wire.faults[Fault::kStaleFrame], 0U);
  EXPECT_EQ(wire.faults[Fault::kReset], 1U);
}

// Clocks

TEST(VirtualClock, RunsAtItsRateAndNeverMissesATime) {
  EventQueue world(1);
  VirtualClock clock(world, 2s, 100s);
  EXPECT_EQ(clock.wall(), kEpoch + 2s);
  world.advance_to(10s);
  clock.set_rate(500);
  world.advance_to(1'010s);
  EXPECT_EQ(clock.wall(), kEpoch + 1'012s + 500ms);
  EXPECT_EQ(clock.monotonic(), MonoTime(1'110s + 500ms));
  EXPECT_EQ(clock.wall_offset(), 2s + 500ms);
  EXPECT_EQ(clock.largest_ppm(), 500);
  clock.set_rate(-700);
  EXPECT_EQ(clock.wall_offset(), 2s + 500ms);
  for (const Duration wait : {1us, 3us, 1'427us, 1'428us, 10s + 1us}) {
    const MonoTime wanted = clock.monotonic() + wait;
    const Duration due = clock.world_time(wanted);
    world.advance_to(due - 1us);
    EXPECT_LE(clock.monotonic(), wanted);
    world.advance_to(due);
    EXPECT_GE(clock.monotonic(), wanted);
    EXPECT_LE(clock.monotonic(), wanted + 1us);
  }
  EXPECT_EQ(clock.largest_ppm(), 700);
}

TEST(VirtualClock, JumpsOfTheWallClockLeaveTheOtherAlone) {
  EventQueue world(1);
  VirtualClock clock(world, 0s, 100s);
  clock.jump(5s);
  clock.jump(-8s);
  EXPECT_EQ(clock.wall_offset(), -3s);
  EXPECT_EQ(clock.monotonic(), MonoTime(100s));
  VirtualClock other(world, 1s, 0s);
  // When it was 5 s ahead.
  EXPECT_EQ(largest_difference(clock, other), 4s);
  world.advance_to(7s);
  clock.reboot();
  EXPECT_EQ(clock.monotonic(), MonoTime(0s));
  EXPECT_EQ(clock.wall_offset(), -3s);
}

// Nodes and disks, in worlds

/// Runs a plan of ana, bob and cy (who starts only as a clone) with these steps.
RunResult run_steps(const std::string& steps, std::uint64_t seed = 1) {
  const std::string yaml =
      "nodes: [{name: ana, clock: 30ms}, {name: bob, durability: interval}, {name: cy, start: never}]\n"
      "settings: {lease: 20s, skew: 1s, settle: 500ms, clock_guard: off}\nsteps:\n" +
      steps + "quiet: 90s\n";
  const auto plan = load_plan(yaml, "f.yaml");
  if (!plan) throw std::runtime_error(plan.error().front());
  return run_plan(*plan, seed, {.sanity_every = 1});
}

struct Case {
  Fault fault;
  std::string steps;
  std::uint64_t times = 1;
};
void PrintTo(const Case& what, std::ostream* os) {
  *os << info_of(what.fault).name;
}

class NodeFault : public ::testing::TestWithParam<Case> {};

TEST_P(NodeFault, TakesEffectAndIsSurvived) {
  const RunResult result = run_steps(GetParam().steps);
  for (const Violation& violation : result.violations)
    ADD_FAILURE() << violation.property << ": " << violation.what;
  EXPECT_EQ(result.counters.faults[GetParam().fault], GetParam().times);
}

const std::string kSet = "- {at: 4s, set: {node: bob, key: k, value: v, expect: ok}}\n";

INSTANTIATE_TEST_SUITE_P(
    Faults, NodeFault,
    ::testing::Values(
        Case{Fault::kCrash, kSet + "- {at: 5s, crash: {node: bob, for: 2s}}\n"
                                   "- {at: 20s, expect: {node: bob, key: k, value: v, owner: bob}}\n"},
        Case{Fault::kSilentCrash, kSet + "- {at: 5s, crash: {node: bob, silent: on, for: 2s}}\n"
                                         "- {at: 9s, expect: {node: ana, linked: bob}}\n"},
        Case{Fault::kPowerFailure, kSet + "- {at: 4010ms, partition: {groups: [[bob]], for: 30s}}\n"
                                          "- {at: 4100ms, set: {node: bob, key: k2, value: v}}\n"
                                          "- {at: 4200ms, crash: {node: bob, power: on, for: 2s}}\n"},
        Case{Fault::kRestart, "- {at: 5s, stop: {node: bob}}\n- {at: 6s, restart: {node: bob}}\n"},
        Case{Fault::kRestartWithoutDisk, kSet + "- {at: 5s, crash: {node: bob, disk: lost, for: 2s}}\n"
                                                "- {at: 9s, set: {node: bob, key: k, value: w, expect: leased}}\n"},
        Case{Fault::kRestartWithIdentityOnly, kSet + "- {at: 5s, crash: {node: bob, disk: identity, for: 2s}}\n"
                                                     "- {at: 9s, set: {node: bob, key: k, value: w, expect: ok}}\n"},
        Case{Fault::kClone, kSet + "- {at: 5s, clone: {node: cy, of: bob, for: 8s}}\n"
                                   "- {at: 10s, expect: {node: cy, key: k, value: v, owner: cy}}\n"
                                   "- {at: 30s, expect: {node: bob, refused: {reason: identity_in_use}}}\n"},
        Case{Fault::kFullDisk,
             "- {at: 4s, disk: {node: bob, full: on, for: 5s}}\n"
             "- {at: 5s, set: {node: bob, key: k, value: v}}\n"
             "- {at: 20s, set: {node: bob, key: k, value: w, expect: ok}}\n"},
        Case{Fault::kSlowDisk, "- {at: 3s, disk: {node: bob, delay: 300ms, for: 5s}}\n" + kSet +
                                   "- {at: 4200ms, set: {node: bob, key: k, value: lost}}\n"
                                   "- {at: 5s, expect: {nodes: [ana, bob], key: k, value: v}}\n"},
        Case{Fault::kPause,
             "- {at: 4s, pause: {node: bob, for: 3s}}\n"
             "- {at: 5s, broadcast: {node: ana, text: m}}\n"
             "- {at: 6s, expect: {node: ana, linked: bob}}\n"
             "- {at: 8s, expect: {node: bob, messages: 1}}\n"},
        Case{Fault::kClockSkew, "- {at: 4s, broadcast: {node: ana, text: m}}\n"},
        Case{Fault::kClockRate, "- {at: 4s, clock: {node: bob, rate: -400ppm, for: 5s}}\n"},
        Case{Fault::kClockForward, "- {at: 3s, clock: {node: bob, jump: 9s, for: 5s}}\n" + kSet +
                                       "- {at: 5s, expect: {node: ana, key: k, absent: on}}\n"
                                       "- {at: 25s, expect: {node: ana, key: k, value: v}}\n"},
        Case{Fault::kClockBackward, "- {at: 3s, clock: {node: bob, jump: -9s}}\n" + kSet}));

TEST(PausedNode, TakesNoOrders) {
  const RunResult result = run_steps(
      "- {at: 4s, pause: {node: bob, for: 3s}}\n- {at: 5s, set: {node: bob, key: k, value: v}}\n"
      "- {at: 6s, expect: {node: ana, key: k, absent: on}}\n");
  EXPECT_TRUE(result.passed());
  EXPECT_EQ(result.counters.skipped, 1U);
}

// Names

TEST(Faults, HaveNamesOfTheirOwnAndExamplesThatAreRead) {
  std::set<std::string_view> names;
  for (const FaultInfo& info : fault_infos()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    const bool of_a_node = info.yaml.starts_with("nodes:");
    const std::string yaml = of_a_node ? std::string(info.yaml) + "\n"
                                       : "nodes: [ana, bob, cy]\nsteps: [{" + std::string(info.yaml) + "}]\n";
    const auto plan = load_plan(yaml, "f.yaml");
    ASSERT_TRUE(plan) << plan.error().front();
    if (of_a_node) continue;
    // What was read can be written, and read again.
    const Plan drawn = expand(*plan, 1);
    const auto again = load_plan(to_yaml(drawn), "g.yaml");
    ASSERT_TRUE(again) << again.error().front();
    EXPECT_EQ(to_yaml(expand(*again, 1)), to_yaml(drawn)) << info.yaml;
  }
}

}  // namespace
}  // namespace meshdict::test
