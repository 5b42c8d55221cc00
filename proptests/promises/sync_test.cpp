// How engines compare their dictionaries: one engine against a peer that says exactly what the test wants, and small
// meshes of real ones. The sessions themselves are in reconcile_test.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "core/sync/reconciler.h"
#include "proptests/core/engine/engine_fixture.h"
#include "proptests/sim/plan_gen.h"
#include "sim/world/world.h"

namespace meshdict {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::Not;

class SyncTest : public ::testing::Test {
 protected:
  SyncTest() {
    EXPECT_TRUE(node->start());
    conn = peer.join(1);
    peer.heard(conn);
  }
  ~SyncTest() override { node->sanity_check(); }

  void write(int keys) {
    for (int i = 0; i < keys; ++i)
      ASSERT_TRUE(node->set("k" + std::to_string(i), bytes_value("value")));
    peer.heard(conn);
  }

  /// The first question of a node that has nothing.
  static RangeMessage first_question() {
    const ReconcileSet nothing;
    Reconciler asker(nothing);
    asker.ask(SessionId{7});
    return asker.work(100, [](const ReconcileSet::Entry&) { return true; })->message;
  }

  /// What one turn of the loop says.
  std::vector<std::string> turn() {
    node->on_time();
    return peer.heard(conn);
  }

