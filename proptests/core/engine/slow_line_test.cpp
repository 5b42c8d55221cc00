// Lines that are slow, and links that gave way: what is on its way arrives, however long it takes, and nobody is dropped
// for what we have sent.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proptests/core/engine/engine_fixture.h"

namespace meshdict {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class SlowLineTest : public ::testing::Test {
 protected:
  SlowLineTest() { EXPECT_TRUE(node->start()); }
  ~SlowLineTest() override { node->sanity_check(); }

  void say_hello_after(ConnId conn, Duration round_trip, std::uint64_t nonce,
                       const std::vector<std::uint64_t>& open = {}) {
    node.pass(round_trip);
    smaller.say(conn, smaller.handshake(kCapability));
    smaller.say(conn, smaller.hello(nonce, open));
    smaller.say(conn, Presence{});
  }

  void say_packet(Peer& peer, ConnId conn, std::string_view text) {
    const Raw packet = bytes_value(text);
    peer.say(conn, UserMessage{.packets = {packet}});
  }

  void write_much(std::size_t values) {
    const Raw value = bytes_value(std::string(300'000, 'v'));
    for (std::size_t i = 0; i < values; ++i)
      ASSERT_TRUE(node->set("key" + std::to_string(i), value));
  }

  void queue_beyond_the_bound(ConnId conn) {
    node.transport.backlog = limits::kMaxQueued + 1'000'000;
    node.transport.given[conn] += node.transport.backlog;
    write_much(4);
  }

  /// Feeds `frame` at so many bytes a second, until it has come or the connection is closed. The pieces are of a second.
  void drip(ConnId conn, std::string_view frame, std::size_t bytes_a_second) {
    while (!frame.empty() && !smaller.closed(conn)) {
      node->on_data(conn, frame.substr(0, bytes_a_second));
      frame.remove_prefix(std::min(frame.size(), bytes_a_second));
      node.pass(1s);
    }
  }

  /// A frame of some 2 MB.
  std::string large_frame() {
    const Raw value = bytes_value(std::string(2'000'000, 'v'));
    Version version{.epoch = Epoch{1},
                    .claim_start = Hlc::from_ms(unix_seconds(node.clock.wall_time) * 1'000),
                    .owner = id("A"),
                    .boot = Boot{1},
                    .sequence = Sequence{0}};
    version.written = version.claim_start;
    return *make_frame(smaller.bytes_of(Records{.entries = {{.key = "large", .value = value, .version = version}}}))
                ->bytes;
  }

  Node node;
  Peer smaller{node, "A"};
  Peer larger{node, "Z"};
};

// Links that gave way

TEST_F(SlowLineTest, ALinkWhoseProbeIsLateIsReadOn) {
  const ConnId first = smaller.join(1);
  // Its hello left before it had heard of the first.
  const ConnId second = smaller.join(2);
  node.pass(limits::kProbeDeadline + 500ms);
  say_packet(smaller, first, "on its way");
  EXPECT_THAT(node.told<MessageArrived>(), SizeIs(1));
  EXPECT_FALSE(smaller.closed(first));
  EXPECT_THAT(smaller.heard(second), Contains("keep"));
}

TEST_F(SlowLineTest, ARetiredLinkIsReadAsLongAsSomethingComesAndEndsWithThePeersLastWord) {
  const ConnId kept = smaller.join(1);
  const ConnId other = smaller.join(2, {1});
  smaller.say(kept, KeepAck{.nonce = Nonce{1}});
  for (int i = 0; i < 4; ++i) {
    node.pass(limits::kLinger - 1s);
    say_packet(smaller, other, "late " + std::to_string(i));
    smaller.say(kept, Pong{.nonce = Nonce{1}});
  }
  EXPECT_THAT(node.told<MessageArrived>(), SizeIs(4));
  EXPECT_FALSE(smaller.closed(other));
  smaller.say(other, KeepAck{.nonce = Nonce{1}});
  node.pass(1ms);
  EXPECT_TRUE(smaller.closed(other));
  EXPECT_FALSE(smaller.closed(kept));
}

TEST_F(SlowLineTest, ARetiredLinkOnALongLineLingersForItsRoundTrips) {
  const ConnId kept = smaller.connect();
  const ConnId other = smaller.connect();
  say_hello_after(kept, 3s, 1);
  say_hello_after(other, 0s, 2, {1});
  smaller.say(kept, KeepAck{.nonce = Nonce{1}});
  node.pass(2 * 3s + limits::kLinger);
  say_packet(smaller, other, "late");
  EXPECT_THAT(node.told<MessageArrived>(), SizeIs(1));
  node.pass(limits::kLingerRoundTrips * 3s);
  EXPECT_TRUE(smaller.closed(other));
}

TEST_F(SlowLineTest, ARetiredLinkEndsSomeTimeWhateverComes) {
  smaller.join(1);
  const ConnId other = smaller.join(2, {1});
  smaller.say(ConnId{1}, KeepAck{.nonce = Nonce{1}});
  for (Duration passed{}; passed < limits::kLongestLinger; passed += 4s) {
    node.pass(4s);
    if (!smaller.closed(other)) smaller.say(other, Pong{.nonce = Nonce{2}});
    smaller.say(ConnId{1}, Pong{.nonce = Nonce{1}});
  }
  EXPECT_TRUE(smaller.closed(other));
}

TEST_F(SlowLineTest, TheSmallerIdSaysItsLastOnTheLinksThatAreNotKept) {
  const ConnId first = larger.join(1);
  const ConnId second = larger.join(2, {1});
  larger.heard(first);
  larger.say(second, Keep{.nonce = Nonce{2}});
  EXPECT_THAT(larger.heard(first), Contains("keep-ack"));
}

TEST_F(SlowLineTest, TheLinkThatIsToBeKeptStaysInUseWhenTheHelloOfAnotherIsLate) {
  const ConnId kept = larger.join(1);
  const ConnId other = larger.connect();
  larger.say(kept, Keep{.nonce = Nonce{1}});
  // It left before the other was known, and the peer may have retired this link since.
  larger.say(other, larger.handshake(kCapability));
  larger.say(other, larger.hello(2, {}));
  larger.heard(kept);
  larger.heard(other);
  ASSERT_TRUE(node->set("key", bytes_value("value")));
  EXPECT_THAT(larger.heard(kept), Contains("store"));
  EXPECT_THAT(larger.heard(other), Not(Contains("store")));
}

TEST_F(SlowLineTest, WhatWasAskedOnALinkThatGaveWayIsAskedAgain) {
  ASSERT_TRUE(node->set("key", bytes_value("value")));
  const ConnId first = larger.join(1);
  const ConnId second = larger.join(2, {1});
  const auto token = node->confirm({"key"});
  EXPECT_THAT(larger.heard(first), Contains("ping"));
  larger.say(second, Keep{.nonce = Nonce{2}});
  larger.heard(second);
  node->on_closed(first, "end of stream");
  EXPECT_THAT(larger.heard(second), Contains("ping"));
  larger.say(second, Pong{.nonce = nonce_of(*token)});
  EXPECT_THAT(node.told<Confirmed>(), SizeIs(1));
}

// Much to send

TEST_F(SlowLineTest, WhoTakesWhatWeSendIsNoSlowReaderAndGetsTheRestByComparing) {
  const ConnId conn = smaller.join(1);
  queue_beyond_the_bound(conn);
  node.transport.sent[conn].clear();
  write_much(4);
  EXPECT_THAT(smaller.heard(conn), Not(Contains("store"))) << "no more of it is queued";
  for (int i = 0; i < 20; ++i) {
    node.pass(limits::kPingAfterIdle);
    node.transport.backlog -= 100'000;
    smaller.say(conn, Pong{.nonce = Nonce{1}});
  }
  EXPECT_FALSE(smaller.closed(conn));
  smaller.heard(conn);
  node.transport.backlog = 0;
  node->on_drained(conn);
  node.pass(1ms);
  EXPECT_THAT(smaller.heard(conn), Contains("sync-question"));
  write_much(1);
  EXPECT_THAT(smaller.heard(conn), Not(IsEmpty()));
}

TEST_F(SlowLineTest, WhoTakesNothingIsASlowReaderThoughItSpeaks) {
  const ConnId conn = smaller.join(1);
  queue_beyond_the_bound(conn);
  const std::uint64_t taken = node.transport.given[conn] - node.transport.backlog;
  for (Duration passed{}; passed < limits::kStallVerdict + limits::kPingAfterIdle; passed += 1s) {
    node.transport.backlog = node.transport.given[conn] - taken;
    node.pass(1s);
    if (!smaller.closed(conn)) smaller.say(conn, Pong{.nonce = Nonce{1}});
  }
  EXPECT_TRUE(smaller.closed(conn));
  EXPECT_EQ(node.told<PeerDown>().back().reason, EndReason::kSlowReader);
}

TEST_F(SlowLineTest, ConfirmingWaitsForRoom) {
  const ConnId conn = smaller.join(1);
  write_much(20);
  std::vector<std::string> keys;
  for (int i = 0; i < 20; ++i)
    keys.push_back("key" + std::to_string(i));
  node.transport.sent[conn].clear();
  ASSERT_TRUE(node->confirm(keys));
  EXPECT_LE(node.transport.sent[conn].size(), limits::kBulkLowWater + 2 * 300'100) << "not all at once";
  node.transport.backlog = limits::kBulkLowWater + 1;
  node.transport.sent[conn].clear();
  node.pass(1s);
  EXPECT_THAT(smaller.heard(conn), Not(Contains("records")));
  node.transport.backlog = 0;
  node->on_drained(conn);
  node.pass(1s);
  const auto heard = smaller.heard(conn);
  EXPECT_THAT(heard, Contains("records"));
  EXPECT_THAT(heard, Contains("ping"));
}

// A frame that takes long

TEST_F(SlowLineTest, ANeighbourThatStillTakesWhatStandsBeforeOurQuestionIsNotSilent) {
  const ConnId conn = smaller.join(1);
  write_much(1);
  node.transport.backlog = 4'000'000;
  node.transport.given[conn] += 4'000'000;
  for (int i = 0; i < 10; ++i) {
    node.pass(limits::kPingAfterIdle);
    node.transport.backlog -= 390'000;
  }
  EXPECT_FALSE(smaller.closed(conn));
  // Its machine has taken all, the question too. Now it has to answer.
  node.transport.backlog = 0;
  node.pass(limits::kSilenceVerdict + limits::kPingAfterIdle);
  EXPECT_TRUE(smaller.closed(conn));
  EXPECT_EQ(node.told<PeerDown>().back().reason, EndReason::kSilent);
}

TEST_F(SlowLineTest, AMachineThatTakesOurQuestionsWithoutAnAnswerIsSilent) {
  const ConnId conn = smaller.join(1);
  node.pass(limits::kSilenceVerdict);
  EXPECT_TRUE(smaller.closed(conn));
}

TEST_F(SlowLineTest, WhoHearsForLongWithoutHavingSpokenSaysSomething) {
  const ConnId conn = smaller.join(1);
  node.pass(1s);
  smaller.heard(conn);
  const std::string frame = large_frame();
  drip(conn, frame.substr(0, 200'000), 20'000);
  EXPECT_THAT(smaller.heard(conn), Contains("ping"));
}

TEST_F(SlowLineTest, AFrameHasTimeAsLongAsItComesAtTheSlowestLine) {
  const ConnId conn = smaller.join(1);
  drip(conn, large_frame(), limits::kSlowestLine + 100);
  EXPECT_FALSE(smaller.closed(conn));
  EXPECT_TRUE(node->dictionary().find("large"));
}

TEST_F(SlowLineTest, AFrameThatDripsIsNoFrame) {
  const ConnId conn = smaller.join(1);
  drip(conn, std::string_view(large_frame()).substr(0, 100 * 80), 80);
  EXPECT_TRUE(smaller.closed(conn));
  EXPECT_EQ(node.told<PeerDown>().back().reason, EndReason::kProtocolError);
}

}  // namespace
}  // namespace meshdict
