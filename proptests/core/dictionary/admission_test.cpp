// The right to write a key, and the version of the write, case by case. lease_model_test.cpp has the properties.

#include <gtest/gtest.h>

#include "core/dictionary/dictionary.h"
#include "core/limits.h"
#include "proptests/core/dictionary/dictionary_fixture.h"

namespace meshdict {
namespace {

using Merged = Dictionary::Merged;

TEST(Admission, AFreeKeyIsClaimed) {
  Fixture node;
  const auto sent = node.set("k", "x");
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->version().epoch, Epoch{1});
  EXPECT_EQ(sent->version().boot, Boot{10});
  EXPECT_EQ(sent->version().sequence, Sequence{0});
  EXPECT_EQ(sent->version().claim_start, at_ms(0));
  EXPECT_EQ(sent->version().written, at_ms(0));
  EXPECT_EQ(sent->version().kind, RecordKind::kValue);
  EXPECT_EQ(node.get("k"), "x");
}

TEST(Admission, OwnWritesDeletesAndRecreationsStayInTheClaim) {
  Fixture node;
  node.write("k", "x");
  const std::string before = fence(node.version("k"));
  node.clock.advance(1s);
  EXPECT_EQ(node.set("k", "y")->version().sequence, Sequence{1});
  EXPECT_EQ(node.d->erase("k")->version().sequence, Sequence{2});
  EXPECT_EQ(node.set("k", "z")->version().sequence, Sequence{3});
  EXPECT_EQ(fence(node.version("k")), before);
}

TEST(Admission, AWriteMayTakeTheKeysOwnValue) {
  Fixture node;
  for (const std::string text : {"short", "a value that is longer than any buffer inside a string"}) {
    node.write("k", text);
    ASSERT_TRUE(node.d->set("k", node.d->find("k")->value));
    EXPECT_EQ(node.get("k"), text);
    node.d->sanity_check();
  }
}

TEST(Admission, ALeasedKeyIsRefusedUntilLeaseAndMarginAreOver) {
  Fixture node;
  node.merge("k", "theirs", claim("A", 7, -5'000));
  const auto refused = node.d->admit("k");
  ASSERT_NE(leased(refused), nullptr);
  EXPECT_EQ(leased(refused)->owner, id("A"));
  EXPECT_EQ(leased(refused)->left, kLease + kMargin - 5s);
  EXPECT_EQ(describe(refused.error()), "A holds this key for 3628 s");
  EXPECT_FALSE(node.set("k", "x"));
  EXPECT_FALSE(node.d->erase("k"));
  EXPECT_EQ(node.get("k"), "theirs");

  node.clock.advance(kLease + kMargin - 5s);
  ASSERT_NE(leased(node.d->admit("k")), nullptr);
  EXPECT_EQ(leased(node.d->admit("k"))->left, 1ms) << "never 0 while it is refused";
  EXPECT_TRUE(node.d->lease("k")->held);
  node.clock.advance(1us);
  EXPECT_FALSE(node.d->lease("k")->held);
  EXPECT_EQ(node.get("k"), "theirs") << "a lapsed key keeps its value";
  const auto taken = node.set("k", "ours");
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->version().epoch, Epoch{8});
  EXPECT_EQ(taken->version().sequence, Sequence{0});
  EXPECT_EQ(taken->version().claim_start, taken->version().written);
}

TEST(Admission, ARenewalFromElsewhereStartsTheLeaseAgain) {
  Fixture node;
  const Version theirs = claim("A", 1, 0);
  node.merge("k", "x", theirs);
  node.clock.advance(3'000s);
  node.merge("k", "x", renewed(theirs, 1, 3'000'000));
  node.clock.advance(3'000s);
  EXPECT_FALSE(node.set("k", "y"));
}

TEST(Admission, JumpsOfTheWallClockChangeNoLease) {
  Fixture node;
  node.merge("k", "x", claim("A", 1, 0));
  node.clock.wall_time += 24h;
  EXPECT_FALSE(node.set("k", "y"));
  node.clock.wall_time -= 48h;
  EXPECT_FALSE(node.set("k", "y"));
  node.clock.mono += kLease + kMargin + 1us;
  EXPECT_TRUE(node.set("k", "y"));
}

TEST(Admission, AReadingFromAJumpMakesNoRecordLookOld) {
  Fixture node;
  node.clock.wall_time += 24h;
  // The hybrid clock is at tomorrow.
  node.write("other", "x");
  node.clock.wall_time -= 24h;
  node.merge("k", "x", claim("A", 1, 0));
  EXPECT_FALSE(node.set("k", "y"));
}

TEST(Admission, TheOwnerClaimsAnewOnceItStopsTrustingItsLease) {
  Fixture node;
  node.write("k", "x");
  node.clock.advance(kLease - kMargin);
  EXPECT_EQ(node.d->lease("k")->left, 1ms);
  EXPECT_EQ(node.set("k", "y")->version().epoch, Epoch{1});
  node.clock.advance(kLease - kMargin + 1us);
  EXPECT_FALSE(node.d->lease("k")->held);
  const auto anew = node.set("k", "z");
  EXPECT_EQ(anew->version().epoch, Epoch{2});
  EXPECT_EQ(anew->version().sequence, Sequence{0});
  EXPECT_EQ(anew->version().claim_start, anew->version().written);
}

TEST(Admission, ADeletedKeyIsFreeAtOnce) {
  Fixture node;
  node.merge("k", "", deleted(claim("A", 4, 0)));
  EXPECT_FALSE(node.d->lease("k"));
  EXPECT_EQ(node.set("k", "x")->version().epoch, Epoch{5});
}

TEST(Admission, DeletingNothingIsAnError) {
  Fixture node;
  const auto unknown = node.d->erase("k");
  ASSERT_FALSE(unknown);
  EXPECT_TRUE(std::holds_alternative<NoSuchKey>(unknown.error()));
  EXPECT_EQ(describe(unknown.error()), "no such key");
  node.write("k", "x");
  node.remove("k");
  EXPECT_FALSE(node.d->erase("k"));
  EXPECT_EQ(node.version("k").sequence, Sequence{1}) << "nothing was written";
}

TEST(Admission, BadKeysAndValuesAreRefused) {
  Fixture node;
  const auto long_key = node.set(std::string(limits::kMaxKey + 1, 'k'), "x");
  ASSERT_FALSE(long_key);
  EXPECT_EQ(describe(long_key.error()), "the key has 65536 bytes, more than 65535");
  EXPECT_TRUE(node.set(std::string(limits::kMaxKey, 'k'), "x"));
  EXPECT_TRUE(node.set("", "the empty key is a key"));
  const auto bad_value = node.d->set("k", "\xC1");
  ASSERT_FALSE(bad_value);
  EXPECT_TRUE(std::holds_alternative<BadValue>(bad_value.error()));
  EXPECT_FALSE(describe(bad_value.error()).empty());
  EXPECT_EQ(node.d->size(), 2U);
}

// A restart

TEST(Restart, ClaimsOfAnOlderBootAreStillOurs) {
  Fixture node;
  node.write("k", "x");
  const std::string before = fence(node.version("k"));
  node.clock.advance(10s);
  node.restart(11);
  const auto sent = node.set("k", "y");
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->version().boot, Boot{11});
  EXPECT_EQ(sent->version().sequence, Sequence{1});
  EXPECT_EQ(fence(node.version("k")), before);
}

TEST(Restart, LeasesOfOthersHaveAged) {
  Fixture node;
  node.merge("k", "x", claim("A", 1, 0));
  node.clock.advance(1'000s);
  node.restart(11);
  EXPECT_EQ(leased(node.d->admit("k"))->left, kLease + kMargin - 1'000s);
  // The machine was started again, too.
  node.clock.mono = MonoTime(3s);
  node.clock.wall_time += 3'000s;
  node.restart(12);
  EXPECT_TRUE(node.set("k", "y"));
}

TEST(Restart, ALaterBootOfOursIsBeatenByAnEpoch) {
  // The disk was restored from a backup, or copied.
  Fixture node;
  Version later = claim("M", 3, 0);
  later.boot = Boot{99};
  later.sequence = Sequence{5};
  node.merge("k", "x", later);
  const auto sent = node.set("k", "y");
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->version().epoch, Epoch{4});
  EXPECT_EQ(node.get("k"), "y");
}

TEST(Restart, ASequenceAtItsEndIsBeatenByAnEpoch) {
  Fixture node;
  Version last = claim("M", 3, 0);
  last.boot = Boot{10};
  last.sequence = Sequence{UINT64_MAX};
  node.merge("k", "x", last);
  EXPECT_EQ(node.set("k", "y")->version().epoch, Epoch{4});
}

TEST(Restart, AfterACorrectedJumpAWriteClaimsAnew) {
  Fixture node;
  node.clock.wall_time += 24h;
  node.write("jumped", "x");
  node.clock.wall_time -= 24h;
  const auto sent = node.set("jumped", "y");
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->version().epoch, Epoch{2});
  EXPECT_EQ(sent->version().written, at_ms(0)) << "the jump is forgotten";
  node.clock.wall_time += 24h;
  node.write("other", "x");
  node.clock.wall_time -= 24h;
  node.restart(11);
  EXPECT_EQ(node.set("other", "y")->version().epoch, Epoch{2}) << "also when the process has ended in between";
}

TEST(Restart, AClockThatWasSetBackMakesNoLeaseYounger) {
  Fixture node;
  node.write("first", "x");
  node.clock.advance(50min);
  node.write("second", "x");
  node.clock.wall_time -= 45min;
  node.restart(11);
  EXPECT_FALSE(node.d->lease("second")->held) << "it lies in the future: nobody knows how old it is";
  EXPECT_EQ(node.d->lease("first")->left, kLease - kMargin - 50min);
  EXPECT_EQ(node.set("second", "y")->version().epoch, Epoch{2});
}

// Without leases

TEST(NoLeases, EverybodyWritesAtAnyTime) {
  Fixture node({.leasing = Leasing::kOff});
  node.merge("k", "x", claim("A", 3, 20'000));
  EXPECT_FALSE(node.d->lease("k")->held);
  const auto sent = node.set("k", "y");
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->version().epoch, Epoch{3}) << "the generation stays";
  EXPECT_GT(sent->version().written, at_ms(20'000)) << "the clock of the other is within the skew, and followed";
  EXPECT_EQ(node.d->erase("k")->version().epoch, Epoch{3});
  EXPECT_EQ(node.set("k", "z")->version().epoch, Epoch{4}) << "created after a delete";
}

TEST(NoLeases, AGenerationBeatsATimeThatDoesNotWin) {
  Fixture node({.leasing = Leasing::kOff});
  node.clock.wall_time += 24h;
  node.write("k", "x");
  node.clock.wall_time -= 24h;
  EXPECT_EQ(node.set("k", "y")->version().epoch, Epoch{2});
}

// What is shown

TEST(Lease, ShowsOwnerTimeAndFence) {
  Fixture node;
  EXPECT_FALSE(node.d->lease("k"));
  node.write("k", "x");
  node.clock.advance(100s);
  const auto view = node.d->lease("k");
  ASSERT_TRUE(view);
  EXPECT_TRUE(view->ours);
  EXPECT_TRUE(view->held);
  EXPECT_EQ(view->left, kLease - kMargin - 100s);
  EXPECT_EQ(view->epoch, Epoch{1});
  EXPECT_EQ(view->fence, fence(node.version("k")));
  node.clock.advance(2h);
  EXPECT_FALSE(node.d->lease("k")->held);
  EXPECT_EQ(node.d->lease("k")->left, 0s);
}

TEST(Explain, TellsTheStandingAndTheClaimsBefore) {
  Fixture node;
  const auto has = [&](std::string_view text) { return node.d->explain("k").find(text) != std::string::npos; };
  EXPECT_TRUE(has("never heard of"));
  node.merge("k", "x", claim("A", 1, 0));
  EXPECT_TRUE(has("owned by another node"));
  EXPECT_TRUE(has("lease: held for 3633 s"));
  node.merge("k", "y", claim("B", 1, 1'000));
  EXPECT_TRUE(has("turned away: epoch 1, started 2027-01-15 08:00:01.000 UTC, of B (decided by claim start: "));
  node.merge("k", "z", claim("B", 2, 2'000));
  EXPECT_TRUE(has("before: epoch 1, started 2027-01-15 08:00:00.000 UTC, of A (decided by epoch: "));
  node.clock.advance(2h);
  EXPECT_TRUE(has("lease: lapsed; the next node that writes"));
  node.write("k", "ours");
  EXPECT_TRUE(has("owned by this node"));
  node.remove("k");
  EXPECT_TRUE(has("deleted"));
}

TEST(Explain, WithoutLeasesTellsTheRuleOfGenerations) {
  Fixture node({.leasing = Leasing::kOff});
  node.merge("k", "x", claim("A", 2, 0));
  node.merge("k", "y", claim("B", 1, 1'000));
  EXPECT_NE(node.d->explain("k").find("of B (decided by generation: the larger generation wins)"), std::string::npos)
      << node.d->explain("k");
}

TEST(Explain, RemembersABoundedNumberOfKeys) {
  Fixture node;
  for (std::size_t i = 0; i < limits::kMaxHistories + 5; ++i) {
    const std::string key = "k" + std::to_string(i);
    node.merge(key, "x", claim("A", 1, 0));
    node.merge(key, "y", claim("B", 1, 1));
  }
  node.d->sanity_check();
  EXPECT_EQ(node.d->explain("k0").find("turned away"), std::string::npos);
  EXPECT_NE(node.d->explain("k5").find("turned away"), std::string::npos);
}

}  // namespace
}  // namespace meshdict
