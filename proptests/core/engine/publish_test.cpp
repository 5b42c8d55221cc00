// What an engine broadcasts under its own id is its own, and is what it holds at that moment: several frames that come in
// one read may have made it write something anew, and take that from it again, before anything is sent.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "proptests/core/engine/engine_fixture.h"

namespace meshdict {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Publish : public ::testing::Test {
 protected:
  Publish() {
    EXPECT_TRUE(node->start());
    link = witness.join(1);
    node.clock.advance(10s);
    EXPECT_TRUE(node->set("k", bytes_value("ours")));
    static_cast<void>(stores());
  }
  ~Publish() override { node->sanity_check(); }

  /// "sender: key=value @ epoch" of each store that the node has broadcast or passed on since the last call.
  std::vector<std::string> stores() {
    std::vector<std::string> found;
    const std::string bytes = std::exchange(node.transport.sent[link], {});
    FrameDecoder decoder(limits::kMaxFrame);
    decoder.feed(bytes);
    for (auto body = decoder.next(); body && *body; body = decoder.next()) {
      const auto opened = open_body(**body, known_compressions());
      const auto envelope = decode_envelope(opened->plain.message);
      const auto message = decode_message(*envelope);
      const auto* const store = std::get_if<StoreSet>(&*message);
      if (store == nullptr) continue;
      found.push_back(std::string(envelope->sender.text()) + ": " + std::string(store->key) + "=" +
                      client_text(store->value) + " @ " + std::to_string(std::to_underlying(store->version->epoch)));
    }
    return found;
  }

  /// A frame with a claim of "k", from the start of the tests on.
  std::string claim_frame(Peer& peer, std::string_view value, std::uint64_t epoch, std::int64_t start_ms,
                          RecordKind kind = RecordKind::kValue) {
    const Version version = claim("A", epoch, start_ms);
    StoreVersion sent = store_version(version);
    sent.kind = kind;
    const Raw packed = bytes_value(value);
    return *make_frame(peer.broadcast_of(StoreSet{.key = "k", .value = packed, .version = sent}))->bytes;
  }

  Node node;
  Peer witness{node, "A"};
  Peer rival{node, "Z"};
  ConnId link = ConnId::kNone;
};

TEST_F(Publish, WhatIsTakenAgainGoesOutUnderOurId) {
  const ConnId from = rival.join(2);
  node->on_data(from, claim_frame(rival, "theirs", 1, 20'000));
  EXPECT_THAT(stores(), ElementsAre("Z: k=theirs @ 1", "M: k=ours @ 2"));
}

TEST_F(Publish, AForeignClaimThatWinsInTheSameReadIsNotOurs) {
  const ConnId from = rival.join(2);
  node->on_data(from, claim_frame(rival, "theirs", 1, 20'000) + claim_frame(rival, "theirs", 5, 20'000));
  EXPECT_THAT(stores(), ElementsAre("Z: k=theirs @ 1", "Z: k=theirs @ 5"));
  EXPECT_EQ(node->dictionary().lease("k")->owner, id("Z"));
}

TEST_F(Publish, WhatIsTakenAgainTwiceInOneReadGoesOutOnceAsItIs) {
  Peer other(node, "Y");
  const ConnId from = rival.join(2);
  other.join(3);
  const std::string second =
      *make_frame(other.broadcast_of(
                      StoreSet{.key = "k", .value = bytes_value("y"), .version = store_version(claim("A", 2, 20'000))}))
           ->bytes;
  node->on_data(from, claim_frame(rival, "theirs", 1, 20'000) + second);
  EXPECT_THAT(stores(), ElementsAre("Z: k=theirs @ 1", "Y: k=y @ 2", "M: k=ours @ 3"));
}

TEST_F(Publish, AnEngineThatHasStoppedSaysNothing) {
  const ConnId from = rival.join(2);
  static_cast<void>(stores());
  node->stop();
  static_cast<void>(stores());
  node->on_data(from, claim_frame(rival, "theirs", 1, 20'000));
  EXPECT_THAT(stores(), IsEmpty());
}

}  // namespace
}  // namespace meshdict
