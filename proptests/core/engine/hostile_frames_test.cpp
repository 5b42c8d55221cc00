// Frames that no honest member sends: whatever is in them, the node goes on, and answers no more than it was asked.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/sha256.h"
#include "proptests/core/engine/engine_fixture.h"

namespace meshdict {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;

class HostileFrames : public ::testing::Test {
 protected:
  HostileFrames() {
    node->set_address({"127.0.0.1", 7});
    EXPECT_TRUE(node->start());
  }
  ~HostileFrames() override { node->sanity_check(); }

  /// A body of `message`, compressed, as a frame.
  static std::string compressed(std::string_view message, Compression method) {
    return *compress_frame(make_frame(message).value(), method).bytes;
  }

  /// The session of the last question on `conn`, if there is one.
  std::optional<SessionId> session_asked(ConnId conn) {
    std::optional<SessionId> session;
    FrameDecoder decoder(limits::kMaxFrame);
    decoder.feed(node.transport.sent[conn]);
    for (auto body = decoder.next(); body && *body; body = decoder.next()) {
      const auto opened = open_body(**body, known_compressions());
      const auto message = decode_message(*decode_envelope(opened->plain.message));
      if (const auto* question = std::get_if<SyncQuestion>(&*message)) session = question->ranges.session;
    }
    return session;
  }

  Node node;
  Peer peer{node, "A"};
  Peer other{node, "B"};
};

TEST_F(HostileFrames, ARequestIdIsRepeatedOnlyUpToItsBound) {
  const ConnId conn = peer.join(1);
  peer.heard(conn);
  const std::string longest(limits::kMaxRequestId, 'r');
  peer.pass_on(conn, Request{.request_id = longest, .wanted = id("M")}, "C", 0);
  EXPECT_THAT(peer.heard(conn), Contains("response"));
  // So large that the answer, which has more in it than the question, would be beyond a frame, too.
  for (const std::size_t size : {limits::kMaxRequestId + 1, limits::kMaxFrame - 72}) {
    const std::string beyond(size, 'r');
    peer.pass_on(conn, Request{.request_id = beyond, .wanted = id("M")}, "C", size);
    EXPECT_THAT(peer.heard(conn), IsEmpty()) << size;
  }
  EXPECT_FALSE(peer.closed(conn));
}

TEST_F(HostileFrames, NothingIsBelowTheSmallestBoundOfAnAnswer) {
  const ConnId conn = peer.join(1);
  std::optional<SessionId> session;
  // Until the node compares by itself.
  for (int i = 0; i < 30 && !session; ++i) {
    node.pass(1s);
    session = session_asked(conn);
    peer.say(conn, Ping{.nonce = Nonce{1}});
  }
  ASSERT_TRUE(session);
  const std::string all_put_off("\x00\x00", 2);
  peer.say(
      conn,
      SyncAnswer{.ranges = {.session = *session, .reach = 0, .more = true, .closing = false, .ranges = all_put_off}});
  node.pass(1s);
  EXPECT_TRUE(peer.closed(conn));
}

TEST_F(HostileFrames, OfAStrangerNothingIsDecompressed) {
  // A good one, but for what stands behind it, which is ignored, and compresses well.
  const std::string handshake =
      encode_message({.sender = id("A"), .time = 1, .stamp = std::nullopt}, peer.handshake(kCapability)) +
      bytes_value(std::string(2'000, 'x'));
  for (const Compression method : known_compressions()) {
    const ConnId conn = peer.connect();
    node->on_data(conn, compressed(handshake, method));
    EXPECT_TRUE(peer.closed(conn));
  }
}

TEST_F(HostileFrames, OnlyWhatWasOfferedIsDecompressed) {
  const std::string text(3'000, 'x');
  const std::string packet = text_value(text);
  std::uint64_t counter = 0;
  for (const Compression method : known_compressions()) {
    const bool offered = std::ranges::count(offered_compressions(), method) > 0;
    const ConnId conn = peer.join(++counter);
    node->on_data(conn, compressed(peer.bytes_of(UserMessage{.packets = {packet}}), method));
    EXPECT_EQ(peer.closed(conn), !offered) << static_cast<int>(method);
    EXPECT_EQ(node.told<MessageArrived>().size(), offered ? 1U : 0U);
    node.events.clear();
    if (!peer.closed(conn)) node->on_closed(conn, "over");
  }
}

TEST_F(HostileFrames, AFewBytesStayAFewForEachNeighbour) {
  const ConnId from = peer.join(1);
  const ConnId to = other.connect();
  Handshake reads_all = other.handshake(kCapability);
  for (const Compression method : offered_compressions())
    reads_all.compressions.push_back(static_cast<std::uint64_t>(method));
  other.say(to, reads_all);
  other.say(to, other.hello(2, {}));
  const std::string packet = text_value(std::string(150'000, 'x'));
  const std::string bomb = compressed(peer.bytes_of(UserMessage{.packets = {packet}}), Compression::kZlib);
  node.transport.sent[to].clear();
  node->on_data(from, bomb);
  EXPECT_TRUE(node.transport.sent[to] == bomb) << node.transport.sent[to].size() << " bytes";
}

// Copies that cost more than they did their sender

TEST_F(HostileFrames, ACompressedCopyIsKnownBeforeItIsDecompressed) {
  const ConnId conn = peer.join(1);
  const Raw packet = bytes_value(std::string(4'000'000, 'x'));
  const std::string frame = compressed(peer.broadcast_of(UserMessage{.packets = {packet}}), Compression::kZlib);
  // Some 400 MB, if each were: more than a neighbour may make us decompress in this second.
  for (int i = 0; i < 100; ++i)
    node->on_data(conn, frame);
  EXPECT_FALSE(peer.closed(conn));
  EXPECT_EQ(node->stats().delivered, 1);
  EXPECT_EQ(node->stats().duplicates, 99);
}

TEST_F(HostileFrames, WhoMakesUsDecompressInVainIsDropped) {
  const ConnId conn = peer.join(1);
  const Raw packet = bytes_value(std::string(4'000'000, 'x'));
  const std::int64_t long_ago = unix_seconds(node.clock.wall_time) - 100;
  const auto say_too_late = [&](std::uint64_t counter) {
    const std::string message =
        encode_message({.sender = id("C"), .time = long_ago, .stamp = Stamp{.boot = Boot{1}, .counter = counter}},
                       UserMessage{.packets = {packet}});
    node->on_data(conn, compressed(message, Compression::kZlib));
  };
  constexpr std::uint64_t kBorne = limits::kMaxWastedBytes / 4'001'000;
  for (std::uint64_t second = 0; second < 3; ++second) {
    for (std::uint64_t i = 0; i < kBorne; ++i)
      say_too_late(second * kBorne + i);
    node.pass(limits::kWasteWindow);
  }
  EXPECT_FALSE(peer.closed(conn)) << "in a second, not in all";
  for (std::uint64_t i = 0; i < kBorne + 2; ++i)
    say_too_late(100 * kBorne + i);
  EXPECT_TRUE(peer.closed(conn));
}

}  // namespace
}  // namespace meshdict
