// Which nodes a node dials and which it leaves alone: what each wish does, and what holds after any history.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "core/engine/overlay.h"
#include "proptests/core/engine/part_fixture.h"

namespace meshdict {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class OverlayFixture final : public PartFixture {
 public:
  explicit OverlayFixture(std::vector<Endpoint> join = {}) {
    EXPECT_TRUE(overlay.load());
    overlay.start(join);
    settle();
  }

  void on_pair_up(Pair& pair) override { overlay.on_pair_up(pair.peer); }
  void on_link_up(Connection& link) override { overlay.on_link_up(link); }
  void on_pair_down(const Pair& pair, const Connection& last, const Ending& ending) override {
    overlay.on_pair_down(pair.peer, ending.reason);
    overlay.on_lost(pair, last, ending);
  }
  void on_refused(const Connection& conn, const Ending& ending) override {
    if (conn.dialed_by_us) overlay.on_failed_dial(conn, ending.reason);
  }
  void on_address(const Endpoint& address, const Connection& conn) override { overlay.on_address(address, conn); }
  bool keeps_apart(const Connection& conn) override { return overlay.keeps_apart(conn); }

  /// The end of an input.
  void settle() {
    overlay.dial_where_needed();
    links.sweep();
    overlay.sanity_check();
    links.sanity_check();
  }
  void pass(Duration time) {
    const MonoTime end = clock.mono + time;
    while (overlay.next_deadline() <= end) {
      clock.advance(std::max(Duration(0), overlay.next_deadline() - clock.mono));
      overlay.on_time(clock.mono);
      settle();
    }
    clock.advance(end - clock.mono);
  }
  /// All of them, the oldest first.
  [[nodiscard]] std::vector<Connection*> dials() {
    std::vector<Connection*> found;
    for (const auto& [id, dialed] : transport.dialed) {
      if (Connection* const conn = links.find(id)) found.push_back(conn);
    }
    return found;
  }
  void tell(Connection& from, std::string_view names) {
    Peers peers;
    for (const char name : names)
      peers.entries.push_back({.address = address_of(std::string(1, name)), .id = id(std::string(1, name))});
    overlay.take_peers(from, peers);
  }

