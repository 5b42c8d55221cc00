// The parts of the simulator, one by one: its queue, its network on bare connections, and that the oracles can see.

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "proptests/sim/network_fixture.h"
#include "proptests/sim/plan_gen.h"
#include "sim/machines/event_queue.h"
#include "sim/machines/network.h"
#include "sim/machines/ring.h"
#include "sim/plan/plan_yaml.h"
#include "sim/plan/writer.h"
#include "sim/plan/yaml_reader.h"
#include "sim/runs/report.h"
#include "sim/runs/runner.h"
#include "sim/world/world.h"

namespace meshdict::test {
namespace {

using testing::TestWithParam;

// The queue

RC_GTEST_PROP(EventQueue, GivesEventsByTimeAndNeverLosesOne, (std::uint64_t seed)) {
  EventQueue queue(seed);
  const auto times = *rc::gen::container<std::vector<std::int64_t>>(rc::gen::inRange<std::int64_t>(0, 20));
  for (std::size_t i = 0; i < times.size(); ++i)
    queue.push(Duration(times[i]), EventKind::kTimer, i);
  std::vector<bool> seen(times.size(), false);
  std::int64_t before = 0;
  while (!queue.empty()) {
    const QueuedEvent event = queue.pop();
    RC_ASSERT(event.time_us >= before);
    RC_ASSERT(event.time_us == times[event.detail()]);
    RC_ASSERT(queue.now() == Duration(event.time_us));
    RC_ASSERT(!seen[event.detail()]);
    seen[event.detail()] = true;
    before = event.time_us;
  }
  RC_ASSERT(std::count(seen.begin(), seen.end(), false) == 0);
}

std::vector<std::uint64_t> order_of_equal_times(std::uint64_t seed) {
  EventQueue queue(seed);
  for (std::uint64_t i = 0; i < 20; ++i)
    queue.push(1s, EventKind::kTimer, i);
  std::vector<std::uint64_t> order;
  while (!queue.empty())
    order.push_back(queue.pop().detail());
  return order;
}

TEST(EventQueue, TheSeedBreaksTies) {
  EXPECT_EQ(order_of_equal_times(1), order_of_equal_times(1));
  EXPECT_NE(order_of_equal_times(1), order_of_equal_times(2));
}

RC_GTEST_PROP(Ring, IsAQueue, (const std::vector<bool>& pushes)) {
  Ring<int> ring;
  std::vector<int> model;
  int next = 0;
  for (const bool push : pushes) {
    if (push || model.empty()) {
      ring.push_back(next);
      model.push_back(next++);
    } else {
      RC_ASSERT(ring.pop_front() == model.front());
      model.erase(model.begin());
    }
    RC_ASSERT(ring.size() == model.size());
    if (!model.empty()) RC_ASSERT(ring.front() == model.front());
  }
}

// The network, without engines

using Arrivals = std::vector<Arrival>;

TEST(Network, ConnectsInThreeFlightsAndDeliversInOrder) {
  Wire wire(2, 10ms);
  wire.conns[0] = wire.network.dial(0, 1);
  wire.run(20ms);
  EXPECT_EQ(wire.take(), (Arrivals{{20ms, 0, "connected"}}));
  wire.send(0, "a");
  wire.send(0, "b");
  wire.run(1s);
  EXPECT_EQ(wire.take(), (Arrivals{{30ms, 1, "accepted"}, {30ms, 1, "a"}, {30ms, 1, "b"}}));
  EXPECT_EQ(wire.network.open_connections().size(), 1U);
}

TEST(Network, ACloseArrivesBehindWhatWasSent) {
  Wire wire(2, 10ms);
  wire.connect();
  wire.send(0, "last words");
  wire.network.close(wire.conns[0]);
  wire.send(0, "too late");
  wire.run(5s);
  EXPECT_EQ(wire.take(), (Arrivals{{1s + 10ms, 1, "last words"}, {1s + 10ms, 1, "closed by the peer"}}));
  EXPECT_TRUE(wire.network.open_connections().empty());
}

TEST(Network, ADialIsRefusedOrTimesOut) {
  Wire wire(3, 10ms);
  wire.network.set_machine(1, Machine::kRefusing);
  wire.network.set_machine(2, Machine::kDead);
  wire.network.dial(0, 1);
  wire.network.dial(0, 2);
  wire.network.dial(0, kNobody);
  wire.run(1min);
  EXPECT_EQ(
      wire.take(),
      (Arrivals{{20ms, 0, "connection refused"}, {20ms, 0, "connection refused"}, {kDialTimeout, 0, "no answer"}}));
  EXPECT_EQ(wire.network.counters().dials_refused, 2U);
  EXPECT_EQ(wire.network.counters().dials_timed_out, 1U);
}

TEST(Network, APartitionHoldsBytesUntilItHeals) {
  Wire wire(2, 10ms);
  wire.connect();
  wire.send(0, "on its way");
  wire.network.set_groups({0, 1});
  wire.send(0, "during");
  wire.run(30s);
  EXPECT_EQ(wire.take(), Arrivals{});
  EXPECT_GT(wire.network.queued(wire.conns[0]), 0U);
  wire.network.set_groups({0, 0});
  wire.send(0, "after");
  wire.run(40s);
  EXPECT_EQ(wire.take(),
            (Arrivals{{30s + 10ms, 1, "on its way"}, {30s + 10ms, 1, "during"}, {30s + 10ms, 1, "after"}}));
}

TEST(Network, ADialDuringAPartitionTimesOut) {
  Wire wire(2, 10ms);
  wire.network.set_groups({0, 1});
  wire.network.dial(0, 1);
  wire.run(1min);
  EXPECT_EQ(wire.take(), (Arrivals{{kDialTimeout, 0, "no answer"}}));
}

TEST(Network, AResetTellsBothAndLosesWhatWasOnItsWay) {
  Wire wire(2, 10ms);
  wire.connect();
  wire.send(0, "lost");
  wire.network.reset_between(1, 0);
  wire.run(10s);
  EXPECT_EQ(wire.take(), (Arrivals{{1s, 0, "connection reset"}, {1s, 1, "connection reset"}}));
  EXPECT_EQ(wire.network.counters().lost, 1U);
}

TEST(Network, AKilledProcessResetsItsPeers) {
  Wire wire(2, 10ms);
  wire.connect();
  wire.send(1, "before");
  wire.network.set_machine(1, Machine::kRefusing);
  wire.network.abandon(1);
  wire.run(10s);
  EXPECT_EQ(wire.take(), (Arrivals{{1s + 10ms, 0, "before"}, {1s + 10ms, 0, "connection reset by the peer"}}));
}

TEST(Network, ADeadMachineIsSilentAndResetsOnceItIsBack) {
  Wire wire(2, 10ms);
  wire.connect();
  wire.network.set_machine(1, Machine::kDead);
  wire.network.abandon(1);
  wire.send(0, "into the void");
  wire.run(10s);
  EXPECT_EQ(wire.take(), Arrivals{});
  wire.network.set_machine(1, Machine::kUp);
  wire.send(0, "hello?");
  wire.run(20s);
  EXPECT_EQ(wire.take(), (Arrivals{{10s + 20ms, 0, "connection reset by the peer"}}));
}

TEST(Network, BandwidthQueuesAndTellsWhenItHasDrained) {
  Wire wire(2, 10ms, 1'000'000);
  wire.connect();
  const std::uint32_t large = limits::kBulkLowWater + 500'000;
  wire.send(0, "large", large);
  EXPECT_EQ(wire.network.queued(wire.conns[0]), large);
  wire.run(1s + 500ms);
  // What the line has carried shows, four times a second.
  EXPECT_EQ(wire.take(), (Arrivals{{1s + 260ms, 1, "l"}, {1s + 500ms, 0, "drained"}}));
  EXPECT_EQ(wire.network.queued(wire.conns[0]), limits::kBulkLowWater);
  wire.run(1min);
  EXPECT_EQ(wire.take(),
            (Arrivals{{1s + 510ms, 1, "ar"}, {1s + 760ms, 1, "g"}, {1s + Duration(large) + 10ms, 1, "e"}}));
}

TEST(Network, ALinkCanBeChanged) {
  Wire wire(2, 10ms);
  wire.connect();
  wire.network.set_link({0, 1, {{70ms, 70ms}, {0us, 0us}, 0}});
  wire.send(0, "slow");
  wire.run(10s);
  EXPECT_EQ(wire.take(), (Arrivals{{1s + 70ms, 1, "slow"}}));
}

TEST(Network, ConnectionsAreNeverNamedTwice) {
  Wire wire(2, 1ms);
  wire.connect();
  const ConnId first = wire.conns[0];
  wire.network.reset_between(0, 1);
  wire.connect();
  EXPECT_LT(first, wire.conns[0]);
  wire.network.send(first, {std::make_shared<const std::string>("stale"), 1, {}});
  wire.run(10s);
  EXPECT_EQ(wire.take(), Arrivals{});
}

// Expectations and oracles can see

RunResult run_yaml(const std::string& yaml, std::uint64_t seed = 1) {
  const auto plan = load_plan(yaml, "f.yaml");
  EXPECT_TRUE(plan.has_value()) << (plan ? "" : plan.error().front());
  return plan ? run_plan(*plan, seed) : RunResult();
}

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

// Two nodes in one place, for oracles on their own.
struct Judged {
  Judged() : findings(queue), addresses(plans()) {
    for (NodeIndex node = 0; node < 2; ++node) {
      hosts.push_back(std::make_unique<Host>(node, nodes[node], 1, false, queue, network, addresses, nobody_));
    }
  }
  std::vector<NodePlan>& plans() {
    nodes.resize(2);
    nodes[0].name = "a";
    nodes[1].name = "b";
    return nodes;
  }
  [[nodiscard]] std::string only() const { return findings.count() == 1 ? findings.list().front().what : "not one"; }

