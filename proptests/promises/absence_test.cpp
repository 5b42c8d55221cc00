// Nothing is deleted because somebody lacks it; and a deletion that is too old to be compared still deletes what comes
// from before it. One engine, and peers that say what they like.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/sha256.h"
#include "core/sync/reconciler.h"
#include "proptests/core/engine/engine_fixture.h"

namespace meshdict {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Duration kHorizon = 2h;
/// Unix time 1970-01-01 00:01:00: of a machine that has not asked anybody yet.
constexpr WallTime kFirstMinute{60s};

EngineConfig with_horizon() {
  EngineConfig config;
  config.horizon = kHorizon;
  return config;
}

/// Connects as a neighbour that says `presence` of itself.
ConnId meet(Node& node, Peer& peer, std::uint64_t nonce, const Presence& presence) {
  const ConnId conn = peer.connect();
  peer.say(conn, peer.handshake(kCapability));
  Hello hello = peer.hello(nonce, {});
  hello.horizon_ms = kHorizon / 1ms;
  peer.say(conn, hello);
  peer.say(conn, presence);
  peer.heard(conn);
  EXPECT_FALSE(peer.closed(conn));
  EXPECT_EQ(node->neighbours().size(), 1U);
  return conn;
}

/// A member that has been there for ever and misses nothing, as the older versions of this software said it.
Presence oldest_member(const Node& node) {
  const Hlc now =
      Hlc::from_ms(std::chrono::floor<std::chrono::milliseconds>(node.clock.wall_time.time_since_epoch()).count());
  return {.level = Presence::Level::kInStep, .memory_ms = 0, .compared = now, .in_step = now, .settled = true};
}

/// The peer compares, and has nothing: it goes through to the end of the session.
void compare_with_nothing(Node& node, Peer& peer, ConnId conn) {
  const ReconcileSet nothing;
  Reconciler asker(nothing);
  asker.ask(SessionId{7});
  RangeMessage question = asker.work(100, [](const ReconcileSet::Entry&) { return true; })->message;
  peer.say(conn, SyncQuestion{question});
  node.pass(1s);
  question.closing = true;
  question.ranges.clear();
  peer.say(conn, SyncQuestion{question});
  node.pass(1s);
}

Records one_record(std::string_view key, Version version) {
  static const Raw value = bytes_value("theirs");
  static const Raw none = bytes_value("");
  const Raw& content = is_visible(version) ? value : none;
  version.value_hash = sha256(content);
  return {.entries = {{.key = key, .value = content, .version = version}}};
}

/// The records that the node has sent on `conn` since the last call: "key" or, for a tombstone, "-key".
std::vector<std::string> records_told(Node& node, ConnId conn) {
  std::vector<std::string> told;
  const std::string bytes = std::exchange(node.transport.sent[conn], {});
  FrameDecoder decoder(limits::kMaxFrame);
  decoder.feed(bytes);
  for (auto body = decoder.next(); body && *body; body = decoder.next()) {
    const auto opened = open_body(**body, known_compressions());
    const auto message = decode_message(*decode_envelope(opened->plain.message));
    if (const auto* const records = std::get_if<Records>(&*message)) {
      for (const RecordEntry& entry : records->entries)
        told.push_back((is_visible(entry.version) ? "" : "-") + std::string(entry.key));
    }
  }
  return told;
}

std::vector<std::string> visible_keys(const Node& node) {
  std::vector<std::string> keys;
  for (const auto& [key, record] : const_cast<Node&>(node)->dictionary().records())
    if (is_visible(record.version)) keys.emplace_back(key);
  return keys;
}

Presence any_presence(const Node& node) {
  Presence presence = oldest_member(node);
  presence.level = *rc::gen::element(Presence::Level::kApart, Presence::Level::kLivedOn, Presence::Level::kInStep);
  presence.memory_ms = *rc::gen::element<std::int64_t>(0, 60'000, at_ms(-1'000).unix_ms(), at_ms(0).unix_ms());
  presence.settled = *rc::gen::arbitrary<bool>();
  if (*rc::gen::arbitrary<bool>()) presence.compared = {};
  return presence;
}

constexpr int kKeys = 50;

void fill(Node& node, Peer& peer, ConnId conn) {
  const std::int64_t now =
      std::chrono::floor<std::chrono::milliseconds>(node.clock.wall_time.time_since_epoch() - kStart).count();
  for (int i = 0; i < kKeys; ++i) {
    const std::string key = "theirs" + std::to_string(i);
    peer.say(conn, one_record(key, claim("B", 7, now)));
    ASSERT_TRUE(node->set("ours" + std::to_string(i), bytes_value("mine")));
  }
}

TEST(Absence, OneLyingMemberRemovesNothing) {
  Node node(with_horizon());
  ASSERT_TRUE(node->start());
  node.pass(kHorizon + 60s);
  Peer honest(node, "A");
  const ConnId first = meet(node, honest, 1, oldest_member(node));
  fill(node, honest, first);
  compare_with_nothing(node, honest, first);
  honest.say(first, Bye{.text = "test"});
  node.pass(kHorizon + 60s);
  Peer liar(node, "L");
  compare_with_nothing(node, liar, meet(node, liar, 2, oldest_member(node)));
  EXPECT_EQ(visible_keys(node).size(), 2U * kKeys);
  EXPECT_THAT(node.told<Deleted>(), IsEmpty());
  node->sanity_check();
}

