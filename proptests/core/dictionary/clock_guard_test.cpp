// What an owner does while its wall clock is wrong, and once it has been set right.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <tuple>
#include <vector>

#include "core/limits.h"
#include "proptests/core/dictionary/dictionary_fixture.h"

namespace meshdict {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const WrongClock* refused_for_the_clock(const std::expected<void, WriteError>& result) {
  return result ? nullptr : std::get_if<WrongClock>(&result.error());
}

/// The neighbours say that the node's clock is ahead by so much.
void tell_wrong(Fixture& node, Duration ahead) {
  node.d->set_clock({.standing = ahead > 0s ? ClockStanding::kAhead : ClockStanding::kBehind,
                     .offset = {.ahead = ahead, .error = 1ms}});
}
/// Its clock jumps ahead by so much, and they say so.
void go_wrong(Fixture& node, Duration ahead) {
  node.clock.wall_time += ahead;
  tell_wrong(node, ahead);
  node.d->clock_was_set();
}
void go_right(Fixture& node, Duration ahead) {
  node.clock.wall_time -= ahead;
  node.d->set_clock({.standing = ClockStanding::kWithin});
  node.d->clock_was_set();
}

TEST(WrongClock, ClaimsNothing) {
  Fixture node;
  go_wrong(node, 60s);
  const auto refused = node.d->admit("k");
  ASSERT_TRUE(refused_for_the_clock(refused));
  EXPECT_EQ(refused_for_the_clock(refused)->ahead, 60s);
  EXPECT_FALSE(node.try_write("k", "x"));
  EXPECT_THAT(node.told(), IsEmpty());
  node.merge("theirs", "x", claim("A", 1, 0));
  EXPECT_TRUE(leased(node.d->admit("theirs"))) << "a lease is the first reason";
  go_right(node, 60s);
  EXPECT_TRUE(node.try_write("k", "x"));
}

TEST(WrongClock, ClaimsByItselfWithoutTheGuard) {
  Fixture node({.clock_guard = false});
  go_wrong(node, 60s);
  node.write("k", "x");
  EXPECT_EQ(node.version("k").written, at_ms(60'000));
}

TEST(WrongClock, GoesOnInItsClaimByTheClaimsTime) {
  for (const Duration ahead : {Duration(10min), Duration(-10min)}) {
    Fixture node;
    node.write("k", "x");
    node.clock.advance(5s);
    go_wrong(node, ahead);
    node.clock.advance(5s);
    const auto sent = node.set("k", "y");
    ASSERT_TRUE(sent);
    EXPECT_EQ(sent->version().epoch, Epoch{1});
    EXPECT_EQ(sent->version().sequence, Sequence{1});
    EXPECT_EQ(sent->version().written, at_ms(10'000));
    EXPECT_EQ(node.d->lease("k")->left, kLease - kMargin) << "the lease is as long as by a right clock";
    node.remove("k");
    EXPECT_EQ(node.version("k").written, (Hlc{at_ms(10'000).bits + 1}));
    node.d->sanity_check();
  }
}

TEST(WrongClock, WhatWasWrittenByAWrongClockGoesOnByTheNeighbours) {
  Fixture node;
  node.write("k", "x");
  node.clock.wall_time += 10min;
  // By its clock it was down for ten minutes.
  node.restart(11);
  tell_wrong(node, 10min);
  EXPECT_EQ(node.set("k", "y")->version().written, (Hlc{at_ms(0).bits + 1}));
  EXPECT_EQ(node.d->lease("k")->left, kLease - kMargin - 10min) << "nor does the lease grow";
}

TEST(WrongClock, AWriteByTheClaimsTimeWinsEverywhereAtOnce) {
  Fixture owner;
  Fixture other({.self = id("Z")});
  owner.write("k", "x");
  other.merge("k", "x", owner.version("k"));
  go_wrong(owner, 10min);
  owner.clock.advance(1s);
  other.clock.advance(1s);
  owner.write("k", "y");
  EXPECT_EQ(other.merge("k", "y", owner.version("k")), Dictionary::Merged::kWon);
  owner.remove("k");
  EXPECT_EQ(other.merge("k", "", owner.version("k")), Dictionary::Merged::kWon);
}

TEST(WrongClock, WithoutLeasesWhatIsThereIsWrittenAndNothingElse) {
  Fixture node({.leasing = Leasing::kOff});
  node.merge("k", "x", claim("A", 3, 20'000));
  node.clock.advance(30s);
  go_wrong(node, 10min);
  const auto sent = node.set("k", "y");
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->version().epoch, Epoch{3});
  EXPECT_EQ(sent->version().written, at_ms(30'000));
  EXPECT_TRUE(refused_for_the_clock(node.d->admit("new")));
}

TEST(WrongClock, WithoutLeasesAWriteStandsAboveWhatIsFromTheFuture) {
  Fixture node({.leasing = Leasing::kOff});
  node.merge("k", "x", claim("A", 3, 0));
  node.clock.advance(30s);
  go_wrong(node, -10min);
  ASSERT_EQ(node.merge("k", "theirs", claim("A", 3, 40'000)), Dictionary::Merged::kFuture);
  node.write("k", "ours");
  go_right(node, -10min);
  node.clock.advance(20s);
  node.d->on_time();
  EXPECT_EQ(node.get("k"), "ours");
  node.d->sanity_check();
}

TEST(WrongClock, SettlesNoClaim) {
  for (const bool guard : {true, false}) {
    Fixture node({.clock_guard = guard});
    node.d->set_contact(true);
    node.write("before", "x");
    node.clock.advance(10s);
    ASSERT_EQ(node.d->lease("before")->state, LeaseState::kSettled);
    go_wrong(node, -60s);
    EXPECT_EQ(node.d->lease("before")->state, LeaseState::kUnconfirmed);
    if (!guard) node.write("meanwhile", "x");
    node.clock.advance(10s);
    EXPECT_EQ(node.d->lease("before")->state, LeaseState::kUnconfirmed);
    go_right(node, -60s);
    EXPECT_EQ(node.d->lease("before")->state, LeaseState::kSettled) << "it had been";
    if (guard) continue;
    EXPECT_EQ(node.d->lease("meanwhile")->state, LeaseState::kUnconfirmed);
    node.clock.advance(4s);
    EXPECT_EQ(node.d->lease("meanwhile")->state, LeaseState::kSettled);
  }
}

TEST(WrongClock, WhatWasWrittenAheadIsWrittenAgainWithItsTrueTime) {
  Fixture owner({.clock_guard = false});
  Fixture other({.self = id("Z")});
  go_wrong(owner, 120s);
  owner.write("k", "x");
  EXPECT_EQ(other.merge("k", "x", owner.version("k")), Dictionary::Merged::kFuture);
  owner.clock.advance(5s);
  other.clock.advance(5s);
  const Duration left = owner.d->lease("k")->left;
  go_right(owner, 120s);
  ASSERT_TRUE(owner.d->next_deadline());
  EXPECT_LE(*owner.d->next_deadline(), owner.clock.mono);
  owner.d->on_time();
  EXPECT_THAT(reissued(owner), ElementsAre("k"));
  EXPECT_EQ(owner.version("k").epoch, Epoch{2});
  EXPECT_EQ(owner.version("k").written, at_ms(0));
  EXPECT_EQ(owner.d->lease("k")->left, left) << "the lease does not grow";
  EXPECT_EQ(other.merge("k", "x", owner.version("k")), Dictionary::Merged::kWon);
  EXPECT_EQ(other.get("k"), "x");
  EXPECT_EQ(owner.told(), "+kl");
  owner.d->on_time();
  EXPECT_THAT(reissued(owner), IsEmpty()) << "once";
  other.clock.advance(10min);
  other.d->on_time();
  EXPECT_EQ(other.version("k"), owner.version("k")) << "what was held from the future comes too late";
  owner.d->sanity_check();
  other.d->sanity_check();
}

TEST(WrongClock, ADeletionIsWrittenAgainAndAnothersRecordIsNot) {
  Fixture node({.clock_guard = false});
  go_wrong(node, 120s);
  node.write("ours", "x");
  node.remove("ours");
  node.merge("theirs", "x", claim("A", 1, 120'000));
  go_right(node, 120s);
  node.d->on_time();
  EXPECT_THAT(reissued(node), ElementsAre("ours"));
  EXPECT_EQ(node.get("ours"), "-");
  EXPECT_EQ(node.version("theirs"), [] {
    Version same = claim("A", 1, 120'000);
    same.value_hash = sha256(bytes_value("x"));
    return same;
  }());
}

TEST(WrongClock, AfterARestartToo) {
  Fixture node;
  node.clock.wall_time += 24h;
  node.write("k", "x");
  node.clock.wall_time -= 24h;
  node.restart(11);
  node.d->on_time();
  EXPECT_THAT(reissued(node), IsEmpty()) << "nobody says that the clock is right now";
  go_right(node, 0s);
  node.d->on_time();
  EXPECT_THAT(reissued(node), ElementsAre("k"));
  EXPECT_EQ(node.version("k").written, at_ms(-3'600'000)) << "nobody knows when it was: its lease is over";
  EXPECT_EQ(node.version("k").epoch, Epoch{2});
}

TEST(WrongClock, ManyAreWrittenAgainInSeveralTurns) {
  Fixture node({.clock_guard = false});
  go_wrong(node, 120s);
  const std::size_t many = limits::kSweepItems + 1'000;
  for (std::size_t i = 0; i < many; ++i)
    node.write(std::to_string(i), "x");
  go_right(node, 120s);
  node.d->on_time();
  std::size_t written = reissued(node).size();
  EXPECT_LT(written, many);
  node.d->on_time();
  written += reissued(node).size();
  EXPECT_EQ(written, many);
  EXPECT_FALSE(node.d->next_deadline());
}

/// Whatever the clock does, others with a right one see each acknowledged write at once, and no lease is longer for the
/// owner than for them.
RC_GTEST_PROP(WrongClock, OthersSeeWhatIsAcknowledgedWhateverTheClockDoes, ()) {
  Fixture owner;
  Fixture other({.self = id("Z")});
  Duration ahead{};
  const auto steps = *rc::gen::container<std::vector<std::tuple<int, int>>>(
      rc::gen::tuple(rc::gen::inRange(0, 6), rc::gen::inRange(1, 2'000)));
  const auto carry = [&] {
    for (const std::string& key : reissued(owner))
      other.merge(key, client_text(owner.d->records().get(key)->value), owner.version(key));
  };
  for (const auto& [what, seconds] : steps) {
    const std::string key(1, static_cast<char>('a' + seconds % 3));
    if (what == 0) {
      go_right(owner, ahead);
      ahead = (seconds % 2 == 0 ? 1 : -1) * std::chrono::seconds(31 + seconds);
      go_wrong(owner, ahead);
    } else if (what == 1) {
      go_right(owner, ahead);
      ahead = {};
    } else if (what == 2) {
      owner.clock.advance(std::chrono::seconds(seconds));
      other.clock.advance(std::chrono::seconds(seconds));
      owner.d->on_time();
      other.d->on_time();
    } else if (what == 3) {
      if (owner.try_remove(key)) other.merge(key, "", owner.version(key));
    } else if (owner.try_write(key, std::to_string(seconds))) {
      other.merge(key, std::to_string(seconds), owner.version(key));
    }
    carry();
    owner.d->sanity_check();
    for (const auto& [shown, record] : owner.d->records())
      RC_ASSERT(other.version(shown) == record.version);
    for (const auto& [shown, record] : owner.d->records()) {
      const auto ours = owner.d->lease(shown);
      if (ours && ours->held) RC_ASSERT(other.d->lease(shown)->held);
    }
  }
}

}  // namespace
}  // namespace meshdict
