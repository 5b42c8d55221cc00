// What waits for neighbours is bounded for each and in all, and a full queue costs no link: what can do without is left out,
// counted and told.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "proptests/core/engine/engine_fixture.h"

namespace meshdict {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr std::size_t kBurst = 18'000;

class QueuesTest : public ::testing::Test {
 protected:
  QueuesTest() { EXPECT_TRUE(node->start()); }
  ~QueuesTest() override { node->sanity_check(); }

  void broadcast(std::string_view text) {
    const Raw packet = bytes_value(text);
    const std::array<RawView, 1> packets{packet};
    ASSERT_TRUE(node->broadcast(packets));
  }

  /// How many messages of users have gone out on `conn` since the last call.
  std::size_t messages(ConnId conn) {
    std::size_t count = 0;
    for_each_message(std::exchange(node.transport.sent[conn], {}),
                     [&](const Message& message) { count += std::holds_alternative<UserMessage>(message) ? 1U : 0U; });
    return count;
  }

  /// Lets time pass while the peer answers questions as py2p does.
  void pass_with_answers(ConnId conn, Duration time) {
    for (const MonoTime end = node.clock.mono + time; node.clock.mono < end && !peer.closed(conn);) {
      node.pass(1s);
      if (!peer.closed(conn)) peer.say(conn, Peers{});
    }
  }

  void fill(ConnId conn, std::size_t bytes) {
    node.transport.backlog_of[conn] = bytes;
    node.transport.given[conn] += bytes;
  }

