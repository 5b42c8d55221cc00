// Ids that a key proves: another's is refused, a store moves to its own, and nodes that are turned away are told of.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proptests/core/engine/engine_fixture.h"

namespace meshdict {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Proof : public ::testing::Test {
 protected:
  Proof() { EXPECT_TRUE(node->start()); }
  ~Proof() override { node->sanity_check(); }

  [[nodiscard]] std::vector<EndReason> reasons_of_departed() {
    std::vector<EndReason> reasons;
    for (const DepartedView& one : node->departed())
      reasons.push_back(one.reason);
    return reasons;
  }

  Node node;
  Peer peer{node, "A"};
};

TEST_F(Proof, ANodeThatSaysAnothersIdIsRefusedAndHearsWhy) {
  const ConnId conn = peer.connect();
  node.transport.proofs[conn] = id("B");
  peer.say(conn, peer.handshake(kCapability));
  EXPECT_TRUE(peer.closed(conn));
  const auto refusal = peer.last<Refusal>(conn);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->code, RefusalCode::kAnotherId);
  EXPECT_EQ(refusal->text, "it says A, and its key is that of B");
  EXPECT_THAT(node->neighbours(), IsEmpty());
  ASSERT_THAT(node.told<Refused>(), SizeIs(1));
  EXPECT_EQ(node.told<Refused>().front().reason, EndReason::kAnotherId);
  EXPECT_THAT(reasons_of_departed(), Contains(EndReason::kAnotherId));
}

TEST_F(Proof, OfTheIdThatANodeSaysMakesItANeighbour) {
  const ConnId conn = peer.connect();
  node.transport.proofs[conn] = id("A");
  peer.say(conn, peer.handshake(kCapability));
  peer.say(conn, peer.hello(1, {}));
  EXPECT_THAT(node->neighbours(), SizeIs(1));
}

TEST_F(Proof, OfOurOwnIdIsAskedToo) {
  const ConnId conn = peer.connect();
  node.transport.proofs[conn] = id("A");
  Handshake handshake = peer.handshake(kCapability);
  handshake.id = id("M");
  peer.say(conn, handshake);
  ASSERT_THAT(node.told<Refused>(), SizeIs(1));
  EXPECT_EQ(node.told<Refused>().front().reason, EndReason::kAnotherId) << "a node that made it up is no copy of ours";
  EXPECT_EQ(node->stats().identity_in_use, 0U);
}

TEST_F(Proof, WhoWasToldSoKnowsTheReason) {
  const ConnId conn = peer.connect();
  peer.say(conn, peer.handshake(kCapability));
  peer.say(conn, Refusal{.code = RefusalCode::kAnotherId, .text = "why"});
  ASSERT_THAT(node.told<Refused>(), SizeIs(1));
  EXPECT_EQ(node.told<Refused>().front().reason, EndReason::kAnotherId);
}

TEST_F(Proof, OfThoseTurnedAwayTheLatestOfEachHostAndReasonIsKept) {
  for (std::uint16_t port = 1; port <= 3; ++port)
    node->on_turned_away({"192.0.2.1", port}, {.reason = EndReason::kExpired});
  node->on_turned_away({"192.0.2.1", 4}, {.reason = EndReason::kRevoked});
  node->on_turned_away({"192.0.2.1", 5}, {.reason = EndReason::kTooMany});
  const auto departed = node->departed();
  ASSERT_THAT(departed, SizeIs(2));
  EXPECT_EQ(departed.front().address, (Endpoint{"192.0.2.1", 3}));
  EXPECT_EQ(departed.back().reason, EndReason::kRevoked);
  EXPECT_THAT(node.told<Refused>(), SizeIs(5));
  EXPECT_EQ(node->stats().refused, 5U);
  for (int host = 0; host < 300; ++host)
    node->on_turned_away({"host-" + std::to_string(host), 1}, {.reason = EndReason::kPlaintext});
  EXPECT_THAT(node->departed(), SizeIs(limits::kMaxDeparted));
}

TEST_F(Proof, ADialThatTheTransportGivesUpHasItsReason) {
  node->connect({"192.0.2.1", 7});
  const ConnId dial = node.transport.dialed.back().first;
  node->on_closed(dial, Ending{.reason = EndReason::kAnotherMeshKey, .detail = "why"});
  ASSERT_THAT(node.told<Refused>(), SizeIs(1));
  EXPECT_EQ(node.told<Refused>().front().reason, EndReason::kAnotherMeshKey);
  EXPECT_THAT(reasons_of_departed(), Contains(EndReason::kAnotherMeshKey));
}

TEST_F(Proof, AStoreMovesToTheIdOfItsKeyWithKeysAndLeases) {
  ASSERT_TRUE(node->set("held", bytes_value("mine")));
  const Duration left = node->dictionary().lease("held")->left;
  node.be_down_for(10s);
  EngineConfig config;
  config.proven_id = id("Z");
  node.start_again(config);
  EXPECT_EQ(node->id(), id("Z"));
  EXPECT_EQ(node->move().former, id("M"));
  EXPECT_EQ(node->move().keys, 1U);
  const auto lease = node->dictionary().lease("held");
  ASSERT_TRUE(lease);
  EXPECT_EQ(lease->owner, id("Z"));
  EXPECT_TRUE(lease->ours && lease->held);
  EXPECT_EQ(lease->epoch, Epoch{2});
  EXPECT_EQ(left - lease->left, 11s) << "it has aged as it would have";
  EXPECT_TRUE(node->set("held", bytes_value("still mine")));
}

TEST_F(Proof, WhatHasLapsedDoesNotMove) {
  ASSERT_TRUE(node->set("held", bytes_value("mine")));
  node.be_down_for(2 * kLease);
  EngineConfig config;
  config.proven_id = id("Z");
  node.start_again(config);
  EXPECT_EQ(node->dictionary().lease("held")->owner, id("M"));
}

}  // namespace
}  // namespace meshdict