  Node node;
  Peer peer{node, "A"};
  ConnId conn{};
};

TEST_F(SyncTest, RecordsGoBeforeTheAnswerAndABatchATurn) {
  write(600);
  peer.say(conn, SyncQuestion{first_question()});
  EXPECT_THAT(peer.heard(conn), IsEmpty()) << "the work is left to on_time()";
  EXPECT_LE(node->next_deadline(), node.clock.mono);
  EXPECT_THAT(turn(), ElementsAre("records"));
  EXPECT_THAT(turn(), ElementsAre("records"));
  EXPECT_THAT(turn(), ElementsAre("records", "sync-answer"));
  EXPECT_EQ(node->stats().bulk_records_sent, 600U);
}

TEST_F(SyncTest, ATransferWaitsUntilTheQueueHasDrained) {
  write(600);
  peer.say(conn, SyncQuestion{first_question()});
  EXPECT_THAT(turn(), ElementsAre("records"));
  node.transport.backlog = limits::kBulkLowWater + 1;
  EXPECT_THAT(turn(), IsEmpty());
  EXPECT_GT(node->next_deadline(), node.clock.mono) << "it does not spin meanwhile";
  node.transport.backlog = limits::kBulkLowWater;
  node->on_drained(conn);
  EXPECT_THAT(turn(), ElementsAre("records"));
}

TEST_F(SyncTest, TransfersTakeTurns) {
  write(600);
  Peer other(node, "B");
  const ConnId second = other.join(2);
  other.heard(second);
  peer.say(conn, SyncQuestion{first_question()});
  other.say(second, SyncQuestion{first_question()});
  std::vector<std::pair<std::size_t, std::size_t>> said;
  for (int i = 0; i < 6; ++i) {
    node->on_time();
    said.emplace_back(peer.heard(conn).size(), other.heard(second).size());
  }
  using P = std::pair<std::size_t, std::size_t>;
  EXPECT_THAT(said, ElementsAre(P{1, 0}, P{0, 1}, P{1, 0}, P{0, 1}, P{2, 0}, P{0, 2}));
}

TEST_F(SyncTest, RangesThatMakeNoSenseEndThatConnectionOnly) {
  Peer other(node, "B");
  const ConnId second = other.join(2);
  RangeMessage question = first_question();
  question.ranges = "\x01";
  peer.say(conn, SyncQuestion{question});
  EXPECT_TRUE(peer.closed(conn));
  ASSERT_EQ(node.told<PeerDown>().size(), 1U);
  EXPECT_EQ(node.told<PeerDown>()[0].reason, EndReason::kProtocolError);
  EXPECT_THAT(node.told<PeerDown>()[0].detail, ::testing::HasSubstr("ranges: a range is cut off"));
  EXPECT_FALSE(other.closed(second));
}

TEST_F(SyncTest, AnswersThatNobodyAskedForAreIgnored) {
  peer.say(conn, SyncAnswer{first_question()});
  RangeMessage damaged = first_question();
  damaged.ranges = "\x01";
  peer.say(conn, SyncAnswer{damaged});
  RangeMessage closing = first_question();
  closing.closing = true;
  peer.say(conn, SyncQuestion{closing});
  EXPECT_THAT(turn(), IsEmpty());
  EXPECT_FALSE(peer.closed(conn));
}

TEST_F(SyncTest, AsksOneNeighbourAfterTheOther) {
  Peer other(node, "B");
  const ConnId second = other.join(2);
  other.heard(second);
  // Neither answers: the first has its turn, and then the second, though nothing was heard of the first.
  std::vector<std::string> heard;
  for (int i = 0; i < 300; ++i) {
    node.pass(100ms);
    peer.say(conn, Ping{});
    other.say(second, Ping{});
    for (const std::string& name : peer.heard(conn))
      if (name == "sync-question") heard.emplace_back("A");
    for (const std::string& name : other.heard(second))
      if (name == "sync-question") heard.emplace_back("B");
  }
  EXPECT_THAT(heard, AllOf(Contains("A"), Contains("B")));
  EXPECT_THAT(node->stats().comparisons, AllOf(Ge(2U), Le(6U))) << "one in 10 s on average";
}

Records one_record(std::string_view key) {
  Version version{.epoch = Epoch{1}, .claim_start = at_ms(0), .owner = id("C"), .boot = Boot{1}, .written = at_ms(0)};
  static const Raw value = bytes_value("news");
  version.value_hash = sha256(value);
  return {.entries = {{.key = key, .value = value, .version = version}}};
}

TEST_F(SyncTest, NewsIsPassedOnButNotToWhomWeCompareWith) {
  Peer other(node, "B");
  Peer third(node, "C");
  const ConnId second = other.join(2);
  const ConnId asking = third.join(3);
  third.say(asking, SyncQuestion{first_question()});
  third.heard(asking);
  peer.say(conn, one_record("news"));
  EXPECT_THAT(peer.heard(conn), Not(Contains("records"))) << "it comes from there";
  EXPECT_THAT(other.heard(second), Contains("records"));
  EXPECT_THAT(third.heard(asking), Not(Contains("records")));
  EXPECT_EQ(node->stats().records_passed_on, 1U);
  other.say(second, one_record("news"));
  EXPECT_EQ(node->stats().records_passed_on, 1U) << "what is known is not passed on";

  node->on_time();
  third.heard(asking);
  RangeMessage closing = first_question();
  closing.closing = true;
  third.say(asking, SyncQuestion{closing});
  node->on_time();
  EXPECT_THAT(third.heard(asking), Contains("sync-question")) << "the session may have missed it";
}

TEST_F(SyncTest, NewsForASlowNeighbourWaitsForASession) {
  Peer other(node, "B");
  const ConnId second = other.join(2);
  other.heard(second);
  node.transport.backlog = limits::kBulkLowWater + 1;
  peer.say(conn, one_record("news"));
  EXPECT_THAT(other.heard(second), IsEmpty());
  node->on_time();
  EXPECT_THAT(other.heard(second), IsEmpty());
  node.transport.backlog = 0;
  node->on_drained(second);
  node->on_time();
  EXPECT_THAT(other.heard(second), ElementsAre("sync-question"));
}

// Meshes of real engines

using sim::World;

struct Totals {
  std::uint64_t comparisons = 0;
  std::uint64_t in_sessions = 0;
  std::uint64_t passed_on = 0;
  std::uint64_t bytes = 0;
};
Totals totals(const World& world) {
  Totals sum{.bytes = world.network().counters().delivered_bytes};
  for (const auto& host : world.hosts()) {
    if (!host->up()) continue;
    sum.comparisons += host->engine().stats().comparisons;
    sum.in_sessions += host->engine().stats().bulk_records_sent;
    sum.passed_on += host->engine().stats().records_passed_on;
  }
  return sum;
}

/// A few pings and small comparisons, and no record: what `nodes` settled nodes may say in a minute, all of them linked.
void expect_quiet(World& world, std::uint64_t nodes) {
  const Totals before = totals(world);
  world.run_until(world.now() + 60s);
  const Totals after = totals(world);
  RC_ASSERT(after.in_sessions == before.in_sessions);
  RC_ASSERT(after.passed_on == before.passed_on);
  RC_ASSERT(after.comparisons - before.comparisons <= nodes * 13);
  RC_ASSERT(after.bytes - before.bytes <= nodes * (13 * 1'000 + (nodes - 1) * 24 * 200));
}

RC_GTEST_PROP(Quiet, SettledNodesOnlyCompareNowAndThen, ()) {
  const auto seed = *rc::gen::arbitrary<std::uint64_t>();
  const sim::Plan plan = sim::expand(*test::any_plan(5, true), seed);
  World world(plan, seed);
  world.run_until(world.end());
  expect_quiet(world, plan.nodes.size());
}

/// One node's clock is two hours ahead: its writes are from the future to the others, and by no means sent again and again.
RC_GTEST_PROP(Quiet, RecordsFromTheFutureAreHeld, ()) {
  const auto seed = *rc::gen::arbitrary<std::uint64_t>();
  sim::Plan drawn = *test::any_plan(5, false);
  drawn.nodes.front().clock = test::at(2h);
  const sim::Plan plan = sim::expand(drawn, seed);
  World world(plan, seed);
  world.run_until(world.end());
  expect_quiet(world, plan.nodes.size());
}

/// Four nodes have 1,500 keys. A fifth, which is told of all four, gets each of them about once.
TEST(Transfer, AJoinerGetsEachRecordOnce) {
  sim::Plan drawn;
  drawn.name = "joiner";
  drawn.nodes.resize(5);
  for (sim::NodeIndex i = 0; i < 5; ++i) {
    drawn.nodes[i].name = "n" + std::to_string(i);
    for (sim::NodeIndex before = 0; before < i; ++before)
      drawn.nodes[i].join.push_back(before);
  }
  drawn.nodes[4].start = test::at(30s);
  sim::Workload workload;
  workload.nodes = {0, 1, 2, 3};
  workload.sets_per_second = 300;
  workload.keys = 1'000'000;
  workload.from = 10s;
  workload.until = 15s;
  drawn.workloads.push_back(workload);
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const sim::Plan plan = sim::expand(drawn, seed);
    World world(plan, seed);
    world.run_until(29s);
    const std::uint64_t keys = world.hosts()[0]->engine().dictionary().size();
    const Totals before = totals(world);
    world.run_until(40s);
    EXPECT_EQ(world.hosts()[4]->engine().dictionary().size(), keys);
    const Totals after = totals(world);
    const std::uint64_t sent = after.in_sessions + after.passed_on - before.in_sessions - before.passed_on;
    EXPECT_GE(sent, keys);
    EXPECT_LE(sent, keys * 3 / 2) << "seed " << seed;
  }
}

}  // namespace
}  // namespace meshdict
