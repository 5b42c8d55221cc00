// One engine against peers that say exactly what the test wants: the rules of connections, case by case, and what
// becomes of bytes that no member sends. Random meshes are in mesh_test.

#include "proptests/core/engine/engine_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meshdict {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class EngineTest : public ::testing::Test {
 protected:
  EngineTest() { EXPECT_TRUE(node->start()); }
  ~EngineTest() override { node->sanity_check(); }

  Node node;
  Peer smaller{node, "A"};
  Peer larger{node, "Z"};
};

EndReason reason_of_last_down(const Node& node) {
  return node.told<PeerDown>().back().reason;
}

EngineConfig with_lease(Duration lease, Leasing leasing = Leasing::kOn) {
  EngineConfig config;
  config.lease = lease;
  config.leasing = leasing;
  return config;
}

TEST(EngineStart, RefusesALeaseThatItsMarginsEatUp) {
  Node node(with_lease(200s));
  const auto started = node->start();
  ASSERT_FALSE(started);
  EXPECT_THAT(describe(started.error()), ::testing::HasSubstr("lease of 200000 ms is too short"));
  EXPECT_TRUE(Node(with_lease(250s))->start());
  EXPECT_TRUE(Node(with_lease(1s, Leasing::kOff))->start());
}

TEST_F(EngineTest, HelloLinksTheTwo) {
  smaller.join(1);
  ASSERT_THAT(node.told<PeerUp>(), SizeIs(1));
  EXPECT_EQ(node.told<PeerUp>()[0].peer, id("A"));
  EXPECT_EQ(node->neighbours().size(), 1U);
}

TEST_F(EngineTest, OneThatStopsAfterItsHandshakeIsNoNeighbourAndGoes) {
  const ConnId conn = smaller.connect();
  smaller.say(conn, smaller.handshake(kCapability));
  node.pass(limits::kHelloDeadline - 1s);
  EXPECT_FALSE(smaller.closed(conn));
  EXPECT_THAT(node->neighbours(), IsEmpty());
  node.pass(1s);
  EXPECT_TRUE(smaller.closed(conn));
  EXPECT_EQ(node.told<Refused>().back().reason, EndReason::kHelloTimeout);
}

TEST_F(EngineTest, ItsOwnBootMeansThatItDialledItself) {
  Peer itself(node, "M", node->boot());
  const ConnId conn = itself.connect();
  itself.say(conn, itself.handshake(kCapability));
  EXPECT_TRUE(itself.closed(conn));
  EXPECT_EQ(node.told<Refused>().back().reason, EndReason::kSelf);
}

TEST_F(EngineTest, ItsOwnIdInAnotherIncarnationIsToldAsACopiedIdentity) {
  Peer copy(node, "M", Boot{std::to_underlying(node->boot()) + 1});
  const ConnId conn = copy.connect();
  copy.say(conn, copy.handshake(kCapability));
  EXPECT_TRUE(copy.closed(conn));
  EXPECT_EQ(node.told<Refused>().back().reason, EndReason::kIdentityInUse);
}

// The arbiter

TEST_F(EngineTest, TheLargerIdKeepsTheFirstAndRetiresTheOtherOnlyAfterTheAnswer) {
  const ConnId first = smaller.join(1);
  const ConnId second = smaller.join(2, {1});
  EXPECT_THAT(smaller.heard(first), Contains("keep"));
  node.pass(limits::kLinger + 1s);
  EXPECT_FALSE(smaller.closed(second)) << "without an answer nothing may go";

  smaller.say(first, KeepAck{.nonce = Nonce{1}});
  EXPECT_FALSE(smaller.closed(second)) << "what was under way on it must still be read";
  node.pass(limits::kLinger);
  EXPECT_TRUE(smaller.closed(second));
  EXPECT_FALSE(smaller.closed(first));
  EXPECT_THAT(node.told<PeerDown>(), IsEmpty());
}