TEST(Absence, AnEmptyMemberThatBeganIn1970RemovesNothing) {
  Node node(with_horizon());
  ASSERT_TRUE(node->start());
  Peer member(node, "A");
  const ConnId first = meet(node, member, 1, oldest_member(node));
  fill(node, member, first);
  compare_with_nothing(node, member, first);
  node.be_down_for(kHorizon + 60s);
  node.events.clear();
  Presence empty = oldest_member(node);
  empty.memory_ms = kFirstMinute.time_since_epoch() / 1ms;
  Peer again(node, "A", Boot{6});
  compare_with_nothing(node, again, meet(node, again, 2, empty));
  EXPECT_EQ(visible_keys(node).size(), 2U * kKeys);
  EXPECT_THAT(node.told<Deleted>(), IsEmpty());
}

RC_GTEST_PROP(Absence, NobodysWordAboutThePastRemovesAnything, ()) {
  Node node(with_horizon());
  const auto first_minute = *rc::gen::arbitrary<bool>();
  const WallTime right = node.clock.wall_time;
  if (first_minute) node.clock.wall_time = kFirstMinute;
  RC_ASSERT(node->start().has_value());
  if (first_minute) {
    node.pass(30s);
    node.clock.wall_time = right;
  }
  node.pass(*rc::gen::element<Duration>(1s, kHorizon / 2, kHorizon + 60s));
  Peer member(node, "A");
  const ConnId conn = meet(node, member, 1, any_presence(node));
  fill(node, member, conn);
  if (*rc::gen::arbitrary<bool>()) compare_with_nothing(node, member, conn);
  member.say(conn, Bye{.text = "test"});

  const int weeks = *rc::gen::inRange(-1, 2);
  node.clock.wall_time += weeks * 168h;
  const auto apart = *rc::gen::element<Duration>(1s, kHorizon / 2, kHorizon - 60s, kHorizon + 60s, 50 * kHorizon);
  if (*rc::gen::arbitrary<bool>()) {
    node.pass(apart);
  } else {
    node.be_down_for(apart);
  }
  node.clock.wall_time -= weeks * 168h;
  Peer other(node, *rc::gen::element<std::string>("A", "Z"), Boot{6});
  compare_with_nothing(node, other, meet(node, other, 2, any_presence(node)));
  RC_ASSERT(visible_keys(node).size() == 2U * kKeys);
  RC_ASSERT(node.told<Deleted>().empty());
  node->sanity_check();
}

/// A node that has deleted so many keys, so long ago that it compares the deletions no more, and their records.
std::vector<std::pair<std::string, Version>> delete_long_ago(Node& node, int keys) {
  std::vector<std::pair<std::string, Version>> deleted;
  for (int i = 0; i < keys; ++i) {
    const std::string key = "k" + std::to_string(i);
    EXPECT_TRUE(node->set(key, bytes_value("theirs")));
    deleted.emplace_back(key, node->dictionary().records().get(key).value().version);
    EXPECT_TRUE(node->erase(key));
  }
  node.pass(kHorizon + 60s);
  EXPECT_EQ(node->dictionary().items().size(), 0U);
  return deleted;
}

TEST(Absence, WhoBringsAKeyBackIsToldOfItsDeletion) {
  Node node(with_horizon());
  ASSERT_TRUE(node->start());
  const auto deleted = delete_long_ago(node, 2);
  const auto& [key, version] = deleted[0];
  for (const std::uint64_t life : {1U, 2U}) {
    Peer returning(node, "A", Boot{life});
    const ConnId conn = meet(node, returning, life, {});
    node.transport.sent[conn].clear();
    returning.say(conn, one_record(key, version));
    EXPECT_THAT(records_told(node, conn), ElementsAre("-k0"));
    EXPECT_EQ(node->stats().old_deletions_told, 1U);
    EXPECT_EQ(node->dictionary().size(), 0U);
    const Version deletion = node->dictionary().records().get(key).value().version;
    returning.say(conn, one_record(key, deletion));
    EXPECT_THAT(records_told(node, conn), IsEmpty()) << "it knows: two nodes would tell each other for ever";
    node.be_down_for(1s);
    EXPECT_EQ(node->dictionary().items().size(), 0U);
  }
  Peer returning(node, "A", Boot{3});
  const ConnId conn = meet(node, returning, 3, {});
  node.transport.sent[conn].clear();
  returning.say(conn, one_record("k1", claim("A", next(deleted[1].second.epoch), 0)));
  EXPECT_THAT(records_told(node, conn), IsEmpty());
  EXPECT_EQ(node->dictionary().size(), 1U) << "a later claim";
  EXPECT_THAT(node.told<Returned>(), IsEmpty());
  node->sanity_check();
}

TEST(Absence, ManyOldDeletionsAreToldInBatchesAndNotToWhoReadsTooSlowly) {
  constexpr int kMany = 2 * static_cast<int>(limits::kBatchRecords) + 10;
  Node node(with_horizon());
  ASSERT_TRUE(node->start());
  const auto deleted = delete_long_ago(node, kMany);
  Peer returning(node, "A");
  const ConnId conn = meet(node, returning, 1, {});
  Records all;
  static const Raw value = bytes_value("theirs");
  for (const auto& [key, version] : deleted)
    all.entries.push_back({.key = key, .value = value, .version = version});
  node.transport.backlog = limits::kBulkLowWater + 1;
  returning.say(conn, all);
  EXPECT_THAT(records_told(node, conn), IsEmpty());
  node.transport.backlog = 0;
  returning.say(conn, all);
  EXPECT_EQ(records_told(node, conn).size(), static_cast<std::size_t>(kMany));
  EXPECT_EQ(node->stats().old_deletions_told, static_cast<std::uint64_t>(kMany));
}

}  // namespace
}  // namespace meshdict
