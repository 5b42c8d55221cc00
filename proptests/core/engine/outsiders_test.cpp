// What a node that reaches the mesh port can and cannot do to the others' links, addresses and messages: each test is an attack
// by one neighbour that keeps to no rule, and says what stays true.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "proptests/core/engine/engine_fixture.h"

namespace meshdict {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;

class Outsider : public ::testing::Test {
 protected:
  Outsider() { EXPECT_TRUE(node->start()); }
  ~Outsider() override { node->sanity_check(); }

  [[nodiscard]] std::int64_t now() const { return unix_seconds(node.clock.wall_time); }
  /// A boot that a node gets that starts now, or whose clock is so far ahead.
  [[nodiscard]] Boot boot_now(std::chrono::seconds ahead = 0s) const {
    return Boot{static_cast<std::uint64_t>(now() + ahead.count()) << 32};
  }
  [[nodiscard]] std::size_t delivered() const { return node.told<MessageArrived>().size(); }

  /// The node dials `there`, where `honest` answers.
  ConnId dial_honest() {
    node->connect(there);
    const ConnId dial = node.transport.dialed.front().first;
    honest.answer(dial);
    EXPECT_EQ(node->neighbours().size(), 1U);
    node.pass(1s);
    return dial;
  }

  // The first of all in the order of addresses.
  const Endpoint there{"a-host", 1};
  Node node;
  Peer honest{node, "A"};
  Peer evil{node, "E"};
  Raw packet = bytes_value("x");
  UserMessage message{.packets = {packet}, .type = SubFlag::kBroadcast};
};

// Its incarnation

TEST_F(Outsider, AnIncarnationFromTheFutureLocksNobodyOut) {
  Peer imposter(node, "B", Boot{~std::uint64_t{0}});
  const ConnId false_one = imposter.join(1);
  Peer true_one(node, "B", boot_now());
  const ConnId conn = true_one.join(2);
  EXPECT_FALSE(true_one.closed(conn));
  EXPECT_TRUE(imposter.closed(false_one));
  EXPECT_TRUE(imposter.closed(imposter.join(3))) << "nor is the true one thrown out";
  EXPECT_FALSE(true_one.closed(conn));
}

TEST_F(Outsider, WithoutARivalAnIncarnationFromTheFutureIsTaken) {
  Peer ahead(node, "B", boot_now(86'400s));
  const ConnId before = ahead.join(1);
  EXPECT_FALSE(ahead.closed(before)) << "its clock was wrong when it started";
  Peer reborn(node, "B", boot_now(86'401s));
  EXPECT_FALSE(reborn.closed(reborn.join(2)));
  EXPECT_TRUE(ahead.closed(before));
}

// Its messages

TEST_F(Outsider, ForgedNumbersDoNotSilenceTheirOrigin) {
  const ConnId conn = honest.join(1);
  const ConnId other = evil.join(1);
  std::uint64_t sent = 0;
  for (; sent < 10; ++sent)
    honest.pass_on(conn, message, "A", sent);
  ASSERT_EQ(delivered(), 10U);
  for (std::uint64_t i = 0; i < 1'030; ++i)
    evil.pass_on(other, message, "A", 1'000'000 + 2 * i);
  const std::size_t before = delivered();
  for (; sent < 20; ++sent)
    honest.pass_on(conn, message, "A", sent);
  EXPECT_EQ(delivered() - before, 10U);
  EXPECT_GT(node->stats().no_room, 0U);
}

TEST_F(Outsider, ForgedNumbersDoNotSilenceTheirOriginLater) {
  const ConnId conn = honest.join(1);
  ConnId other = evil.join(1);
  honest.pass_on(conn, message, "A", 0);
  for (std::uint64_t i = 0; i < 1'030; ++i)
    evil.pass_on(other, message, "A", 1'000'000 + 2 * i);
  node.pass(10s);
  honest.pass_on(conn, message, "A", 1);
  // One is lost meanwhile, and the next opens a gap.
  node.pass(2 * limits::kBroadcastLifetime);
  const ConnId later = honest.join(2);
  const std::size_t before = delivered();
  honest.pass_on(later, message, "A", 3);
  EXPECT_EQ(delivered() - before, 1U);
}

/// Messages of `count` nodes that do not exist, passed on by `evil`, as far in the future as a message may be.
void flood(Peer& evil, ConnId conn, const Message& message, std::size_t count, std::int64_t time) {
  RandomStream random(7);
  for (std::size_t i = 0; i < count; ++i)
    evil.forge(conn, message, NodeId::generate(random), {.boot = Boot{1}, .counter = 0}, time);
}

TEST_F(Outsider, InventedOriginsTakeNoOtherNeighboursPlace) {
  const ConnId conn = honest.join(1);
  const ConnId other = evil.join(1);
  for (std::uint64_t i = 0; i < 100; ++i)
    honest.forge(conn, message, id("A"), {.boot = Boot{5}, .counter = i}, now());
  honest.pass_on(conn, message, "B", 0);
  flood(evil, other, message, limits::kMaxRuns + 1'000, now() + 86'400);
  const std::size_t before = delivered();
  honest.pass_on(conn, message, "A", 0);
  evil.pass_on(other, message, "B", 0);
  EXPECT_EQ(delivered(), before) << "copies are known as such";
  honest.pass_on(conn, message, "C", 0);
  EXPECT_EQ(delivered(), before + 1) << "and there is room for news of others";
}

TEST_F(Outsider, InventedOriginsAreForgottenSoon) {
  const ConnId other = evil.join(1);
  flood(evil, other, message, limits::kMaxRuns + 1'000, now() + 86'400);
  node.pass(2 * limits::kBroadcastLifetime + limits::kExpireEvery);
  const ConnId again = evil.join(2);
  const std::size_t before = delivered();
  evil.pass_on(again, message, "C", 0);
  EXPECT_EQ(delivered(), before + 1);
}

// Its addresses

/// Lets time pass while `peer` answers on `conn`.
void live(Node& node, Peer& peer, ConnId conn, Duration time) {
  for (Duration passed{}; passed < time; passed += 4s) {
    node.pass(4s);
    peer.say(conn, Pong{.nonce = Nonce{1}});
    peer.heard(conn);
  }
}

/// Whether the node dials this address within `time`, from now on, however often others fail.
bool dials_within(Node& node, const Endpoint& address, Duration time) {
  node.transport.dialed.clear();
  const MonoTime end = node.clock.mono + time;
  while (node.clock.mono < end) {
    for (const auto& [conn, to] : std::exchange(node.transport.dialed, {})) {
      if (to == address) return true;
      node->on_closed(conn, "refused");
    }
    node.pass(100ms);
  }
  return false;
}

Peers invented_peers(std::uint64_t seed) {
  RandomStream random(seed);
  Peers peers;
  for (std::size_t i = 0; i < limits::kMaxPeersRead; ++i) {
    peers.entries.push_back(
        {.address = {"invented-" + std::to_string(seed) + "-" + std::to_string(i), 1}, .id = NodeId::generate(random)});
  }
  return peers;
}

TEST_F(Outsider, AListOfPeersDrivesNoAddressOutThatWeWereLinkedTo) {
  const ConnId dial = dial_honest();
  const ConnId other = evil.join(1);
  for (std::uint64_t seed = 0; seed < 3; ++seed)
    evil.say(other, invented_peers(seed));
  node->on_closed(dial, "reset");
  node->on_closed(other, "reset");
  EXPECT_TRUE(dials_within(node, there, 30s));
}

TEST_F(Outsider, AListOfPeersDrivesNoAddressOutThatAnotherHasTold) {
  const ConnId conn = honest.join(1);
  honest.say(conn, Peers{{{.address = there, .id = id("F")}}});
  node.pass(1s);
  const ConnId other = evil.join(1);
  for (std::uint64_t seed = 0; seed < 3; ++seed)
    evil.say(other, invented_peers(seed));
  EXPECT_TRUE(dials_within(node, there, 10min));
}

TEST_F(Outsider, AListOfPeersCannotSayWhoIsAtAnAddressThatWeKnow) {
  const ConnId dial = dial_honest();
  const ConnId other = evil.join(1);
  evil.say(other, Peers{{{.address = there, .id = id("E")}}});
  node->on_closed(dial, "reset");
  EXPECT_TRUE(dials_within(node, there, 10s)) << "it is not taken for the evil neighbour's own address";
}

// Time

TEST_F(Outsider, ALinkedNeighbourIsRememberedHoweverLongItIsQuiet) {
  const ConnId dial = dial_honest();
  live(node, honest, dial, 8 * 24h);
  ASSERT_EQ(node->neighbours().size(), 1U);
  const std::size_t known = node->known_addresses();
  EXPECT_GE(known, 1U);
  node->on_closed(dial, "reset");
  EXPECT_TRUE(dials_within(node, there, 30s));
}

TEST_F(Outsider, AWallClockThatJumpsAWeekForgetsNobody) {
  const ConnId dial = dial_honest();
  node.clock.wall_time += 8 * 24h;
  live(node, honest, dial, 80s);
  node->on_closed(dial, "reset");
  EXPECT_TRUE(dials_within(node, there, 30s));
}

}  // namespace
}  // namespace meshdict
