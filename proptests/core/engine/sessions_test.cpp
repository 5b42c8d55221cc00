// Comparing, without an engine: whose turn it is, what becomes of news, and that two nodes end up with the same records.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <string>

#include "core/base/overloaded.h"
#include "core/engine/sessions.h"
#include "proptests/core/engine/part_fixture.h"

namespace meshdict {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

class SessionsFixture final : public PartFixture {
 public:
  using PartFixture::PartFixture;

  void on_link_up(Connection& link) override {
    if (link.is_meshdict) sessions.on_link_up(link);
  }
  void on_link_gone(const Connection& link) override { sessions.on_link_gone(link); }
  std::uint64_t take_hidden(const Connection& link) override { return sessions.take_hidden(link); }

  /// What a neighbour says that belongs to sessions.
  void take(Connection& conn, const Message& message) {
    std::visit(Overloaded{
                   [&](const Presence&) { sessions.take_presence(conn); },
                   [&](const SyncQuestion& question) { sessions.take_question(conn, question); },
                   [&](const SyncAnswer& answer) { sessions.take_answer(conn, answer); },
                   [&](const Records& records) { sessions.take_records(conn, records); },
                   [&](const EpochFloors& floors) { sessions.take_floors(floors); },
                   [](const auto&) {},
               },
               message);
    sessions.sanity_check();
  }
  /// A turn of the loop in which all links go on.
  void turn() {
    sessions.begin(clock.mono);
    for (const auto& [id, conn] : links.connections()) {
      if (conn->established() && sessions.is_busy(id)) sessions.step(*conn, clock.mono);
    }
    sessions.sanity_check();
  }
  Connection& comparable(std::string_view name, std::uint64_t nonce) {
    Connection& conn = accept(name, nonce);
    take(conn, kOutsideTheReckoning);
    return conn;
  }
  /// A record of node X, so many milliseconds after the start.
  RecordEntry record(std::string_view key, std::int64_t after_start) {
    const Raw& value = values_.emplace_back(bytes_value("value"));
    return {.key = key,
            .value = value,
            .version = {.epoch = Epoch{1},
                        .claim_start = at_ms(after_start),
                        .owner = id("X"),
                        .boot = Boot{1},
                        .value_hash = sha256(value),
                        .written = at_ms(after_start)}};
  }

  Sessions sessions{around_sessions(), random.stream("sync")};

