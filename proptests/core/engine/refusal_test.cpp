// Connections that are not wanted: the refused is told why, and both leave each other alone for longer and longer.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proptests/core/engine/engine_fixture.h"

namespace meshdict {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

EngineConfig with_join(const Endpoint& address) {
  EngineConfig config;
  config.join = {address};
  return config;
}

class Refusals : public ::testing::Test {
 protected:
  Refusals() { EXPECT_TRUE(node->start()); }
  ~Refusals() override { node->sanity_check(); }

  Node node;
  Peer peer{node, "A"};
};

// A refused node hears why

TEST_F(Refusals, OfAnotherNetwork) {
  const ConnId conn = peer.connect();
  Handshake handshake = peer.handshake(kCapability);
  handshake.protocol = protocol_id("other", "Plaintext");
  peer.say(conn, handshake);
  EXPECT_TRUE(peer.closed(conn));
  EXPECT_THAT(peer.heard(conn), Contains("refusal"));
}

TEST_F(Refusals, ForOtherSettings) {
  const ConnId conn = peer.connect();
  peer.say(conn, peer.handshake(kCapability));
  Hello hello = peer.hello(1, {});
  hello.lease_ms += 1;
  peer.say(conn, hello);
  EXPECT_TRUE(peer.closed(conn));
  EXPECT_THAT(peer.heard(conn), Contains("refusal"));
}

TEST_F(Refusals, BeyondTheNumberOfNeighbours) {
  RandomStream random(1);
  std::vector<Peer> others;
  for (std::size_t i = 0; i < limits::kMaxNeighbours; ++i)
    others.emplace_back(node, NodeId::generate(random).text()).join(1);
  ASSERT_EQ(node->neighbours().size(), limits::kMaxNeighbours);
  const ConnId conn = peer.join(1);
  EXPECT_TRUE(peer.closed(conn));
  const auto heard = peer.heard(conn);
  EXPECT_THAT(heard, Contains("refusal"));
  EXPECT_THAT(heard, Not(Contains("hello"))) << "a refused node must not take itself for a neighbour first";
}

TEST_F(Refusals, OfAnOlderIncarnation) {
  peer.join(1);
  Peer earlier(node, "A", Boot{4});
  const ConnId late = earlier.join(2);
  EXPECT_TRUE(earlier.closed(late));
  EXPECT_THAT(earlier.heard(late), Contains("refusal"));
}

TEST_F(Refusals, WhoseLinkGivesWayToANewerIncarnation) {
  const ConnId before = peer.join(1);
  Peer(node, "A", Boot{6}).join(2);
  EXPECT_TRUE(peer.closed(before));
  EXPECT_THAT(peer.heard(before), Contains("refusal"));
}

TEST_F(Refusals, WithTheIdOfTheOther) {
  Peer copy(node, "M", Boot{std::to_underlying(node->boot()) + 1});
  const ConnId conn = copy.connect();
  copy.say(conn, copy.handshake(kCapability));
  EXPECT_TRUE(copy.closed(conn));
  EXPECT_THAT(copy.heard(conn), Contains("refusal"));
}

TEST_F(Refusals, AreNotSaidToPy2p) {
  const ConnId conn = peer.connect();
  Handshake handshake = peer.handshake(static_cast<std::uint64_t>(Compression::kSnappy));
  handshake.protocol = protocol_id("other", "Plaintext");
  peer.say(conn, handshake);
  EXPECT_TRUE(peer.closed(conn));
  EXPECT_THAT(peer.heard(conn), Not(Contains("refusal")));
}

// And tries ever less often

/// Takes each dial of `node` for `time`, and ends it at once. Returns how many came.
std::size_t link_and_drop(Node& node, Peer& peer, Duration time) {
  std::size_t dials = 0;
  const MonoTime end = node.clock.mono + time;
  while (node.clock.mono < end) {
    for (const auto& [conn, to] : std::exchange(node.transport.dialed, {})) {
      ++dials;
      peer.answer(conn);
      node->on_closed(conn, "end of stream");
    }
    node.pass(10ms);
  }
  return dials;
}

TEST(Backoff, AHandshakeAloneIsNoSuccess) {
  Node node(with_join({"there", 1}));
  ASSERT_TRUE(node->start());
  Peer peer(node, "A");
  EXPECT_LE(link_and_drop(node, peer, 60s), 2 * 20U) << "two addresses, each with pauses that grow to ten seconds";
}

/// Answers each dial of `node` with a refusal, before it says hello or behind it, for `time`. Returns how many came.
std::size_t refuse(Node& node, Peer& peer, const Refusal& refusal, bool early, Duration time) {
  std::size_t dials = 0;
  const MonoTime end = node.clock.mono + time;
  while (node.clock.mono < end) {
    for (const auto& [conn, to] : std::exchange(node.transport.dialed, {})) {
      ++dials;
      if (early) {
        node->on_connected(conn);
        peer.say(conn, peer.handshake(kCapability));
      } else {
        peer.answer(conn);
      }
      peer.say(conn, refusal);
      EXPECT_TRUE(peer.closed(conn));
    }
    node.pass(100ms);
  }
  return dials;
}

TEST(Backoff, WhoseIdentityIsInUseIsToldAndTriesEverMoreSeldom) {
  for (const bool early : {true, false}) {
    Node node(with_join({"there", 1}));
    ASSERT_TRUE(node->start());
    Peer peer(node, "A");
    const Refusal refusal{.code = RefusalCode::kIdentityInUse, .text = "another"};
    refuse(node, peer, refusal, early, 5min);
    EXPECT_LE(refuse(node, peer, refusal, early, 10min), 25U) << "once a minute, or less";
    EXPECT_GE(node->stats().identity_in_use, 5U);
    if (early) {
      EXPECT_THAT(node.told<PeerUp>(), IsEmpty());
      EXPECT_EQ(node.told<Refused>().front().reason, EndReason::kIdentityInUse);
      EXPECT_EQ(node.told<Refused>().front().detail, "it says: another");
    } else {
      EXPECT_EQ(node.told<PeerDown>().front().reason, EndReason::kIdentityInUse);
    }
  }
}

TEST(Backoff, EachRefusalIsHeardWithItsReason) {
  const std::vector<std::pair<RefusalCode, EndReason>> kinds = {
      {RefusalCode::kUnknown, EndReason::kClosedByPeer},
      {RefusalCode::kWrongNetwork, EndReason::kWrongNetwork},
      {RefusalCode::kDifferentSettings, EndReason::kDifferentSettings},
      {RefusalCode::kTooMany, EndReason::kTooMany},
      {RefusalCode::kIdentityInUse, EndReason::kIdentityInUse},
      {RefusalCode::kKeptApart, EndReason::kBye},
      {RefusalCode::kProtocolError, EndReason::kProtocolError}};
  for (const auto& [code, reason] : kinds) {
    Node node(with_join({"there", 1}));
    ASSERT_TRUE(node->start());
    Peer peer(node, "A");
    const auto dials = refuse(node, peer, {.code = code, .text = "why"}, true, 14min);
    EXPECT_EQ(node.told<Refused>().front().reason, reason);
    EXPECT_LE(dials, 2 * 14U * 60 / 5) << "two addresses; " << static_cast<int>(code);
    node->sanity_check();
  }
}

/// Refuses each dial for `time`; how many came.
std::size_t refuse_dials(Node& node, Duration time) {
  std::size_t dials = 0;
  const MonoTime end = node.clock.mono + time;
  while (node.clock.mono < end) {
    for (const auto& [conn, to] : std::exchange(node.transport.dialed, {})) {
      ++dials;
      node->on_closed(conn, "refused");
    }
    node.pass(100ms);
  }
  return dials;
}

TEST_F(Refusals, WhoHasSaidGoodbyeIsDialledEverMoreSeldom) {
  const ConnId conn = peer.join(1);
  node.pass(1s);
  peer.say(conn, Bye{.reason = ByeReason::kStopping, .text = "stopping"});
  const std::size_t soon = refuse_dials(node, 10s);
  EXPECT_GE(soon, 2U) << "it may be back at once";
  EXPECT_LE(refuse_dials(node, 14min), 12U);
}

// Kept apart by a user

TEST_F(Refusals, AfterADisconnectWhatWasInFlightLinksNobody) {
  peer.join(1);
  const ConnId silent = peer.connect();
  const ConnId greeted = peer.connect();
  peer.say(greeted, peer.handshake(kCapability));
  ASSERT_TRUE(node->disconnect(id("A")));
  EXPECT_TRUE(peer.closed(greeted));
  peer.say(silent, peer.handshake(kCapability));
  EXPECT_TRUE(peer.closed(silent));
  EXPECT_THAT(peer.heard(silent), Contains("refusal"));
  EXPECT_THAT(node->neighbours(), IsEmpty());
}

TEST_F(Refusals, AfterADisconnectLaterDialsAreRefusedForAWhile) {
  peer.join(1);
  ASSERT_TRUE(node->disconnect(id("A")));
  node.pass(limits::kMutedFor - 1s);
  const ConnId early = peer.join(2);
  EXPECT_TRUE(peer.closed(early));
  EXPECT_THAT(peer.heard(early), Contains("refusal"));
  node.pass(1s);
  EXPECT_FALSE(peer.closed(peer.join(3)));
}

TEST_F(Refusals, AConnectOfTheUserEndsItsDisconnect) {
  peer.join(1);
  ASSERT_TRUE(node->disconnect(id("A")));
  node.transport.dialed.clear();
  node->connect({"there", 1});
  ASSERT_THAT(node.transport.dialed, SizeIs(1));
  const ConnId dial = node.transport.dialed.front().first;
  peer.answer(dial);
  EXPECT_FALSE(peer.closed(dial));
  EXPECT_FALSE(peer.closed(peer.join(3)));
}

TEST_F(Refusals, ADialInFlightAtADisconnectLinksNobody) {
  peer.join(1);
  node->connect({"there", 1});
  const ConnId dial = node.transport.dialed.back().first;
  ASSERT_TRUE(node->disconnect(id("A")));
  peer.answer(dial);
  EXPECT_TRUE(peer.closed(dial));
  EXPECT_THAT(node->neighbours(), IsEmpty());
}

}  // namespace
}  // namespace meshdict
