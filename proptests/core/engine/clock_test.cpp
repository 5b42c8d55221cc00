// What a node makes of its neighbours' clocks: what it measures, tells, and says of its own.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proptests/core/engine/engine_fixture.h"

namespace meshdict {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class EngineClockTest : public ::testing::Test {
 protected:
  EngineClockTest() { EXPECT_TRUE(node->start()); }
  ~EngineClockTest() override { node->sanity_check(); }

  [[nodiscard]] std::vector<ClockStanding> told_of(const NodeId& who) const {
    std::vector<ClockStanding> standings;
    for (const ClockJudged& judged : node.told<ClockJudged>()) {
      if (judged.peer == who) standings.push_back(judged.clock.standing);
    }
    return standings;
  }
  [[nodiscard]] std::vector<ClockStanding> told_of_ours() const { return told_of({}); }

  Node node;
  Peer peer{node, "A"};
  Peer other{node, "Z"};
};

TEST_F(EngineClockTest, AHelloShowsTheClock) {
  peer.join_with_clock(1, 900s);
  ASSERT_THAT(node->neighbours(), SizeIs(1));
  const ClockView clock = node->neighbours().front().clock;
  EXPECT_EQ(clock.standing, ClockStanding::kAhead);
  EXPECT_LE(std::chrono::abs(clock.offset.ahead - 900s), clock.offset.error);
  EXPECT_LE(clock.offset.error, 1ms);
  EXPECT_THAT(told_of(id("A")), ElementsAre(ClockStanding::kAhead));
  EXPECT_THAT(told_of_ours(), ElementsAre(ClockStanding::kBehind));
  EXPECT_EQ(node->clock().standing, ClockStanding::kBehind);
}

TEST_F(EngineClockTest, ThePauseBeforeAHelloIsItsError) {
  const ConnId conn = peer.connect();
  peer.say(conn, peer.handshake(kCapability));
  node.pass(2s);
  Hello hello = peer.hello(1, {});
  hello.clock_ms = peer.clock_ms(29s);
  peer.say(conn, hello);
  EXPECT_THAT(told_of(id("A")), IsEmpty());
  const ClockView clock = node->neighbours().front().clock;
  EXPECT_LE(std::chrono::abs(clock.offset.ahead - 29s), clock.offset.error);
  EXPECT_GE(clock.offset.error, 1s);
}

TEST_F(EngineClockTest, WhoTellsNoClockDoesNotCount) {
  peer.join(1);
  EXPECT_EQ(node->clock().standing, ClockStanding::kUnknown);
  other.join_with_clock(2, 0s);
  EXPECT_EQ(node->clock().standing, ClockStanding::kWithin);
  EXPECT_EQ(node->neighbours().front().clock.standing, ClockStanding::kUnknown);
}

TEST_F(EngineClockTest, APongShowsTheClockAgainAndOnlyTheAnswerCounts) {
  const ConnId conn = peer.join_with_clock(1, 0s);
  peer.heard(conn);
  node.pass(limits::kPingAfterIdle + limits::kPingLagOfAcceptor);
  const auto ping = peer.last<Ping>(conn);
  ASSERT_TRUE(ping);
  peer.say(conn, Pong{.nonce = Nonce{std::to_underlying(ping->nonce) + 1}, .clock_ms = peer.clock_ms(60s)});
  EXPECT_THAT(told_of_ours(), IsEmpty());
  peer.say(conn, Pong{.nonce = ping->nonce, .clock_ms = peer.clock_ms(60s)});
  EXPECT_THAT(told_of_ours(), ElementsAre(ClockStanding::kBehind));
  // The same answer again is none.
  peer.say(conn, Pong{.nonce = ping->nonce, .clock_ms = peer.clock_ms(0s)});
  EXPECT_THAT(told_of_ours(), SizeIs(1));
}

TEST_F(EngineClockTest, ABusyLinkIsPingedForTheClock) {
  const ConnId conn = peer.join_with_clock(1, 0s);
  peer.heard(conn);
  for (Duration passed{}; passed < limits::kReadClockEvery; passed += 1s) {
    EXPECT_FALSE(peer.last<Ping>(conn)) << passed.count();
    peer.say(conn, Ping{.nonce = Nonce{7}});
    node.pass(1s);
  }
  EXPECT_TRUE(peer.last<Ping>(conn));
}

TEST_F(EngineClockTest, AClockThatIsSetIsNoticedWithTheNextInput) {
  peer.join_with_clock(1, 0s);
  node.clock.wall_time += 120s;
  node->request_peers();
  node.pass(6s);
  EXPECT_THAT(told_of_ours(), ElementsAre(ClockStanding::kAhead));
  node.clock.wall_time -= 120s;
  node.pass(6s);
  EXPECT_THAT(told_of_ours(), ElementsAre(ClockStanding::kAhead, ClockStanding::kWithin));
}

TEST_F(EngineClockTest, ItAnswersAPingWithItsOwnClock) {
  const ConnId conn = peer.join(1);
  node.pass(123ms);
  peer.say(conn, Ping{.nonce = Nonce{9}});
  const auto pong = peer.last<Pong>(conn);
  ASSERT_TRUE(pong);
  EXPECT_EQ(pong->nonce, Nonce{9});
  EXPECT_EQ(pong->clock_ms, peer.clock_ms(0s));
  EXPECT_EQ(pong->hidden, 0U);
}

TEST_F(EngineClockTest, ItsPongSaysWhichRecordsItDoesNotShow) {
  const ConnId conn = peer.join(1);
  const Raw value = bytes_value("value");
  const auto record = [&](std::string_view key, std::int64_t after_ms) {
    return RecordEntry{.key = key,
                       .value = value,
                       .version = {.epoch = Epoch{1},
                                   .claim_start = at_ms(after_ms),
                                   .owner = id("A"),
                                   .boot = Boot{5},
                                   .sequence = Sequence{0},
                                   .value_hash = {},
                                   .written = at_ms(after_ms),
                                   .kind = RecordKind::kValue}};
  };
  peer.say(conn, Records{.entries = {record("now", 0), record("later", 60'000), record("much later", 900'000)}});
  peer.say(conn, Ping{.nonce = Nonce{1}});
  EXPECT_EQ(peer.last<Pong>(conn)->hidden, 2U);
  peer.say(conn, Ping{.nonce = Nonce{2}});
  EXPECT_EQ(peer.last<Pong>(conn)->hidden, 0U);
  // The same once more: what is from the future is not shown.
  peer.say(conn, Records{.entries = {record("later", 60'000)}});
  peer.say(conn, Ping{.nonce = Nonce{3}});
  EXPECT_EQ(peer.last<Pong>(conn)->hidden, 1U);
}

}  // namespace
}  // namespace meshdict