 private:
  std::deque<Raw> values_;
};

TEST(Sessions, OfALinksTwoEndsTheDialerAsks) {
  SessionsFixture node;
  node.comparable("A", 1);
  node.turn();
  EXPECT_EQ(node.stats.comparisons, 0U);
  Connection& dialed = node.links.dial({"host-Z", 7}, DialKind::kLasting);
  node.answer(dialed, "Z");
  node.take(dialed, kOutsideTheReckoning);
  node.take(dialed, kOutsideTheReckoning);
  node.turn();
  node.turn();
  EXPECT_EQ(node.stats.comparisons, 1U);
}

TEST(Sessions, OfOursGoOneAfterTheOtherUnlessOneHasComeToAHalt) {
  SessionsFixture node;
  Connection& first = node.comparable("A", 1);
  Connection& second = node.comparable("B", 2);
  node.sessions.compare(first);
  node.sessions.compare(second);
  node.sessions.compare(second);
  node.turn();
  node.turn();
  EXPECT_EQ(node.stats.comparisons, 1U);
  EXPECT_THAT(node.heard(first.id), Contains("sync-question"));
  ASSERT_TRUE(node.alarm.rings(node.clock.mono));
  node.turn();
  EXPECT_EQ(node.alarm.when(), node.clock.mono + limits::kSyncTurn);
  node.clock.advance(limits::kSyncTurn);
  node.turn();
  EXPECT_EQ(node.stats.comparisons, 2U);
  EXPECT_THAT(node.heard(second.id), Contains("sync-question"));
  node.clock.advance(limits::kSyncTurn);
  node.turn();
  EXPECT_EQ(node.stats.comparisons, 2U);
}

TEST(Sessions, WaitForRoomInTheQueue) {
  SessionsFixture node;
  node.sessions.compare(node.comparable("A", 1));
  node.transport.backlog = limits::kBulkLowWater + 1;
  node.turn();
  EXPECT_EQ(node.stats.comparisons, 0U);
  node.transport.backlog = limits::kBulkLowWater;
  node.turn();
  EXPECT_EQ(node.stats.comparisons, 1U);
}

TEST(Sessions, WhatIsKeptOfALinkGoesWithIt) {
  SessionsFixture node;
  Connection& waiting = node.comparable("A", 1);
  node.sessions.compare(waiting);
  node.lose(waiting);
  node.links.sweep();
  node.sessions.sanity_check();
  node.turn();
  EXPECT_EQ(node.stats.comparisons, 0U);

  Connection& busy = node.comparable("B", 2);
  node.sessions.compare(busy);
  node.sessions.begin(node.clock.mono);
  const ConnId gone = busy.id;
  ASSERT_TRUE(node.sessions.is_busy(gone));
  node.lose(busy);
  EXPECT_FALSE(node.sessions.is_busy(gone));
}

TEST(Sessions, WhatIsNotShownIsCountedByLinkAndToldOnce) {
  SessionsFixture node;
  Connection& from = node.comparable("A", 1);
  Connection& other = node.comparable("B", 2);
  node.take(from, Records{.entries = {node.record("future", 3'600'000), node.record("now", 0)}});
  EXPECT_EQ(node.sessions.take_hidden(other), 0U);
  EXPECT_EQ(node.sessions.take_hidden(from), 1U);
  EXPECT_EQ(node.sessions.take_hidden(from), 0U);
}

TEST(Sessions, NewsGoesToAllOthersAndWhereASessionIsUnderWayAnotherFollows) {
  SessionsFixture node;
  Connection& from = node.comparable("A", 1);
  Connection& other = node.comparable("B", 2);
  Connection& compared = node.comparable("C", 3);
  Connection& py2p = node.accept_py2p("D");
  while (py2p.pacer->take(node.clock.mono)) {
  }
  node.sessions.compare(compared);
  node.turn();
  for (const Connection* const conn : {&from, &other, &compared})
    node.heard(conn->id);

  const Records news{.entries = {node.record("key", 0)}};
  node.take(from, news);
  EXPECT_THAT(node.heard(from.id), IsEmpty());
  EXPECT_THAT(node.heard(other.id), ElementsAre("records"));
  EXPECT_THAT(node.heard(compared.id), IsEmpty());
  EXPECT_TRUE(py2p.pacer->owes());
  EXPECT_EQ(node.stats.records_passed_on, 1U);

  // What is known is no news, from wherever it comes.
  node.take(other, news);
  EXPECT_THAT(node.heard(from.id), IsEmpty());
}

TEST(Sessions, WhatFindsNoRoomIsCountedAndNotPassedOn) {
  SessionsFixture node;
  Connection& from = node.comparable("A", 1);
  Connection& other = node.comparable("B", 2);
  node.heard(other.id);
  node.store.full = true;
  node.take(from, Records{.entries = {node.record("key", 0)}});
  EXPECT_EQ(node.stats.records_without_room, 1U);
  EXPECT_EQ(node.sessions.take_hidden(from), 1U);
  EXPECT_THAT(node.heard(other.id), IsEmpty());
}

TEST(Sessions, WhereThereIsRoomAgainAllNeighboursAreCompared) {
  SessionsFixture node;
  node.comparable("A", 1);
  node.comparable("B", 2);
  // Neither has told its presence.
  node.accept("C", 3);
  node.accept_py2p("D");
  node.sessions.compare_with_all();
  // Nobody answers: each is waited for until the patience is over.
  for (int times = 0; times < 4; ++times) {
    node.turn();
    node.clock.advance(limits::kSyncPatience);
  }
  EXPECT_EQ(node.stats.comparisons, 2U);
}

TEST(Sessions, NowAndThenARandomNeighbourIsCompared) {
  SessionsFixture node;
  node.sessions.start();
  node.comparable("A", 1);
  // Has not told its presence.
  node.accept("B", 2);
  node.accept_py2p("C");
  // Nobody answers: a session stays in the way of the next until the patience is over.
  for (int times = 0; times < 6; ++times) {
    const MonoTime next = node.sessions.next_deadline();
    ASSERT_GT(next, node.clock.mono);
    ASSERT_LE(next, node.clock.mono + 2 * limits::kCompareEvery);
    node.clock.advance(next - node.clock.mono);
    node.sessions.on_time(node.clock.mono);
    node.turn();
  }
  EXPECT_GE(node.stats.comparisons, 3U);
}

/// Two nodes with a link, and the way of messages between them.
class TwoNodes {
 public:
  void join() {
    Connection& dialed = a.links.dial({"host-Z", 7}, DialKind::kLasting);
    a.answer(dialed, "Z");
    at_a_ = dialed.id;
    at_z_ = z.accept("A", std::to_underlying(dialed.nonce)).id;
  }
  /// False when nothing is on its way, and nothing to do.
  bool turn() {
    const bool carried = carry(a, at_a_, z, at_z_);
    const bool back = carry(z, at_z_, a, at_a_);
    for (SessionsFixture* const node : {&a, &z}) {
      node->clock.advance(1ms);
      node->turn();
    }
    return carried || back || a.sessions.is_busy(at_a_) || z.sessions.is_busy(at_z_);
  }

