// Which lost writes are told, and which are none.

#include <gtest/gtest.h>

#include "core/dictionary/dictionary.h"
#include "proptests/core/dictionary/dictionary_fixture.h"

namespace meshdict {
namespace {

using Merged = Dictionary::Merged;

TEST(Conflict, ARivalOfTheSameEpochThatBeganEarlierWins) {
  Fixture node;
  node.clock.advance(10s);
  node.write("k", "ours");
  const Version ours = node.version("k");
  node.told();
  const Version theirs = claim("A", 1, 5'000);
  EXPECT_EQ(node.merge("k", "theirs", theirs), Merged::kWon);
  ASSERT_EQ(node.events.size(), 2U);
  const Conflict conflict = std::get<Conflict>(node.events[0]);
  EXPECT_EQ(conflict.losing, ours);
  EXPECT_EQ(conflict.winning, node.version("k"));
  EXPECT_EQ(node.told(), "!k:ours:claim start +k");
  node.merge("k", "theirs", renewed(theirs, 1, 11'000));
  EXPECT_EQ(node.told(), "+k") << "told once";
}

TEST(FullStore, TakesDeletionsAndNothingElse) {
  Fixture node;
  node.clock.advance(10s);
  node.write("ours", "v");
  node.write("gone", "v");
  const Version theirs = claim("A", 1, 5'000);
  EXPECT_EQ(node.merge("theirs", "v", theirs), Merged::kWon);
  node.store.full = true;
  node.told();
  const auto refused = node.d->set("ours", bytes_value("w"));
  ASSERT_FALSE(refused);
  EXPECT_TRUE(std::holds_alternative<NoRoom>(refused.error()));
  EXPECT_EQ(node.merge("theirs", "w", renewed(theirs, 1, 6'000)), Merged::kNoRoom);
  EXPECT_EQ(node.merge("other", "v", theirs), Merged::kNoRoom);
  EXPECT_EQ(node.told(), "");
  EXPECT_TRUE(node.d->erase("gone"));
  EXPECT_EQ(node.merge("theirs", "", deleted(renewed(theirs, 2, 7'000))), Merged::kWon);
  EXPECT_EQ(node.d->size(), 1U);
  node.store.full = false;
  EXPECT_TRUE(node.d->set("ours", bytes_value("w")));
  EXPECT_EQ(node.merge("other", "v", theirs), Merged::kWon);
}

TEST(Conflict, ALostDeleteIsTold) {
  Fixture node;
  node.clock.advance(10s);
  node.write("k", "ours");
  node.remove("k");
  node.told();
  node.merge("k", "theirs", claim("A", 1, 5'000));
  EXPECT_EQ(node.told(), "!k::claim start +k");
}

TEST(Conflict, ATombstoneThatWinsIsToldToo) {
  Fixture node;
  node.clock.advance(10s);
  node.write("k", "ours");
  node.told();
  // A live claim would be taken again: contests_test.
  node.clock.advance(2h);
  node.merge("k", "", deleted(claim("A", 1, 5'000)));
  EXPECT_EQ(node.told(), "!k:ours:claim start -k");
}

TEST(Conflict, ALargerEpochWithinOurLeaseIsOne) {
  Fixture node;
  node.write("k", "ours");
  node.told();
  node.merge("k", "theirs", claim("A", 2, 1'000));
  EXPECT_EQ(node.told(), "!k:ours:epoch +k");
}

TEST(Conflict, AlsoWhenTheNewsComesAfterOurLeaseHasLapsed) {
  Fixture node;
  node.write("k", "ours");
  node.told();
  node.clock.advance(3h);
  node.merge("k", "theirs", claim("A", 2, 1'800'000));
  EXPECT_EQ(node.told(), "!k:ours:epoch +k");
}

TEST(Conflict, ARivalOfTheSameEpochIsNoSuccessorHoweverLate) {
  Fixture node;
  node.clock.advance(10s);
  node.write("k", "ours");
  node.told();
  node.clock.advance(3h);
  node.merge("k", "theirs", renewed(claim("A", 1, 5'000), 9, 10'000'000));
  EXPECT_EQ(node.told(), "!k:ours:claim start +k");
}

TEST(Conflict, ASuccessorOfALapsedOrDeletedClaimIsNone) {
  Fixture node;
  node.write("lapsed", "x");
  node.write("deleted", "x");
  node.remove("deleted");
  node.told();
  node.clock.advance(2h);
  node.merge("lapsed", "y", claim("A", 2, 7'000'000));
  EXPECT_EQ(node.told(), "+lapsed");
  node.merge("deleted", "y", claim("A", 2, 10'000));
  EXPECT_EQ(node.told(), "+deleted");
}

TEST(Conflict, AnotherNodesRecordsAreNoneOfOurs) {
  Fixture node;
  node.merge("k", "x", claim("A", 1, 5'000));
  node.merge("k", "y", claim("B", 1, 4'000));
  EXPECT_EQ(node.told(), "+k +k");
}

TEST(Conflict, SurvivesARestart) {
  Fixture node;
  node.clock.advance(10s);
  node.write("k", "ours");
  node.restart(11);
  node.told();
  node.merge("k", "theirs", claim("A", 1, 5'000));
  EXPECT_EQ(node.told(), "!k:ours:claim start +k");
}

TEST(Conflict, OurOwnLaterWriteComingBackIsNone) {
  Fixture node;
  node.merge("k", "old", claim("M", 1, 0));
  EXPECT_EQ(node.told(), "+k");
  node.merge("k", "later", renewed(claim("M", 1, 0), 1, 10));
  EXPECT_EQ(node.told(), "+k") << "the store had been rolled back";
}

TEST(Conflict, AWriteThatLosesToAnEarlierIncarnationIsOne) {
  // Without its disk.
  Fixture node;
  node.clock.advance(10s);
  node.write("k", "now");
  node.told();
  node.clock.advance(2h);
  node.merge("k", "then", claim("M", 1, 0));
  EXPECT_EQ(node.told(), "!k:now:claim start +k");
}

TEST(Conflict, AWriteThatLosesToACopyOfOurIdentityIsOneAfterARestartToo) {
  Fixture node;  // boot 10
  node.write("k", "ours");
  node.restart(12);
  node.restart(13);
  node.told();
  Version theirs = renewed(claim("M", 1, 0), 1, 10);
  theirs.boot = Boot{11};
  node.merge("k", "theirs", theirs);
  EXPECT_EQ(node.told(), "!k:ours:boot +k");
}

TEST(Conflict, AWriteThatLosesToTheProcessWhoseDiskWeAreACopyOfIsOne) {
  // Boot 10, which goes on elsewhere.
  Fixture node;
  node.write("before", "x");
  node.restart(11);
  node.clock.advance(10s);
  node.write("k", "ours");
  // A live claim would be taken again.
  node.clock.advance(2h);
  node.restart(12);
  node.told();
  Version theirs = renewed(claim("M", 1, 5'000), 3, 20'000);
  theirs.boot = Boot{10};
  node.merge("k", "theirs", theirs);
  EXPECT_EQ(node.told(), "!k:ours:claim start +k");
  Version later = renewed(claim("M", 1, 0), 7, 30'000);
  later.boot = Boot{10};
  node.merge("before", "y", later);
  EXPECT_EQ(node.told(), "+before") << "what it had written itself before, it may overwrite";
}

TEST(Conflict, AWriteOfAnIncarnationThatTheStoreKnowsIsNone) {
  Fixture node;  // boot 10
  node.write("k", "earlier");
  node.restart(11);
  node.restart(12);
  node.told();
  Version later = renewed(claim("M", 1, 0), 1, 10);
  later.boot = Boot{11};
  node.merge("k", "later", later);
  EXPECT_EQ(node.told(), "+k");
}

TEST(Conflict, WithoutLeasesALaterWriteIsNone) {
  Fixture node({.leasing = Leasing::kOff});
  node.write("k", "ours");
  node.told();
  node.merge("k", "later", claim("A", 1, 5));
  EXPECT_EQ(node.told(), "+k");
  node.clock.advance(10s);
  node.write("k", "ours");
  node.told();
  node.merge("k", "earlier", claim("A", 2, 5'000));
  EXPECT_EQ(node.told(), "!k:ours:generation +k");
}

}  // namespace
}  // namespace meshdict