TEST_F(EngineTest, TheSmallerIdClosesNoneAndFollowsTheKeep) {
  const ConnId first = larger.join(1);
  const ConnId second = larger.join(2, {1});
  node.pass(limits::kLinger + 1s);
  EXPECT_FALSE(larger.closed(first));
  EXPECT_FALSE(larger.closed(second));

  larger.heard(first);
  larger.heard(second);
  larger.say(second, Keep{.nonce = Nonce{2}});
  EXPECT_THAT(larger.heard(second), ElementsAre("keep-ack"));
  const Raw packet = bytes_value("hello");
  const RawView packets[] = {packet};
  ASSERT_TRUE(node->broadcast(packets));
  EXPECT_THAT(larger.heard(second), ElementsAre("user-message"));
  EXPECT_THAT(larger.heard(first), ElementsAre("keep-ack")) << "its last there";
}

TEST_F(EngineTest, ARetiredConnectionIsReadAndNeverWritten) {
  const ConnId first = smaller.join(1);
  const ConnId second = smaller.join(2, {1});
  smaller.say(first, KeepAck{.nonce = Nonce{1}});
  smaller.heard(second);

  const Raw packet = bytes_value("late");
  smaller.say(second, UserMessage{.packets = {packet}});
  EXPECT_THAT(node.told<MessageArrived>(), SizeIs(1));
  smaller.say(second, Ping{.nonce = Nonce{2}});
  smaller.say(second, Request{});
  node.pass(1s);
  EXPECT_THAT(smaller.heard(second), IsEmpty());
}

TEST_F(EngineTest, AnAnswerToAnotherKeepRetiresNothing) {
  const ConnId first = smaller.join(1);
  const ConnId second = smaller.join(2, {1});
  smaller.say(second, KeepAck{.nonce = Nonce{2}});
  smaller.say(first, KeepAck{.nonce = Nonce{2}});
  node.pass(limits::kLinger);
  EXPECT_FALSE(smaller.closed(first));
  EXPECT_FALSE(smaller.closed(second));
}

TEST_F(EngineTest, WhenTheKeptOneBreaksTheOtherServesOn) {
  const ConnId first = smaller.join(1);
  const ConnId second = smaller.join(2, {1});
  node->on_closed(first, "reset");
  EXPECT_THAT(node.told<PeerDown>(), IsEmpty());
  smaller.heard(second);
  const Raw packet = bytes_value("hello");
  const RawView packets[] = {packet};
  ASSERT_TRUE(node->broadcast(packets));
  EXPECT_THAT(smaller.heard(second), ElementsAre("user-message"));
}

TEST_F(EngineTest, AHalfOpenIncumbentIsProbedAndGivesWay) {
  const ConnId dead = smaller.join(1);
  smaller.heard(dead);
  // It knows of no connection to us.
  const ConnId alive = smaller.join(2);
  EXPECT_THAT(smaller.heard(dead), ElementsAre("ping"));
  smaller.heard(alive);
  const Raw packet = bytes_value("hello");
  const RawView packets[] = {packet};
  ASSERT_TRUE(node->broadcast(packets));
  EXPECT_THAT(smaller.heard(alive), ElementsAre("user-message")) << "the new one is used meanwhile";

  node.pass(limits::kProbeDeadline);
  EXPECT_THAT(smaller.heard(alive), Contains("keep"));
  smaller.say(alive, KeepAck{.nonce = Nonce{2}});
  EXPECT_FALSE(smaller.closed(dead)) << "it may be only late";
  node.pass(limits::kLinger);
  EXPECT_TRUE(smaller.closed(dead));
  EXPECT_FALSE(smaller.closed(alive));
  EXPECT_THAT(node.told<PeerDown>(), IsEmpty());
}

// Found by `meshdict-sim explore` with a late answer: two ends that both probe can close both connections.
TEST_F(EngineTest, TheSmallerIdAsksAHalfOpenIncumbentAndClosesNone) {
  const ConnId dead = larger.join(1);
  larger.heard(dead);
  const ConnId alive = larger.join(2);
  EXPECT_THAT(larger.heard(dead), ElementsAre("ping"));
  larger.heard(alive);
  const Raw packet = bytes_value("hello");
  const RawView packets[] = {packet};
  ASSERT_TRUE(node->broadcast(packets));
  EXPECT_THAT(larger.heard(alive), ElementsAre("user-message")) << "the new one is used meanwhile";
  node.pass(2 * limits::kProbeDeadline);
  EXPECT_FALSE(larger.closed(dead));
  EXPECT_FALSE(larger.closed(alive));
  node.pass(limits::kSilenceVerdict);
  EXPECT_TRUE(larger.closed(dead));
}