  class Nobody final : public Observer {
    void on_event(const Event&) override {}
  } nobody_;
  Wire wire_{2, 1ms};
  EventQueue& queue = wire_.queue;
  Network& network = wire_.network;
  Findings findings;
  std::vector<NodePlan> nodes;
  AddressBook addresses;
  Hosts hosts;
};

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

TEST(NaiveOrder, FollowsTheRules) {
  const auto owner = [](const char* text) { return *NodeId::parse(text); };
  Version base{.epoch = 2,
               .claim_start = {50},
               .owner = owner("bb"),
               .boot = 3,
               .sequence = 4,
               .value_hash = {},
               .written = {60},
               .kind = RecordKind::kValue};
  const auto wins = [&](auto change, Leasing leasing) {
    Version other = base;
    change(other);
    EXPECT_EQ(naive_compare(base, base, leasing), 0);
    EXPECT_EQ(naive_compare(other, base, leasing), -naive_compare(base, other, leasing));
    return naive_compare(other, base, leasing);
  };
  const auto on = Leasing::kOn;
  EXPECT_EQ(wins(
                [](Version& v) {
                  v.epoch = 3;
                  v.claim_start.bits = 99;
                },
                on),
            1);
  EXPECT_EQ(wins(
                [](Version& v) {
                  v.claim_start.bits = 49;
                  v.sequence = 0;
                },
                on),
            1);
  EXPECT_EQ(wins(
                [&](Version& v) {
                  v.owner = owner("ba");
                  v.boot = 1;
                },
                on),
            1);
  EXPECT_EQ(wins([&](Version& v) { v.owner = owner("z"); }, on), 1);
  EXPECT_EQ(wins(
                [](Version& v) {
                  v.boot = 4;
                  v.sequence = 0;
                },
                on),
            1);
  EXPECT_EQ(wins([](Version& v) { v.sequence = 5; }, on), 1);
  EXPECT_EQ(wins(
                [](Version& v) {
                  v.value_hash.bytes[0] = 1;
                  v.written.bits = 1;
                },
                on),
            1);
  EXPECT_EQ(wins([](Version& v) { v.written.bits = 61; }, on), 1);
  const auto off = Leasing::kOff;
  EXPECT_EQ(wins(
                [](Version& v) {
                  v.epoch = 3;
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

// Runs

TEST(Runner, ThreadsGiveTheSameResultsInTheSameOrder) {
  const auto plan = load_plan("nodes: 3\nworkload: {sets_per_second: 5, from: 5s, until: 8s}\nquiet: 20s\n", "p");
  ASSERT_TRUE(plan.has_value());
  const auto traces = [&](unsigned jobs, std::uint64_t last) {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> list;
    run_seeds([&](std::uint64_t seed) { return expand(*plan, seed); }, {.first = 3, .count = 38}, jobs, {},
              [&](const RunResult& result) {
                list.emplace_back(result.seed, result.trace);
                return result.seed != last;
              });
    return list;
  };
  const auto all = traces(1, 0);
  EXPECT_EQ(all.size(), 38U);
  EXPECT_EQ(traces(3, 0), all);
  const std::vector first_five(all.begin(), all.begin() + 5);
  EXPECT_EQ(traces(1, 7), first_five);
  EXPECT_EQ(traces(3, 7), first_five);
}

TEST(Report, TheLastLineHasItsForm) {
  RunResult result;
  result.plan = "f.yaml";
  result.seed = 7;
  result.events = 12;
  result.simulated = 1500ms;
  result.trace = 0xAB;
  EXPECT_EQ(result_line(result), "seed=7 events=12 simulated=1.500000 trace=00000000000000ab PASS");
  result.violation_count = 1;
  result.violations.push_back({"S1", 2s, {"ana", "bob"}, "differ"});
  sim::Plan plan;
  plan.name = "f.yaml";
  EXPECT_EQ(violations_text(result),
            "violated S1 at 2.000000 s, ana bob: differ\nreplay: meshdict-sim run f.yaml --seed 7\n");
  EXPECT_TRUE(result_line(result).ends_with("FAIL"));
}

}  // namespace
}  // namespace meshdict::test
