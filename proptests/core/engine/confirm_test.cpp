// Which neighbours have what we wrote: what is asked, and which answers count.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proptests/core/engine/engine_fixture.h"

namespace meshdict {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class EngineConfirmTest : public ::testing::Test {
 protected:
  EngineConfirmTest() {
    EXPECT_TRUE(node->start());
    EXPECT_TRUE(node->set("key", bytes_value("value")));
  }
  ~EngineConfirmTest() override { node->sanity_check(); }

  Node node;
  Peer peer{node, "A"};
  Peer other{node, "Z"};
};

TEST_F(EngineConfirmTest, TheRecordsGoFirstAndThePongToThePingBehindThemCounts) {
  const ConnId conn = peer.join(1);
  peer.heard(conn);
  const auto token = node->confirm({"key", "no such key"});
  ASSERT_TRUE(token);
  EXPECT_THAT(peer.heard(conn), ElementsAre("records", "ping"));
  peer.say(conn, Pong{.nonce = Nonce{std::to_underlying(*token) + 1}});
  EXPECT_THAT(node.told<Confirmed>(), IsEmpty());
  peer.say(conn, Pong{.nonce = nonce_of(*token)});
  peer.say(conn, Pong{.nonce = nonce_of(*token)});
  ASSERT_THAT(node.told<Confirmed>(), SizeIs(1));
  EXPECT_EQ(node.told<Confirmed>().front().token, *token);
  EXPECT_EQ(node.told<Confirmed>().front().peer, *NodeId::parse("A"));
}

TEST_F(EngineConfirmTest, WhoComesLaterIsAskedToo) {
  const auto token = node->confirm({"key"});
  const ConnId conn = peer.join(1);
  EXPECT_THAT(peer.heard(conn), Contains("records"));
  peer.say(conn, Pong{.nonce = nonce_of(*token)});
  EXPECT_THAT(node.told<Confirmed>(), SizeIs(1));
  // Another link of one that has confirmed is not.
  const ConnId second = peer.join(2, {1});
  EXPECT_THAT(peer.heard(second), Not(Contains("records")));
  const ConnId third = other.join(3);
  EXPECT_THAT(other.heard(third), Contains("records"));
}

TEST_F(EngineConfirmTest, APy2pNodeIsNotAsked) {
  const ConnId conn = peer.join_as_py2p();
  peer.heard(conn);
  ASSERT_TRUE(node->confirm({"key"}));
  EXPECT_THAT(peer.heard(conn), Not(Contains("ping")));
}

TEST_F(EngineConfirmTest, AfterItsEndNothingIsTold) {
  const ConnId conn = peer.join(1);
  const auto token = node->confirm({});
  node->end_confirmation(*token);
  peer.say(conn, Pong{.nonce = nonce_of(*token)});
  EXPECT_THAT(node.told<Confirmed>(), IsEmpty());
}

TEST_F(EngineConfirmTest, WhoDoesNotShowTheRecordsHasNotConfirmedAndIsAskedAgain) {
  const ConnId conn = peer.join_with_clock(1, -60s);
  const auto token = node->confirm({"key"});
  peer.heard(conn);
  peer.say(conn, Pong{.nonce = nonce_of(*token), .clock_ms = peer.clock_ms(-60s), .hidden = 1});
  EXPECT_THAT(node.told<Confirmed>(), IsEmpty());
  node.pass(limits::kConfirmAgain);
  EXPECT_THAT(peer.heard(conn), ElementsAre("records", "ping"));
  peer.say(conn, Pong{.nonce = nonce_of(*token), .clock_ms = peer.clock_ms(0s), .hidden = 0});
  EXPECT_THAT(node.told<Confirmed>(), SizeIs(1));
  node.pass(limits::kConfirmAgain);
  EXPECT_THAT(peer.heard(conn), Not(Contains("records")));
}

TEST_F(EngineConfirmTest, OfAnOlderMemberTheClockDecides) {
  const auto token = node->confirm({"key"});
  // Neither says what it shows: one whose clock is a minute behind ours does not show what we write.
  const ConnId wrong = peer.join_with_clock(1, -60s);
  peer.say(wrong, Pong{.nonce = nonce_of(*token)});
  EXPECT_THAT(node.told<Confirmed>(), IsEmpty());
  const ConnId right = other.join_with_clock(2, 1s);
  other.say(right, Pong{.nonce = nonce_of(*token)});
  EXPECT_THAT(node.told<Confirmed>(), SizeIs(1));
}

TEST_F(EngineConfirmTest, OnlySoManyAreOpen) {
  std::optional<ConfirmationToken> last;
  for (std::size_t i = 0; i < limits::kMaxConfirmations; ++i) {
    last = node->confirm({});
    ASSERT_TRUE(last);
  }
  EXPECT_FALSE(node->confirm({}));
  node->end_confirmation(*last);
  EXPECT_TRUE(node->confirm({}));
}

TEST_F(EngineConfirmTest, ManyRecordsGoInBatches) {
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < limits::kBatchRecords + 1; ++i) {
    keys.push_back(std::to_string(i));
    ASSERT_TRUE(node->set(keys.back(), bytes_value("value")));
  }
  const ConnId conn = peer.join(1);
  peer.heard(conn);
  ASSERT_TRUE(node->confirm(keys));
  EXPECT_THAT(peer.heard(conn), ElementsAre("records", "records", "ping"));
}

}  // namespace
}  // namespace meshdict