  SessionsFixture a{"A"};
  SessionsFixture z{"Z"};

 private:
  static bool carry(SessionsFixture& from, ConnId there, SessionsFixture& to, ConnId here) {
    const std::string bytes = std::exchange(from.transport.sent[there], {});
    for_each_message(bytes, [&](const Message& message) { to.take(*to.links.find(here), message); });
    return !bytes.empty();
  }

  ConnId at_a_ = ConnId::kNone;
  ConnId at_z_ = ConnId::kNone;
};

std::map<std::string, Version> versions(const SessionsFixture& node) {
  std::map<std::string, Version> found;
  for (const auto& [key, record] : node.dictionary.records())
    found.emplace(std::string(key), record.version);
  return found;
}

RC_GTEST_PROP(SessionsProperty, TwoNodesEndUpWithTheSameRecordsAndFallQuiet, ()) {
  TwoNodes two;
  const auto write = [](SessionsFixture& node, const std::string& key) {
    RC_ASSERT(node.dictionary.set(key, bytes_value(key)).has_value());
    if (*rc::gen::inRange(0, 4) == 0) RC_ASSERT(node.dictionary.erase(key).has_value());
    node.clock.advance(1ms);
  };
  const int of_a = *rc::gen::inRange(0, 300);
  const int of_z = *rc::gen::inRange(0, 300);
  for (int i = 0; i < of_a; ++i)
    write(two.a, "a" + std::to_string(i));
  for (int i = 0; i < of_z; ++i)
    write(two.z, "z" + std::to_string(i));
  two.join();
  int turns = 0;
  while (two.turn())
    RC_ASSERT(++turns < 1'000);
  RC_ASSERT(versions(two.a) == versions(two.z));
  RC_ASSERT(two.a.stats.comparisons == 1U);
  RC_ASSERT(two.z.stats.comparisons == 0U);
  // Each record went over once, from where it was to where it was not.
  RC_ASSERT(two.a.stats.bulk_records_sent == static_cast<std::uint64_t>(of_a));
  RC_ASSERT(two.z.stats.bulk_records_sent == static_cast<std::uint64_t>(of_z));
}

}  // namespace
}  // namespace meshdict
