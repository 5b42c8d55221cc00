// The queue of events, and the network on bare connections, without engines.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/encoding/compression.h"
#include "core/encoding/frame.h"
#include "proptests/sim/network_fixture.h"
#include "sim/machines/event_queue.h"
#include "sim/machines/network.h"
#include "sim/machines/ring.h"

namespace meshdict::test {
namespace {

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

// Half of its time is half of its bytes: a receiver gives a frame time by what has come.
TEST(Network, ASlowLineCarriesFramesAsTheyWereBeforeCompression) {
  const auto plain = make_frame(std::string(100'000, '.'));
  const Frame packed = compress_frame(*plain, Compression::kZlib);
  ASSERT_LT(packed.bytes->size(), 1'000U);
  Wire wire(2, 10ms, 10'000);
  wire.connect();
  wire.network.send(wire.conns[0], packed);
  wire.run(1s + 10ms + 5s);
  std::string come;
  for (const Arrival& part : wire.take())
    come += part.what;
  EXPECT_EQ(come.size(), 50'000U);
  wire.run(1min);
  for (const Arrival& part : wire.take())
    come += part.what;
  EXPECT_TRUE(come == *plain->bytes);
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

}  // namespace
}  // namespace meshdict::test
