// Records on their way: whatever sizes a dictionary admits can be sent, compared, passed on and confirmed.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "core/messages/record_batches.h"
#include "core/sync/reconciler.h"
#include "proptests/core/engine/engine_fixture.h"

namespace meshdict {
namespace {

const NodeId& longest_id() {
  static const NodeId id = *NodeId::parse("9" + std::string(NodeId::kMaxLength - 1, 'z'));
  return id;
}

/// The largest numbers everywhere, so that nothing is encoded shorter than it may be.
Version largest_version() {
  constexpr std::uint64_t kLargest = ~std::uint64_t{0};
  return {.epoch = Epoch{kLargest},
          .claim_start = Hlc{kLargest},
          .owner = longest_id(),
          .boot = Boot{kLargest},
          .sequence = Sequence{kLargest},
          .value_hash = {},
          .written = Hlc{kLargest},
          .kind = RecordKind::kTombstone};
}

/// A size at one of the bounds, on both sides of it, and never beyond `largest`.
rc::Gen<std::size_t> size_up_to(std::size_t largest) {
  return rc::gen::map(
      rc::gen::pair(rc::gen::element<std::size_t>(0, 200, limits::kBatchBytes / 2, limits::kBatchBytes, largest),
                    rc::gen::inRange<std::int64_t>(-300, 300)),
      [=](const std::pair<std::size_t, std::int64_t>& drawn) {
        const std::int64_t size = static_cast<std::int64_t>(drawn.first) + drawn.second;
        return static_cast<std::size_t>(std::clamp<std::int64_t>(size, 0, static_cast<std::int64_t>(largest)));
      });
}

RC_GTEST_PROP(Batches, OfAnyAdmittedRecordsFitTheirFramesAndAreComplete, ()) {
  static const std::string bytes(limits::kMaxFrame, 'b');
  const auto sizes =
      *rc::gen::resize(12, rc::gen::container<std::vector<std::pair<std::size_t, std::size_t>>>(
                               rc::gen::pair(size_up_to(limits::kMaxKey), size_up_to(limits::kMaxValue))));
  std::vector<RecordEntry> all;
  RecordBatches batches;
  for (const auto& [key, value] : sizes) {
    all.push_back({.key = std::string_view(bytes).substr(0, key),
                   .value = RawView(bytes).substr(0, value),
                   .version = largest_version()});
    batches.add(all.back());
  }
  RC_ASSERT(batches.size() == all.size());
  auto next = all.begin();
  for (const Records& batch : batches.batches()) {
    RC_ASSERT(!batch.entries.empty());
    RC_ASSERT(batch.entries.size() <= limits::kBatchRecords);
    std::size_t size = 0;
    for (const RecordEntry& entry : batch.entries) {
      RC_ASSERT(entry.key.size() == next->key.size());
      RC_ASSERT(entry.value.size() == next->value.size());
      size += encoded_bound(entry);
      ++next;
    }
    RC_ASSERT(size <= limits::kBatchBytes || batch.entries.size() == 1);
    const std::string message = encode_message(
        {.sender = longest_id(), .time = kMaxTime, .stamp = Stamp{.boot = Boot{~0ULL}, .counter = ~0ULL}}, batch);
    RC_ASSERT(kHashSize + message.size() <= limits::kMaxFrame);
  }
}

class TransferTest : public ::testing::Test {
 protected:
  TransferTest() { EXPECT_TRUE(node->start()); }
  ~TransferTest() override { node->sanity_check(); }

  /// The keys of all records that came on `conn` since the last call, in order; each has the value that `node` has.
  std::vector<std::string> keys_on(ConnId conn) {
    std::vector<std::string> keys;
    const std::string bytes = std::exchange(node.transport.sent[conn], {});
    FrameDecoder decoder(limits::kMaxFrame);
    decoder.feed(bytes);
    for (auto body = decoder.next(); body && *body; body = decoder.next()) {
      const auto opened = open_body(**body, known_compressions());
      const auto envelope = decode_envelope(opened->plain.message);
      const auto message = decode_message(*envelope);
      const auto* const records = std::get_if<Records>(&*message);
      if (records == nullptr) continue;
      for (const RecordEntry& entry : records->entries) {
        keys.emplace_back(entry.key);
        const auto here = node->dictionary().find(entry.key);
        EXPECT_TRUE(here && here->value == entry.value);
      }
    }
    return keys;
  }