  Overlay overlay{links, AddressBook(random.stream("address book"), clock, store), clock, leisure, stats};
};

TEST(Overlay, DialsWhoWasTalkedOfUpToTheTarget) {
  OverlayFixture node;
  node.tell(node.accept("A", 1), "BCDEFGH");
  node.settle();
  EXPECT_THAT(node.dials(), SizeIs(limits::kOutgoingTarget));
  EXPECT_EQ(node.stats.dials, limits::kOutgoingTarget);
}

TEST(Overlay, DialsNeitherItselfNorItsNeighbours) {
  OverlayFixture node;
  node.tell(node.accept("A", 1), "AM");
  node.settle();
  EXPECT_THAT(node.dials(), IsEmpty());
}

TEST(Overlay, TheOldestExtraLinkGivesWayToAStranger) {
  OverlayFixture node;
  node.tell(node.accept("A", 1), "BCDEFG");
  node.settle();
  for (Connection* const conn : node.dials())
    node.answer(*conn, conn->remote.host.substr(5));
  node.settle();
  ASSERT_EQ(node.dials().size(), limits::kOutgoingTarget);
  const auto dial_a_stranger = [&] {
    const std::size_t before = node.transport.dialed.size();
    while (node.transport.dialed.size() == before)
      node.pass(1s);
    Connection& conn = *node.links.find(node.transport.dialed.back().first);
    EXPECT_TRUE(conn.extra);
    return &conn;
  };
  Connection* const first = dial_a_stranger();
  const ConnId first_id = first->id;
  node.answer(*first, first->remote.host.substr(5));
  const std::string gone(first->peer.text());
  dial_a_stranger();
  EXPECT_EQ(node.links.find(first_id), nullptr);
  ASSERT_THAT(node.overlay.departed(), SizeIs(1));
  EXPECT_EQ(node.overlay.departed().front().id, id(gone));
  EXPECT_EQ(node.overlay.departed().front().reason, EndReason::kEnough);
}

TEST(Overlay, ANodeThatIsKeptApartIsRefusedUntilTheTimeIsOver) {
  OverlayFixture node;
  node.accept("A", 1);
  EXPECT_TRUE(node.overlay.disconnect(id("A")));
  EXPECT_FALSE(node.overlay.disconnect(id("A")));
  node.settle();
  EXPECT_TRUE(node.accept("A", 2).closed());
  node.pass(limits::kMutedFor - 1us);
  EXPECT_TRUE(node.accept("A", 3).closed());
  node.pass(1us);
  EXPECT_FALSE(node.accept("A", 4).closed());
}

TEST(Overlay, OfTwoWishesTheLaterCounts) {
  OverlayFixture node;
  node.accept("A", 1);
  const std::uint64_t earlier = node.overlay.wish_for(id("A"));
  ASSERT_TRUE(node.overlay.disconnect(id("A")));
  node.settle();
  // What was dialled for the earlier wish is kept apart still.
  node.overlay.found(id("A"), {"elsewhere", 7}, id("B"), earlier);
  Connection* const old = node.dials().back();
  node.answer(*old, "A");
  EXPECT_TRUE(old->closed());
  node.settle();
  node.overlay.connect(node.address_of("A"), {});
  Connection* const wished = node.dials().back();
  node.answer(*wished, "A");
  EXPECT_TRUE(wished->established());
}

TEST(Overlay, OfTooManyKeptApartTheOldestWishGivesWay) {
  OverlayFixture node;
  std::vector<NodeId> apart;
  for (std::size_t i = 0; i <= limits::kMaxKeptApart; ++i) {
    RandomStream random(i);
    apart.push_back(NodeId::generate(random));
    node.accept(apart.back().text(), i + 1);
    ASSERT_TRUE(node.overlay.disconnect(apart.back()));
    node.settle();
  }
  EXPECT_FALSE(node.accept(apart.front().text(), 1'000).closed());
  EXPECT_TRUE(node.accept(apart[1].text(), 1'001).closed());
}

TEST(Overlay, RemembersTheLatestThatHaveLeftAndForgetsWhoIsBack) {
  OverlayFixture node;
  for (std::size_t i = 0; i <= limits::kMaxDeparted; ++i) {
    RandomStream random(i);
    node.lose(node.accept(NodeId::generate(random).text(), i + 1));
    node.settle();
  }
  EXPECT_THAT(node.overlay.departed(), SizeIs(limits::kMaxDeparted));
  const NodeId last = node.overlay.departed().back().id;
  node.accept(last.text(), 1'000);
  EXPECT_THAT(node.overlay.departed(), SizeIs(limits::kMaxDeparted - 1));
  EXPECT_NE(node.overlay.departed().back().id, last);
}

/// Links and addresses of a few nodes, in any order of what can happen to them.
class AnyHistory {
 public:
  void step() {
    const std::string name(1, *rc::gen::elementOf(std::string("ABCDEFGHNPQRST")));
    switch (*rc::gen::inRange(0, 9)) {
      case 0:
        if (Connection* const some = any_link()) node.tell(*some, name + "BCDNPQ");
        break;
      case 1:
        node.overlay.connect(node.address_of(name), *rc::gen::element(NodeId(), id(name)));
        break;
      case 2:
        node.overlay.forget(node.address_of(name));
        break;
      case 3:
        node.overlay.disconnect(id(name));
        break;
      case 4:
        if (!node.links.linked_to(id(name))) node.accept(name, ++nonce_);
        break;
      case 5:
      case 6:
        answer_or_fail();
        break;
      case 7:
        if (Connection* const some = any_link()) node.lose(*some);
        break;
      default:
        node.pass(std::chrono::milliseconds(*rc::gen::inRange(0, 90'000)));
        node.overlay.expire(node.clock.mono);
    }
    node.settle();
  }

  OverlayFixture node{{{"host-A", 7}, {"host-N", 7}}};

 private:
  Connection* any_link() {
    std::vector<Connection*> all;
    for (const auto& [peer, pair] : node.links.pairs())
      all.push_back(pair.primary);
    return all.empty() ? nullptr : all[*rc::gen::inRange<std::size_t>(0, all.size())];
  }
  void answer_or_fail() {
    std::vector<Connection*> open = node.dials();
    std::erase_if(open, [](const Connection* conn) { return conn->state != ConnState::kDialing; });
    if (open.empty()) return;
    Connection& conn = *open[*rc::gen::inRange<std::size_t>(0, open.size())];
    if (*rc::gen::arbitrary<bool>()) {
      node.answer(conn, conn.remote.host.substr(5));
    } else {
      node.lose(conn);
    }
  }

  std::uint64_t nonce_ = 0;
};

RC_GTEST_PROP(OverlayProperty, NoHistoryDialsTwiceOrBeyondTheTargetOrForgetsToLookAgain, ()) {
  AnyHistory history;
  OverlayFixture& node = history.node;
  const auto steps = *rc::gen::inRange(1, 60);
  for (int i = 0; i < steps; ++i) {
    history.step();
    std::set<Endpoint> dialled;
    std::size_t counted = 0;
    std::size_t outgoing = 0;
    for (const Connection* const conn : node.dials()) {
      if (conn->state == ConnState::kRetired) continue;
      RC_ASSERT(dialled.insert(conn->remote).second);
      if (!conn->extra) ++outgoing;
      if (!conn->extra && conn->wish == 0) ++counted;
    }
    RC_ASSERT(counted <= limits::kOutgoingTarget);
    // Every node that may be dialled is, unless there are enough; when another may be dialled later, there is a deadline.
    if (outgoing < limits::kOutgoingTarget) RC_ASSERT(node.overlay.next_deadline() > node.clock.mono);
  }
}

}  // namespace
}  // namespace meshdict