  Node node;
  Peer peer{node, "A"};
  Peer other{node, "B"};
};

TEST_F(QueuesTest, ABurstForAPy2pNodeCostsNoLinkAndWhatIsLeftOutIsCounted) {
  const ConnId conn = peer.join_as_py2p();
  for (std::size_t i = 0; i < kBurst; ++i)
    broadcast(std::to_string(i));
  ASSERT_THAT(node.told<LeftOut>(), SizeIs(1)) << "told, and not for each";
  EXPECT_EQ(node.told<LeftOut>().front().peer, id("A"));
  pass_with_answers(conn, 60s);
  EXPECT_FALSE(peer.closed(conn));
  const std::size_t sent = messages(conn);
  EXPECT_GT(sent, limits::kMaxPaced * 9 / 10);
  EXPECT_EQ(sent + node->stats().left_out, kBurst);
  EXPECT_EQ(node->neighbours().front().left_out, node->stats().left_out);
}

TEST_F(QueuesTest, ASourceThatWaitsForRoomGetsAllItsMessagesToAPy2pNode) {
  const ConnId conn = peer.join_as_py2p();
  std::size_t said = 0;
  while (said < kBurst) {
    for (; said < kBurst && node->has_room_for_messages(); ++said)
      broadcast(std::to_string(said));
    pass_with_answers(conn, 1s);
  }
  pass_with_answers(conn, 20s);
  EXPECT_EQ(node->stats().left_out, 0);
  EXPECT_EQ(messages(conn), kBurst);
}

TEST_F(QueuesTest, AMessageThatIsTooOldForPy2pIsLeftOut) {
  const ConnId conn = peer.join_as_py2p();
  fill(conn, limits::kBulkLowWater + 1);
  broadcast("old");
  pass_with_answers(conn, limits::kMaxPacedAge / 3);
  fill(conn, 0);
  node->on_drained(conn);
  pass_with_answers(conn, 1s);
  EXPECT_EQ(messages(conn), 1) << "in time";
  fill(conn, limits::kBulkLowWater + 1);
  broadcast("old");
  for (int i = 0; i < 4; ++i) {
    // It takes a little now and then, but what waits in the transport stays above the bound.
    node.transport.given[conn] += 1;
    pass_with_answers(conn, limits::kMaxPacedAge / 3);
  }
  fill(conn, 0);
  node->on_drained(conn);
  pass_with_answers(conn, 1s);
  EXPECT_EQ(messages(conn), 0);
  EXPECT_EQ(node->stats().left_out, 1);
}

TEST_F(QueuesTest, APy2pNodeThatTakesNothingIsDropped) {
  const ConnId conn = peer.join_as_py2p();
  node.transport.backlog_of[conn] = limits::kBulkLowWater + 1;
  broadcast("unread");
  const std::uint64_t given = node.transport.given[conn];
  for (int i = 0; i < 20; ++i) {
    node.transport.backlog_of[conn] = limits::kBulkLowWater + 1 + node.transport.given[conn] - given;
    pass_with_answers(conn, 1s);
  }
  EXPECT_TRUE(peer.closed(conn));
  EXPECT_EQ(node.told<PeerDown>().back().reason, EndReason::kSlowReader);
}

TEST_F(QueuesTest, MessagesBeyondTheBoundAreLeftOutAndTheLinkStays) {
  const ConnId conn = peer.join(1);
  fill(conn, limits::kMaxQueued);
  EXPECT_FALSE(node->has_room_for_messages());
  for (int i = 0; i < 100; ++i)
    broadcast(std::string(1'000'000, static_cast<char>('a' + i % 26)));
  EXPECT_EQ(messages(conn), 0);
  EXPECT_EQ(node->stats().left_out, 100);
  for (int i = 0; i < 30; ++i) {
    node.transport.backlog_of[conn] -= 100'000;
    node.pass(1s);
    peer.say(conn, Pong{.nonce = Nonce{1}});
  }
  EXPECT_FALSE(peer.closed(conn)) << "it takes what waits";
  fill(conn, 0);
  node->on_drained(conn);
  EXPECT_TRUE(node->has_room_for_messages());
  broadcast("again");
  EXPECT_EQ(messages(conn), 1);
}

TEST_F(QueuesTest, AllTogetherHaveABudgetAndThoseWithMostGiveWay) {
  constexpr std::size_t kPeers = 64;
  constexpr std::size_t kMuch = 2 * limits::kMaxQueuedOfAll / kPeers;
  static_assert(kMuch < limits::kMaxQueued);
  std::vector<ConnId> full;
  for (std::size_t i = 0; i < kPeers; ++i) {
    const std::string digit(1, static_cast<char>('A' + i % 8));
    full.push_back(Peer(node, "C" + digit + std::string(1, static_cast<char>('A' + i / 8))).join(i + 1));
    fill(full.back(), kMuch);
  }
  const ConnId healthy = peer.join(1'000);
  broadcast(std::string(500'000, 'm'));
  EXPECT_EQ(messages(healthy), 1);
  for (const ConnId conn : full)
    EXPECT_EQ(messages(conn), 0);
  EXPECT_EQ(node->stats().left_out, kPeers);
}

TEST_F(QueuesTest, OneThatTakesNothingAndGoesOnAskingIsDropped) {
  const ConnId conn = peer.join(1);
  fill(conn, limits::kMaxQueued);
  broadcast(std::string(1'000'000, 'm'));
  const std::uint64_t before = node.transport.given[conn];
  for (int i = 0; i < 10'000 && !peer.closed(conn); ++i) {
    peer.say(conn, Ping{.nonce = Nonce{1}});
    node->on_time();
  }
  EXPECT_TRUE(peer.closed(conn));
  EXPECT_LT(node.transport.given[conn] - before, 2 * limits::kMaxAnswersUntaken);
}

TEST_F(QueuesTest, OneThatTakesNothingIsToldOfNoPeers) {
  const ConnId conn = peer.join(1);
  fill(conn, limits::kMaxQueued);
  broadcast(std::string(1'000'000, 'm'));
  peer.heard(conn);
  for (int i = 0; i < 100; ++i)
    peer.say(conn, Request{});
  EXPECT_THAT(peer.heard(conn), IsEmpty());
  EXPECT_FALSE(peer.closed(conn));
}

TEST_F(QueuesTest, AWhisperForWhichThereIsNoRoomIsRefused) {
  const ConnId conn = peer.join(1);
  fill(conn, limits::kMaxQueued);
  const Raw packet = bytes_value(std::string(1'000'000, 'w'));
  const std::array<RawView, 1> packets{packet};
  EXPECT_EQ(node->whisper(id("A"), packets), WhisperOutcome::kRefused);
  EXPECT_EQ(messages(conn), 0);
}

}  // namespace
}  // namespace meshdict
