// What becomes of a record that is let go: by the dictionary, and by an engine that comes back after a long absence. Who
// lets go, and of which records, is in attendance_test and horizon_test.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/reconciler.h"
#include "engine_fixture.h"

namespace meshdict {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// The dictionary

/// Too long to be kept within a string's own bytes.
constexpr std::string_view kLongKey = "a key that is longer than what a string keeps within itself";

std::vector<std::string> stored_keys(MemoryStore& store) {
  std::vector<std::string> keys;
  EXPECT_TRUE(store.load(Table::kRecords, [&](std::string_view key, std::string_view) { keys.emplace_back(key); }));
  return keys;
}

TEST(LettingGo, LeavesNothingOfTheRecord) {
  Fixture node;
  node.write("stays", "x");
  const ReconcileTotal before = node.total();
  node.merge("k", "theirs", claim("A", 41, 0));
  node.told();
  node.d->let_go("k");
  EXPECT_EQ(node.told(), "-k");
  EXPECT_EQ(node.get("k"), "-");
  EXPECT_EQ(node.d->size(), 1U);
  EXPECT_EQ(node.d->records().size(), 1U);
  EXPECT_EQ(node.total(), before);
  EXPECT_FALSE(node.d->lease("k"));
  EXPECT_THAT(stored_keys(node.store), ElementsAre("stays"));
  node.d->sanity_check();
  node.restart(11);
  EXPECT_EQ(node.get("k"), "-");
  EXPECT_EQ(node.get("stays"), "x");
  EXPECT_EQ(node.total(), before);
  node.write("k", "mine");
  EXPECT_EQ(node.version("k").epoch, 42U) << "the fence does not fall, a restart later either";
  node.d->sanity_check();
}

TEST(LettingGo, OfADeletionTellsNobody) {
  Fixture node;
  node.write("k", "x");
  node.remove("k");
  node.told();
  node.d->let_go("k");
  EXPECT_EQ(node.told(), "");
  EXPECT_TRUE(node.d->records().empty());
  EXPECT_EQ(node.total().count, 0U);
  EXPECT_FALSE(node.d->next_deadline()) << "nothing is left to collect";
  EXPECT_THAT(stored_keys(node.store), IsEmpty());
  node.d->sanity_check();
}

TEST(LettingGo, OfWhatIsNotThereDoesNothing) {
  Fixture node;
  node.write("stays", "x");
  node.told();
  node.d->let_go("k");
  EXPECT_EQ(node.told(), "");
  EXPECT_EQ(node.get("stays"), "x");
  node.d->sanity_check();
}

/// The key may be part of the record that goes: use after free shows under a sanitizer, and here by what is told.
TEST(LettingGo, TakesTheKeyOfTheRecordItself) {
  Fixture node;
  node.merge(kLongKey, "theirs", claim("A", 41, 0));
  node.told();
  const ReconcileSet::Run run = node.d->items().run({});
  ASSERT_EQ(run.entries.size(), 1U);
  const std::string_view within = node.d->entry(run.entries[0].handle).key;
  ASSERT_NE(within.data(), kLongKey.data());
  node.d->let_go(within);
  EXPECT_EQ(node.told(), "-" + std::string(kLongKey));
  EXPECT_TRUE(node.d->records().empty());
  EXPECT_THAT(stored_keys(node.store), IsEmpty());
  node.write(kLongKey, "mine");
  EXPECT_EQ(node.version(kLongKey).epoch, 42U);
  node.d->sanity_check();
}

TEST(LettingGo, LeavesARecordThatIsSetAside) {
  Fixture node;
  node.merge("k", "old", claim("A", 1, 0));
  node.merge("k", "new", claim("A", 2, 60'000));
  Fixture other;
  other.merge("k", "new", claim("A", 2, 60'000));
  node.d->let_go("k");
  EXPECT_EQ(node.get("k"), "-");
  EXPECT_EQ(node.total(), other.total());
  node.d->sanity_check();
  node.clock.advance(40s);
  node.d->on_time();
  EXPECT_EQ(node.get("k"), "new");
  node.d->sanity_check();
}

TEST(LettingGo, OfWhatIsSetAsideAlthoughItsTimeHasCome) {
  Fixture node;
  node.merge("k", "new", claim("A", 7, 60'000));
  node.merge("later", "still waits", claim("A", 2, 100'000));
  node.clock.advance(40s);
  node.d->let_go("k");
  node.d->let_go("later");
  node.d->sanity_check();
  node.d->on_time();
  EXPECT_EQ(node.get("k"), "-");
  node.write("k", "mine");
  EXPECT_EQ(node.version("k").epoch, 8U);
  node.clock.advance(40s);
  node.d->on_time();
  EXPECT_EQ(node.get("later"), "still waits");
  node.d->sanity_check();
}

// The engine

constexpr Duration kHorizon = 1h;

EngineConfig with_horizon() {
  EngineConfig config;
  config.horizon = kHorizon;
  return config;
}

class AbsentNode : public ::testing::Test {
 protected:
  AbsentNode() { EXPECT_TRUE(node->start()); }
  ~AbsentNode() override { node->sanity_check(); }

  /// A neighbour that has been a member for long.
  ConnId meet(Peer& peer, std::uint64_t nonce) {
    const ConnId conn = peer.connect();
    peer.say(conn, peer.handshake(kCapability));
    Hello hello = peer.hello(nonce, {});
    hello.horizon_ms = kHorizon / 1ms;
    peer.say(conn, hello);
    const Hlc now = node->dictionary().now();
    peer.say(conn, Presence{.level = Presence::Level::kInStep,
                            .memory_ms = at_ms(-3'600'000).unix_ms(),
                            .compared = now,
                            .in_step = now,
                            .settled = true});
    peer.heard(conn);
    return conn;
  }

  /// The peer compares, and has nothing.
  std::vector<std::string> compare(Peer& peer, ConnId conn) {
    const ReconcileSet nothing;
    Reconciler asker(nothing);
    asker.ask(7);
    RangeMessage question = asker.work(100, [](const ReconcileSet::Entry&) { return true; })->message;
    peer.say(conn, SyncQuestion{question});
    node->on_time();
    const std::vector<std::string> said = peer.heard(conn);
    question.closing = true;
    question.ranges.clear();
    peer.say(conn, SyncQuestion{question});
    return said;
  }

  void merge(Peer& peer, ConnId conn, std::string_view key, std::string_view owner) {
    Version version{.epoch = 7, .claim_start = at_ms(0), .owner = id(owner), .boot = 1, .written = at_ms(0)};
    const Raw value = bytes_value("theirs");
    version.value_hash = sha256(value);
    peer.say(conn, Records{.entries = {{.key = key, .value = value, .version = version}}});
  }

  Node node{with_horizon()};
};

std::vector<std::string> deleted_keys(const Node& node) {
  std::vector<std::string> keys;
  for (const Deleted& event : node.told<Deleted>()) {
    EXPECT_FALSE(event.local);
    keys.push_back(event.key);
  }
  return keys;
}

TEST_F(AbsentNode, LetsGoOfWhatTheOthersHaveDeletedAndKeepsWhatTheyHaveNotSeen) {
  Peer peer(node, "A");
  const ConnId before = meet(peer, 1);
  merge(peer, before, "theirs", "B");
  ASSERT_TRUE(node->set("known", bytes_value("mine")));
  compare(peer, before);
  ASSERT_NE(node->presence().compared, Hlc{});
  node.clock.advance(1s);
  ASSERT_TRUE(node->set("unknown", bytes_value("mine")));

  node.be_down_for(kHorizon);
  ASSERT_EQ(node->presence().level, Presence::Level::kApart);
  ASSERT_EQ(node->dictionary().size(), 3U);
  node.events.clear();
  Peer again(node, "A", 6);
  EXPECT_THAT(compare(again, meet(again, 2)), ElementsAre("records", "sync-answer"))
      << "the write that the others have not seen";

  EXPECT_EQ(node->stats().bulk_records_sent, 1U);
  EXPECT_EQ(node->stats().records_let_go, 2U);
  const std::vector<LetGo> told = node.told<LetGo>();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].records, 2U);
  EXPECT_EQ(told[0].peer, id("A"));
  EXPECT_THAT(deleted_keys(node), ElementsAre("theirs", "known"));
  EXPECT_THAT(node.told<Conflict>(), IsEmpty());
  const auto holds_the_unknown_only = [this] {
    const Dictionary& dictionary = node->dictionary();
    return dictionary.records().size() == 1 && dictionary.items().size() == 1 && dictionary.find("unknown");
  };
  EXPECT_TRUE(holds_the_unknown_only());
  node->sanity_check();

  node.be_down_for(1s);
  EXPECT_TRUE(holds_the_unknown_only()) << "nor does a restart bring them back";
  EXPECT_EQ(node->stats().records_let_go, 0U) << "of this life";
}

TEST_F(AbsentNode, ThatWasNotAwayForLongLetsGoOfNothing) {
  Peer peer(node, "A");
  const ConnId before = meet(peer, 1);
  merge(peer, before, "theirs", "B");
  compare(peer, before);
  node.be_down_for(kHorizon / 2);
  node.events.clear();
  Peer again(node, "A", 6);
  EXPECT_THAT(compare(again, meet(again, 2)), ElementsAre("records", "sync-answer"));
  EXPECT_THAT(node.told<LetGo>(), IsEmpty());
  EXPECT_EQ(node->stats().records_let_go, 0U);
  EXPECT_TRUE(node->dictionary().find("theirs"));
}

/// Records may be on their way to us from a node that is about to let go of them.
TEST_F(AbsentNode, IsNotBelievedByThoseWhoWereThere) {
  node.pass(kHorizon + kHorizon / 16);
  ASSERT_EQ(node->presence().level, Presence::Level::kLivedOn);
  Peer peer(node, "A");
  const ConnId conn = meet(peer, 1);
  const Presence away{.level = Presence::Level::kApart,
                      .memory_ms = at_ms(0).unix_ms(),
                      .compared = at_ms(1'000),
                      .in_step = {},
                      .settled = false};
  peer.say(conn, away);
  merge(peer, conn, "theirs", "B");
  merge(peer, conn, "known", "A");
  EXPECT_TRUE(node->dictionary().records().empty());
  EXPECT_THAT(node.told<Returned>(), IsEmpty());
  Presence long_away = away;
  long_away.compared = at_ms(0);
  long_away.compared.bits -= 1;
  peer.say(conn, long_away);
  merge(peer, conn, "theirs", "B");
  EXPECT_TRUE(node->dictionary().find("theirs")) << "we were not there yet when it last compared";
}

/// A newcomer had them of us before we met a member, and has not heard yet what became of them.
TEST_F(AbsentNode, DoesNotTakeBackWhatItLetsGoOf) {
  Peer member(node, "A");
  const ConnId before = meet(member, 1);
  merge(member, before, "theirs", "B");
  compare(member, before);
  node.be_down_for(kHorizon);
  Peer newcomer(node, "N");
  const ConnId with_newcomer = meet(newcomer, 2);
  Presence fresh;
  fresh.compared = node->dictionary().now();
  newcomer.say(with_newcomer, fresh);
  Peer again(node, "A", 6);
  const ConnId with_member = meet(again, 3);
  const ReconcileSet nothing;
  Reconciler asker(nothing);
  asker.ask(7);
  again.say(with_member, SyncQuestion{asker.work(100, [](const ReconcileSet::Entry&) { return true; })->message});
  node->on_time();
  ASSERT_TRUE(node->dictionary().records().empty());
  ASSERT_EQ(node->presence().level, Presence::Level::kApart) << "that session is not complete";
  merge(newcomer, with_newcomer, "theirs", "B");
  EXPECT_TRUE(node->dictionary().records().empty());
  again.say(with_member, Bye{"test"});
  merge(newcomer, with_newcomer, "theirs", "B");
  EXPECT_EQ(node->dictionary().size(), 1U) << "of whom we know nothing";
}

}  // namespace
}  // namespace meshdict