TEST_F(EngineTest, AnIncumbentThatAnswersTheProbeIsArbitrated) {
  const ConnId first = smaller.join(1);
  const ConnId second = smaller.join(2);
  EXPECT_THAT(smaller.heard(first), Not(Contains("keep")));
  smaller.say(first, Pong{.nonce = Nonce{1}});
  EXPECT_THAT(smaller.heard(first), Contains("keep"));
  smaller.say(first, KeepAck{.nonce = Nonce{1}});
  node.pass(limits::kLinger);
  EXPECT_FALSE(smaller.closed(first));
  EXPECT_TRUE(smaller.closed(second));
}

// Boots

TEST_F(EngineTest, ANewerBootClosesTheConnectionsOfOlderOnesAtOnce) {
  const ConnId before = smaller.join(1);
  Peer reborn(node, "A", Boot{6});
  const ConnId after = reborn.join(2);
  EXPECT_TRUE(smaller.closed(before));
  EXPECT_FALSE(reborn.closed(after));
  EXPECT_EQ(reason_of_last_down(node), EndReason::kOlderBoot);
  EXPECT_EQ(node->neighbours().size(), 1U);
}

TEST_F(EngineTest, ALateHelloOfAnOlderBootIsRefused) {
  const ConnId now = smaller.join(1);
  Peer earlier(node, "A", Boot{4});
  const ConnId late = earlier.join(2);
  EXPECT_TRUE(earlier.closed(late));
  EXPECT_FALSE(smaller.closed(now));
  EXPECT_EQ(node.told<Refused>().back().reason, EndReason::kOlderBoot);
}

// The end of a pair

TEST_F(EngineTest, AGoodbyeSpeaksOfAllConnectionsOfThePair) {
  const ConnId first = smaller.join(1);
  const ConnId second = smaller.join(2, {1});
  smaller.say(second, Bye{.text = "enough"});
  EXPECT_TRUE(smaller.closed(first));
  EXPECT_TRUE(smaller.closed(second));
  ASSERT_THAT(node.told<PeerDown>(), SizeIs(1));
  EXPECT_EQ(reason_of_last_down(node), EndReason::kBye);
}

TEST_F(EngineTest, ASilentNeighbourIsAskedAndThenGivenUp) {
  const ConnId conn = smaller.join(1);
  smaller.heard(conn);
  // Its dialer would have asked first.
  node.pass(limits::kPingAfterIdle);
  EXPECT_THAT(smaller.heard(conn), Not(Contains("ping")));
  node.pass(limits::kPingLagOfAcceptor);
  EXPECT_THAT(smaller.heard(conn), Contains("ping"));
  node.pass(limits::kSilenceVerdict - limits::kPingAfterIdle - limits::kPingLagOfAcceptor);
  EXPECT_TRUE(smaller.closed(conn));
  EXPECT_EQ(reason_of_last_down(node), EndReason::kSilent);
}

TEST_F(EngineTest, AnAnsweringNeighbourStays) {
  const ConnId conn = smaller.join(1);
  for (int i = 0; i < 10; ++i) {
    node.pass(limits::kPingAfterIdle);
    smaller.say(conn, Pong{.nonce = Nonce{1}});
  }
  EXPECT_FALSE(smaller.closed(conn));
}

// Which nodes to dial

EngineConfig with_join(const Endpoint& address) {
  EngineConfig config;
  config.join = {address};
  return config;
}

/// Refuses each dial of `node` for `time`; returns when they came, counted from now.
std::vector<Duration> refuse_dials(Node& node, Duration time) {
  std::vector<Duration> dials;
  const MonoTime start = node.clock.mono;
  while (node.clock.mono < start + time) {
    for (const auto& [conn, to] : std::exchange(node.transport.dialed, {})) {
      dials.push_back(node.clock.mono - start);
      node->on_closed(conn, "refused");
    }
    node.pass(10ms);
  }
  return dials;
}

Duration longest_gap(const std::vector<Duration>& times) {
  Duration longest{};
  for (std::size_t i = 1; i < times.size(); ++i)
    longest = std::max(longest, times[i] - times[i - 1]);
  return longest;
}

