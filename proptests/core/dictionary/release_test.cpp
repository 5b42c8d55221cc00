// Leases that their holder gives up, and those that an operator breaks: claim_marks.h.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <optional>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/dictionary/dictionary.h"
#include "core/record/claim_marks.h"
#include "proptests/core/dictionary/dictionary_fixture.h"

namespace meshdict {
namespace {

using ::testing::HasSubstr;
using Merged = Dictionary::Merged;

/// What another node holds of a key is put here, as a session or a broadcast would.
Merged carry(const Fixture& from, Fixture& to, std::string_view key = "k") {
  const Record record = *from.d->records().get(key);
  return to.d->merge(key, record.value, record.version);
}

Version given_up(Fixture& node, std::string_view key = "k") {
  const auto released = node.d->release(key);
  EXPECT_TRUE(released && *released);
  return node.version(key);
}

std::vector<LeaseBroken> broken(const Fixture& node) {
  std::vector<LeaseBroken> found;
  for (const DictionaryEvent& event : node.events)
    if (const auto* one = std::get_if<LeaseBroken>(&event)) found.push_back(*one);
  return found;
}

/// A holder "M" and another node "P", whose clocks differ by what is allowed.
class Releases : public ::testing::Test {
 protected:
  Releases() {
    other.clock.wall_time -= 30s;
    pass(10s);
    holder.write("k", "v");
    carry(holder, other);
    holder.told();
    other.told();
  }
  void pass(Duration time) {
    holder.clock.advance(time);
    other.clock.advance(time);
  }
  Fixture holder;
  Fixture other{{.self = id("P")}};
};

TEST_F(Releases, TheValueStaysAndAnybodyMayClaimAtOnceWithALargerFence) {
  ASSERT_FALSE(other.try_write("k", "w"));
  const std::string before = holder.d->lease("k")->fence;
  given_up(holder);
  EXPECT_EQ(holder.get("k"), "v");
  EXPECT_EQ(holder.d->lease("k")->fence, before) << "the claim is the same until the next one";
  EXPECT_FALSE(holder.d->lease("k")->held);
  EXPECT_EQ(holder.d->lease("k")->state, LeaseState::kReleased);
  EXPECT_THAT(holder.d->explain("k"), HasSubstr("given up by its owner"));
  EXPECT_EQ(carry(holder, other), Merged::kWon);
  EXPECT_EQ(other.get("k"), "v");
  EXPECT_EQ(other.d->lease("k")->state, LeaseState::kReleased);
  ASSERT_TRUE(other.try_write("k", "w"));
  EXPECT_GT(other.d->lease("k")->fence, before);
  EXPECT_EQ(other.version("k").epoch, Epoch{2});
  EXPECT_EQ(carry(other, holder), Merged::kWon);
  EXPECT_EQ(holder.told(), "+kl +k") << "no conflict: nobody held it";
}

TEST_F(Releases, ItsFormerHolderClaimsAnew) {
  const std::string before = holder.d->lease("k")->fence;
  given_up(holder);
  holder.write("k", "again");
  EXPECT_GT(holder.d->lease("k")->fence, before);
  EXPECT_TRUE(holder.d->lease("k")->held);
  EXPECT_EQ(holder.version("k").epoch, Epoch{2});
}

/// The write time of the other's last write lies before all that the former holder has.
TEST_F(Releases, WhatHadLapsedBeforeAnotherClaimedAndGaveUpIsNoConflict) {
  pass(2h);
  other.write("k", "w");
  given_up(other);
  EXPECT_EQ(carry(other, holder), Merged::kWon);
  EXPECT_EQ(holder.told(), "+k");
  EXPECT_EQ(holder.get("k"), "w");
}

TEST_F(Releases, OnlyTheHolderGivesUp) {
  EXPECT_EQ(*other.d->release("k"), std::nullopt);
  EXPECT_EQ(*other.d->release("unknown"), std::nullopt);
  given_up(holder);
  EXPECT_EQ(*holder.d->release("k"), std::nullopt) << "once is enough";
  holder.write("k", "again");
  pass(2h);
  EXPECT_EQ(*holder.d->release("k"), std::nullopt) << "what has lapsed is nobody's";
  Fixture free({.leasing = Leasing::kOff});
  free.write("k", "v");
  EXPECT_EQ(*free.d->release("k"), std::nullopt) << "there are no leases";
}

/// A member that does not know the mark goes by the age.
TEST_F(Releases, ItLooksLapsedToWhoDoesNotKnowTheMark) {
  const Version version = given_up(holder);
  EXPECT_TRUE(is_given_up(version));
  const Hlc slowest = Hlc::from_ms((other.clock.wall_time.time_since_epoch()) / 1ms);
  EXPECT_GT(slowest - version.written, kLease + kMargin);
  EXPECT_LE(version.epoch, largest_epoch(version.written));
}

TEST_F(Releases, ARestartChangesNothing) {
  given_up(holder);
  const Version before = holder.version("k");
  holder.restart(20);
  EXPECT_EQ(holder.version("k"), before);
  EXPECT_EQ(holder.d->lease("k")->state, LeaseState::kReleased);
  holder.write("k", "again");
  EXPECT_EQ(holder.version("k").epoch, Epoch{2});
}

/// By a clock that is far behind it is no minute old; the key is free all the same.
TEST_F(Releases, NoClockKeepsWhatWasGivenUp) {
  given_up(holder);
  Fixture slow({.self = id("P"), .clock_guard = false});
  slow.clock.wall_time -= 1h;
  ASSERT_EQ(carry(holder, slow), Merged::kWon);
  EXPECT_FALSE(slow.d->lease("k")->held);
  EXPECT_TRUE(slow.try_write("k", "w"));
}

/// A live claim does not give way to one that nobody holds (K1).
TEST_F(Releases, ALiveClaimIsTakenAgainAboveOneThatWasGivenUp) {
  Fixture far({.self = id("P")});
  far.clock.advance(20s);
  far.merge("k", "", deleted(claim("A", 4, 1'000)));
  far.write("k", "theirs");
  const Version version = given_up(far);
  ASSERT_GT(version.epoch, holder.version("k").epoch);
  holder.clock.advance(20s);
  EXPECT_EQ(carry(far, holder), Merged::kLost);
  EXPECT_EQ(holder.get("k"), "v");
  EXPECT_EQ(holder.version("k").epoch, next(version.epoch));
}

/// In whatever order and however often the records of a claim and of the next come, the result is one.
RC_GTEST_PROP(ReleasesProperty, AnyOrderGivesTheSame, ()) {
  Fixture holder;
  Fixture next_holder({.self = id("P")});
  holder.clock.advance(10s);
  next_holder.clock.advance(10s);
  std::vector<std::pair<Raw, Version>> records;
  const auto note = [&](const Fixture& node) {
    const Record record = *node.d->records().get("k");
    records.emplace_back(Raw(record.value), record.version);
  };
  holder.write("k", "1");
  note(holder);
  holder.write("k", "2");
  note(holder);
  given_up(holder);
  note(holder);
  carry(holder, next_holder);
  next_holder.write("k", "3");
  note(next_holder);
  if (*rc::gen::arbitrary<bool>()) {
    given_up(next_holder);
    note(next_holder);
  }
  std::vector<std::pair<Raw, Version>> order = records;
  for (const auto& record : records)
    if (*rc::gen::arbitrary<bool>()) order.push_back(record);
  for (std::size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[*rc::gen::inRange<std::size_t>(0, i)]);
  Fixture reader({.self = id("Z")});
  reader.clock.advance(10s);
  for (const auto& [value, version] : order)
    reader.d->merge("k", value, version);
  RC_ASSERT(reader.version("k") == records.back().second);
  RC_ASSERT(reader.d->lease("k")->held == !is_given_up(records.back().second));
  reader.d->sanity_check();
}

/// py2p nodes have no word for a release: what they still show of the claim must not bring the lease back.
TEST_F(Releases, AnEchoFromPy2pDoesNotBringItBack) {
  const Version version = given_up(holder);
  carry(holder, other);
  for (const auto how : {Dictionary::Plain::kKept, Dictionary::Plain::kSaid})
    EXPECT_EQ(other.merge_py2p("k", "v", "M", 10, how), Merged::kLost);
  EXPECT_EQ(other.version("k"), version);
  EXPECT_EQ(other.merge_py2p("k", "older", "A", 5, Dictionary::Plain::kKept), Merged::kLost)
      << "older than the claim that was given up";
  pass(1min);
  EXPECT_EQ(other.merge_py2p("k", "new", "A", 40, Dictionary::Plain::kSaid), Merged::kWon) << "anybody may claim it";
  EXPECT_EQ(other.version("k").epoch, Epoch{2});
}

TEST_F(Releases, NearTo1970NoLeaseIsGivenUp) {
  Fixture early;
  early.clock.wall_time = WallTime(30min);
  early.write("k", "v");
  const auto released = early.d->release("k");
  ASSERT_FALSE(released);
  EXPECT_THAT(describe(released.error()), HasSubstr("1970"));
  EXPECT_TRUE(early.d->lease("k")->held);
}

TEST_F(Releases, OverAnEpochAsLargeAsItMayBeNoLeaseIsGivenUp) {
  const Hlc now = Hlc::from_ms(holder.clock.wall_time.time_since_epoch() / 1ms);
  const Version deletion{.epoch = largest_epoch(now),
                         .claim_start = now,
                         .owner = id("Z"),
                         .boot = Boot{1},
                         .written = now,
                         .kind = RecordKind::kTombstone};
  ASSERT_EQ(holder.merge("big", "", deletion), Merged::kWon);
  pass(1s);
  holder.write("big", "ours");
  const auto released = holder.d->release("big");
  ASSERT_FALSE(released);
  EXPECT_THAT(describe(released.error()), HasSubstr("the epoch very large"));
  EXPECT_TRUE(holder.d->lease("big")->held);
}

// Broken by an operator

TEST_F(Releases, AnOperatorTakesAKeyAndItsHolderIsToldOfAConflict) {
  const auto taken = other.d->break_lease("k");
  ASSERT_TRUE(taken && *taken);
  EXPECT_EQ(other.version("k").owner, id("P"));
  EXPECT_EQ(other.version("k").epoch, Epoch{2});
  EXPECT_EQ(other.get("k"), "v");
  EXPECT_TRUE(other.d->lease("k")->held);
  EXPECT_TRUE(other.d->lease("k")->taken);
  EXPECT_THAT(other.d->explain("k"), HasSubstr("an operator has taken it"));
  ASSERT_EQ(broken(other).size(), 1U);
  EXPECT_EQ(carry(other, holder), Merged::kWon);
  ASSERT_EQ(broken(holder).size(), 1U);
  EXPECT_EQ(broken(holder)[0].from, id("M"));
  EXPECT_EQ(broken(holder)[0].by, id("P"));
  EXPECT_EQ(holder.told(), "!k:v:epoch  +k");
  EXPECT_FALSE(holder.try_write("k", "w")) << "it is the other's now";
}

TEST_F(Releases, WhoHearsOfALaterWriteOnlyIsToldToo) {
  ASSERT_TRUE(other.d->break_lease("k").has_value());
  other.write("k", "w");
  carry(other, holder);
  EXPECT_EQ(broken(holder).size(), 1U);
  other.write("k", "x");
  carry(other, holder);
  EXPECT_EQ(broken(holder).size(), 1U) << "once";
}

TEST_F(Releases, ThereMustBeSomebodyElseWhoHoldsIt) {
  EXPECT_EQ(*holder.d->break_lease("k"), std::nullopt) << "our own";
  EXPECT_EQ(*holder.d->break_lease("unknown"), std::nullopt);
  given_up(holder);
  carry(holder, other);
  EXPECT_EQ(*other.d->break_lease("k"), std::nullopt) << "it is free";
  EXPECT_TRUE(broken(other).empty());
}

TEST_F(Releases, WhileTheClockIsWrongNothingIsBroken) {
  other.d->set_clock({.standing = ClockStanding::kAhead, .offset = {.ahead = 1h}});
  EXPECT_FALSE(other.d->break_lease("k").has_value());
  EXPECT_EQ(other.version("k").owner, id("M"));
}

}  // namespace
}  // namespace meshdict
