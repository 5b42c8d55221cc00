// Who belongs to the mesh: roll calls, and members that leave or are removed (members.h).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/engine/engine.h"
#include "core/limits.h"
#include "proptests/core/engine/engine_fixture.h"

namespace meshdict {
namespace {

using ::testing::Contains;
using ::testing::Not;
using ::testing::SizeIs;

std::optional<MemberView> listed(Node& node, std::string_view name) {
  for (const MemberView& member : node->members())
    if (member.id == id(name)) return member;
  return std::nullopt;
}

MemberCard card(Nonce call, std::string_view name) {
  return {.call = call,
          .member = {.address = {"peer-" + std::string(name), 7}, .id = id(name)},
          .boot = Boot{9},
          .software = "meshdict/test",
          .neighbours = 3};
}

Parting removal_of(std::string_view name, Duration left) {
  return {.member = id(name), .kind = PartingKind::kRemoved, .left_ms = left / 1ms};
}

/// A node with the neighbours A and Z.
class MembersTest : public ::testing::Test {
 protected:
  MembersTest() {
    EXPECT_TRUE(node->start());
    to_a = a.join(1);
    to_z = z.join(2);
    hush();
  }
  void hush() {
    a.heard(to_a);
    z.heard(to_z);
  }
  /// Those that the node dials from now on.
  std::vector<std::string> dialled_in(Duration time) {
    node.transport.dialed.clear();
    node.pass(time);
    std::vector<std::string> hosts;
    for (const auto& [conn, to] : node.transport.dialed)
      hosts.push_back(to.host);
    return hosts;
  }
  Node node;
  Peer a{node, "A"};
  Peer z{node, "Z"};
  ConnId to_a{};
  ConnId to_z{};
};

TEST_F(MembersTest, NobodyIsAskedBeforeSomebodyWantsToKnow) {
  node.pass(5s);
  EXPECT_THAT(a.heard(to_a), Not(Contains("roll-call")));
  ASSERT_TRUE(listed(node, "M"));
  EXPECT_EQ(listed(node, "M")->state, MemberState::kSelf);
  EXPECT_EQ(listed(node, "A")->state, MemberState::kNeighbour);
  EXPECT_THAT(node->members(), SizeIs(3));
}

TEST_F(MembersTest, ACallShowsThoseBehindNeighboursToo) {
  ASSERT_TRUE(node->call_members());
  const auto call = a.last<RollCall>(to_a);
  ASSERT_TRUE(call);
  EXPECT_EQ(z.last<RollCall>(to_z)->number, call->number);
  a.say(to_a, card(call->number, "A"));
  a.say(to_a, card(call->number, "Q"));
  EXPECT_EQ(listed(node, "A")->state, MemberState::kNeighbour);
  EXPECT_EQ(listed(node, "A")->software, "meshdict/test");
  ASSERT_TRUE(listed(node, "Q"));
  EXPECT_EQ(listed(node, "Q")->state, MemberState::kReached);
  EXPECT_EQ(listed(node, "Q")->address, (Endpoint{"peer-Q", 7}));
  EXPECT_EQ(listed(node, "Q")->boot, Boot{9});
  // Who does not answer the next one is silent.
  node.pass(limits::kRollCallPause);
  ASSERT_TRUE(node->call_members());
  EXPECT_EQ(listed(node, "Q")->state, MemberState::kSilent);
  EXPECT_EQ(listed(node, "Q")->heard_ago, limits::kRollCallPause);
}

TEST_F(MembersTest, ACallIsAnsweredAndPassedOnOnce) {
  a.say(to_a, RollCall{Nonce{77}});
  const auto own = a.last<MemberCard>(to_a);
  ASSERT_TRUE(own);
  EXPECT_EQ(own->call, Nonce{77});
  EXPECT_EQ(own->member.id, id("M"));
  EXPECT_EQ(own->neighbours, 2U);
  EXPECT_EQ(z.last<RollCall>(to_z)->number, Nonce{77});
  z.say(to_z, RollCall{Nonce{77}});
  EXPECT_THAT(z.heard(to_z), Not(Contains("member-card")));
  EXPECT_THAT(a.heard(to_a), Not(Contains("roll-call")));
  // Answers go back whence the call came, and nowhere else.
  z.say(to_z, card(Nonce{77}, "Z"));
  EXPECT_EQ(a.last<MemberCard>(to_a)->member.id, id("Z"));
  a.say(to_a, card(Nonce{77}, "A"));
  z.say(to_z, card(Nonce{78}, "Q"));
  EXPECT_THAT(z.heard(to_z), Not(Contains("member-card")));
  EXPECT_FALSE(listed(node, "Q")) << "nobody has called so";
}

TEST_F(MembersTest, OwnCallsKeepTheirDistance) {
  EXPECT_TRUE(node->call_members());
  EXPECT_FALSE(node->call_members());
  node.pass(limits::kRollCallPause);
  EXPECT_TRUE(node->call_members());
}

TEST_F(MembersTest, CallsOfOthersAreTakenUpToABound) {
  for (std::uint64_t number = 1; number <= limits::kMaxRollCalls + 8; ++number)
    a.say(to_a, RollCall{Nonce{number}});
  const auto said = z.heard(to_z);
  EXPECT_EQ(std::ranges::count(said, "roll-call"), static_cast<std::ptrdiff_t>(limits::kMaxRollCalls));
  node.pass(limits::kRollCallLasts + 1s);
  a.say(to_a, RollCall{Nonce{1'000}});
  EXPECT_THAT(z.heard(to_z), Contains("roll-call"));
}

TEST_F(MembersTest, CardsAreKeptUpToABound) {
  ASSERT_TRUE(node->call_members());
  const Nonce call = a.last<RollCall>(to_a)->number;
  RandomStream random(5);
  for (std::size_t i = 0; i < limits::kMaxMembers + 50; ++i) {
    MemberCard one = card(call, "Q");
    one.member.id = NodeId::generate(random);
    a.say(to_a, one);
  }
  EXPECT_LE(node->members().size(), limits::kMaxMembers + 3);
  node->sanity_check();
}

// Removed

TEST_F(MembersTest, ARemovedMemberIsPartedFromAndTurnedAwayAndAllAreTold) {
  ASSERT_TRUE(node->remove_member(id("A"), 1min));
  EXPECT_TRUE(a.closed(to_a));
  const auto told = z.last<Parting>(to_z);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->member, id("A"));
  EXPECT_EQ(told->kind, PartingKind::kRemoved);
  EXPECT_EQ(told->left_ms, 60'000);
  EXPECT_EQ(listed(node, "A")->state, MemberState::kRemoved);
  ASSERT_THAT(node.told<MemberParted>(), SizeIs(1));
  EXPECT_TRUE(a.closed(a.join(3))) << "it is turned away";
  EXPECT_THAT(dialled_in(50s), Not(Contains("peer-A")));
  EXPECT_TRUE(a.closed(a.join(5)));
  node.pass(11s);
  EXPECT_FALSE(a.closed(a.join(4))) << "the time is over";
}

TEST_F(MembersTest, ItHearsWhy) {
  ASSERT_TRUE(node->remove_member(id("A"), 1min));
  const auto said = a.heard(to_a);
  EXPECT_THAT(said, Contains("parting"));
  EXPECT_EQ(said.back(), "bye");
}

TEST_F(MembersTest, ARemovalSpreadsOnce) {
  z.say(to_z, removal_of("A", 1min));
  EXPECT_TRUE(a.closed(to_a));
  EXPECT_THAT(z.heard(to_z), Not(Contains("parting"))) << "who told us knows";
  Peer b(node, "B");
  const ConnId to_b = b.join(4);
  EXPECT_EQ(b.last<Parting>(to_b)->member, id("A")) << "who links up is told";
  z.say(to_z, removal_of("A", 59s));
  EXPECT_THAT(b.heard(to_b), Not(Contains("parting")));
  EXPECT_THAT(node.told<MemberParted>(), SizeIs(1));
  z.say(to_z, removal_of("A", 5min));
  EXPECT_THAT(b.heard(to_b), Contains("parting")) << "that is news";
}

TEST_F(MembersTest, NoRemovalIsForEver) {
  z.say(to_z, removal_of("A", 24h * 365));
  EXPECT_EQ(listed(node, "A")->state_lasts, limits::kLongestParting);
}

TEST_F(MembersTest, PartingsAreKeptUpToABound) {
  RandomStream random(7);
  for (std::size_t i = 0; i < limits::kMaxPartings + 20; ++i) {
    Parting one = removal_of("Q", 1h);
    one.member = NodeId::generate(random);
    z.say(to_z, one);
  }
  EXPECT_LE(node->members().size(), limits::kMaxPartings + 3);
  node->sanity_check();
}

TEST_F(MembersTest, WeDoNotRemoveOurselves) {
  EXPECT_FALSE(node->remove_member(id("M"), 1min));
  z.say(to_z, removal_of("M", 1min));
  ASSERT_THAT(node.told<MemberParted>(), SizeIs(1)) << "the operator here is told";
  EXPECT_FALSE(a.closed(to_a)) << "it is for the others to part";
}

// Left

TEST_F(MembersTest, WhoLeavesTellsAll) {
  node->say_left();
  const auto told = a.last<Parting>(to_a);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->member, id("M"));
  EXPECT_EQ(told->kind, PartingKind::kLeft);
  EXPECT_EQ(told->boot, node->boot());
}

TEST_F(MembersTest, OneThatHasLeftIsNotDialledUntilItComesItself) {
  a.say(to_a, Parting{.member = id("A"), .boot = Boot{5}, .kind = PartingKind::kLeft, .left_ms = 600'000});
  EXPECT_EQ(z.last<Parting>(to_z)->member, id("A"));
  a.say(to_a, Bye{.reason = ByeReason::kStopping, .text = "stopping"});
  EXPECT_EQ(listed(node, "A")->state, MemberState::kLeft);
  EXPECT_THAT(dialled_in(5min), Not(Contains("peer-A")));
  Peer again(node, "A", Boot{6});
  const ConnId back = again.join(7);
  EXPECT_FALSE(again.closed(back));
  EXPECT_EQ(listed(node, "A")->state, MemberState::kNeighbour);
  // What others still tell of its former life is no news.
  z.say(z.join(8), Parting{.member = id("A"), .boot = Boot{5}, .kind = PartingKind::kLeft, .left_ms = 500'000});
  EXPECT_EQ(listed(node, "A")->state, MemberState::kNeighbour);
  EXPECT_THAT(node.told<MemberParted>(), SizeIs(1));
}

TEST_F(MembersTest, NothingOfThisIsSaidToPy2p) {
  Peer old(node, "B");
  const ConnId to_old = old.join_as_py2p();
  old.heard(to_old);
  node->call_members();
  node->remove_member(id("Q"), 1min);
  node.pass(1s);
  EXPECT_THAT(old.heard(to_old), Not(Contains("roll-call")));
}

// Leases of a node that leaves

TEST_F(MembersTest, AllLeasesAreGivenUpPieceByPiece) {
  for (int i = 0; i < 10; ++i)
    ASSERT_TRUE(node->set("k" + std::to_string(i), bytes_value("v")));
  std::optional<std::string> from = "";
  int calls = 0;
  for (; from; ++calls)
    from = *node->release_from(*from, 4);
  EXPECT_EQ(calls, 3);
  for (int i = 0; i < 10; ++i) {
    const auto lease = node->dictionary().lease("k" + std::to_string(i));
    ASSERT_TRUE(lease);
    EXPECT_EQ(lease->state, LeaseState::kReleased);
  }
}

}  // namespace
}  // namespace meshdict