TEST(EngineDials, AnAddressOfTheUserUntilItAnswersHoweverManyNeighboursThereAre) {
  const Endpoint wanted{"there", 1};
  Node node(with_join(wanted));
  ASSERT_TRUE(node->start());
  std::vector<Peer> others;
  for (const char* name : {"A", "B", "C", "D", "E"})
    others.emplace_back(node, name).join(1);
  // They say nothing, so all of them are gone after a while: count while they are there.
  const auto dials = refuse_dials(node, limits::kSilenceVerdict - 1s);
  EXPECT_EQ(node->neighbours().size(), others.size());
  EXPECT_GE(dials.size(), 5U);
  EXPECT_LE(longest_gap(dials), limits::kBackoffCap + 10ms);
}

TEST(EngineDials, ALostNeighbourEverySecondForTenAndThenAtLeisure) {
  Node node;
  ASSERT_TRUE(node->start());
  Peer peer(node, "A");
  const ConnId conn = peer.join(1);
  node->on_closed(conn, "reset");
  const auto soon = refuse_dials(node, limits::kInsistFor);
  EXPECT_LE(longest_gap(soon), limits::kInsistPause + 10ms);
  EXPECT_GE(soon.back(), limits::kInsistFor - limits::kInsistPause - 10ms);
  const auto later = refuse_dials(node, 60s);
  EXPECT_LE(later.size(), 14U) << "at most two in each cap of the backoff, and one that was under way";
}

TEST_F(EngineTest, AfterAGoodbyeOfItsUserANeighbourIsLeftAlone) {
  const ConnId conn = smaller.join(1);
  smaller.say(conn, Bye{.reason = ByeReason::kUnwanted, .text = "disconnected by its user"});
  EXPECT_THAT(refuse_dials(node, 60s), IsEmpty());
}

// py2p

TEST_F(EngineTest, OfPy2pNoDuplicateIsClosedAndWeSendWhereItsFramesCome) {
  const ConnId first = larger.join_as_py2p();
  const ConnId second = larger.join_as_py2p();
  node.pass(1s);
  EXPECT_FALSE(larger.closed(first));
  EXPECT_FALSE(larger.closed(second));
  const Raw packet = bytes_value("hello");
  larger.say(second, UserMessage{.packets = {packet}});
  larger.heard(first);
  larger.heard(second);
  const RawView packets[] = {packet};
  ASSERT_TRUE(node->broadcast(packets));
  node.pass(1s);
  EXPECT_THAT(larger.heard(second), Contains("user-message"));
  EXPECT_THAT(larger.heard(first), Not(Contains("user-message")));
}

// What no member says

/// S of a broadcast whose sender is no id.
std::string broadcast_of_nobody() {
  constexpr std::uint64_t kSeconds = 1'800'000'000;
  std::string out;
  MsgpackWriter(out)
      .array(5)
      .integer(std::uint64_t{0})
      .bin("not base 58: 0OIl")
      .integer(kSeconds)
      .integer(std::uint64_t{0})
      .bin("x");
  return out;
}

TEST_F(EngineTest, ABadBroadcastIsNotTheFaultOfWhoPassesItOn) {
  const ConnId conn = smaller.join_as_py2p();
  const auto before = node->stats().refused;
  smaller.say_raw(conn, broadcast_of_nobody());
  EXPECT_FALSE(smaller.closed(conn));
  EXPECT_EQ(node->stats().refused, before + 1);
  EXPECT_THAT(node.told<MessageArrived>(), IsEmpty());
}

TEST_F(EngineTest, ABadWhisperIsTheNeighboursOwnFault) {
  const ConnId conn = smaller.join(1);
  std::string whisper = broadcast_of_nobody();
  whisper[1] = 2;
  smaller.say_raw(conn, whisper);
  EXPECT_TRUE(smaller.closed(conn));
  EXPECT_EQ(reason_of_last_down(node), EndReason::kProtocolError);
}

TEST_F(EngineTest, ABadBroadcastInPlaceOfAHandshakeIsRefused) {
  const ConnId conn = smaller.connect();
  smaller.say_raw(conn, broadcast_of_nobody());
  EXPECT_TRUE(smaller.closed(conn));
}

}  // namespace
}  // namespace meshdict