  /// An empty dictionary asks for all.
  void ask_for_all(ConnId conn) {
    const ReconcileSet none;
    Reconciler reconciler(none);
    reconciler.ask(SessionId{7});
    auto out = reconciler.work(100, [](const ReconcileSet::Entry&) { return true; });
    ASSERT_TRUE(out && out->is_question);
    peer.say(conn, SyncQuestion{.ranges = std::move(out->message)});
    node.pass(1s);
  }

  /// Records at the bounds, between small ones.
  std::vector<std::string> write_at_the_bounds() {
    const std::size_t largest = limits::kMaxValue - 5;
    const std::vector<std::pair<std::size_t, std::size_t>> sizes = {{1, 2'000},
                                                                    {limits::kMaxKey, largest},
                                                                    {2, 2'000},
                                                                    {limits::kMaxKey - 1, largest - 1},
                                                                    {3, limits::kBatchBytes},
                                                                    {4, largest},
                                                                    {5, limits::kBatchBytes},
                                                                    {6, 10}};
    std::vector<std::string> keys;
    for (const auto& [key, value] : sizes) {
      keys.emplace_back(key, static_cast<char>('a' + keys.size()));
      EXPECT_TRUE(node->set(keys.back(), bytes_value(std::string(value, 'v'))));
      node.clock.advance(1ms);
    }
    return keys;
  }

  Node node;
  Peer peer{node, "A"};
  Peer other{node, "Z"};
};

TEST_F(TransferTest, RecordsOfTheLargestSizesComeToWhoCompares) {
  const auto keys = write_at_the_bounds();
  const ConnId conn = peer.join(1);
  node.transport.sent[conn].clear();
  ask_for_all(conn);
  EXPECT_THAT(keys_on(conn), ::testing::UnorderedElementsAreArray(keys));
}

TEST_F(TransferTest, RecordsOfTheLargestSizesAreConfirmed) {
  const auto keys = write_at_the_bounds();
  const ConnId conn = peer.join(1);
  node.transport.sent[conn].clear();
  const auto token = node->confirm(keys);
  ASSERT_TRUE(token);
  node.pass(1s);
  EXPECT_EQ(keys_on(conn), keys);
  peer.say(conn, Pong{.nonce = nonce_of(*token)});
  EXPECT_EQ(node.told<Confirmed>().size(), 1U);
}

TEST_F(TransferTest, AFullFrameOfNewsIsPassedOnWhole) {
  const ConnId from = peer.join(1);
  const ConnId to = other.join(2);
  node.transport.sent[to].clear();
  // A frame as full as can be, without the stamp that ours have.
  Version version = largest_version();
  version.epoch = Epoch{1};
  version.boot = Boot{1};
  version.sequence = Sequence{1};
  version.kind = RecordKind::kValue;
  version.claim_start = version.written = Hlc::from_ms(unix_seconds(node.clock.wall_time) * 1'000);
  std::vector<std::string> keys(1'000);
  for (std::size_t i = 0; i < keys.size(); ++i)
    keys[i] = std::to_string(i);
  const Raw value = bytes_value(std::string(3'900, 'v'));
  Records news;
  for (const std::string& key : keys)
    news.entries.push_back({.key = key, .value = value, .version = version});
  const auto encoded = [&] {
    return encode_message({.sender = id("A"), .time = unix_seconds(node.clock.wall_time), .stamp = std::nullopt}, news);
  };
  const std::size_t room = limits::kMaxFrame - kHashSize - encoded().size();
  // Of which the length takes two bytes more.
  const Raw last = bytes_value(std::string(3'900 + room - 2, 'v'));
  news.entries.back().value = last;
  ASSERT_EQ(kHashSize + encoded().size(), limits::kMaxFrame);
  peer.say_raw(from, encoded());
  EXPECT_EQ(keys_on(to), keys);
}

}  // namespace
}  // namespace meshdict
