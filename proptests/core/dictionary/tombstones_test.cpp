// The set that nodes compare, and the end of tombstones.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/dictionary/dictionary.h"
#include "core/dictionary/future_records.h"
#include "core/dictionary/tombstones.h"
#include "core/limits.h"
#include "proptests/core/dictionary/dictionary_fixture.h"

namespace meshdict {
namespace {

using ::testing::ElementsAre;
using Merged = Dictionary::Merged;

TEST(Collection, ATombstoneLeavesTheSetBeforeItIsDiscarded) {
  Fixture node({.kept_deletions = 0});
  node.write("other", "stays");
  node.write("k", "x");
  node.remove("k");
  pass(node, 24h - 31s);
  EXPECT_EQ(node.total().count, 2U);
  pass(node, 20s);
  EXPECT_EQ(node.total().count, 1U);
  EXPECT_EQ(node.d->records().size(), 2U);
  node.d->sanity_check();
  pass(node, 30s);
  EXPECT_EQ(node.d->records().size(), 1U);
  EXPECT_FALSE(node.d->next_deadline()) << "nothing is left to collect";
  node.d->sanity_check();
}

/// A node that was apart for longer than the horizon still has the key.
TEST(Collection, ADeletionOutlivesTheHorizon) {
  Fixture node;
  const Version theirs = claim("A", 1, 0);
  node.write("ours", "x");
  const Version ours = node.version("ours");
  node.merge("k", "x", theirs);
  node.clock.advance(2h);
  node.remove("k");
  node.remove("ours");
  pass(node, 25h);
  EXPECT_EQ(node.total().count, 0U);
  for (const bool restarted : {false, true}) {
    if (restarted) node.restart(11);
    node.told();
    EXPECT_EQ(node.merge("k", "x", theirs), Merged::kLost);
    EXPECT_EQ(node.merge("ours", "x", ours), Merged::kLost);
    EXPECT_EQ(node.get("k"), "-");
    EXPECT_EQ(node.get("ours"), "-");
    EXPECT_EQ(node.told(), "");
    EXPECT_EQ(node.total().count, 0U) << "nor is it compared again";
    node.d->sanity_check();
  }
}

/// The clock of the machine starts in 1970, and is set right later: no time has passed by it.
TEST(Collection, ADeletionThatWasComparedForAHorizonIsNotComparedAgain) {
  Fixture node;
  node.write("k", "x");
  node.remove("k");
  pass(node, 25h);
  node.write("j", "x");
  node.remove("j");
  const WallTime right = node.clock.wall_time;
  node.clock.wall_time = WallTime(60s);
  node.restart(11);
  node.clock.wall_time = right;
  EXPECT_EQ(node.total().count, 1U) << "the second";
  node.d->sanity_check();
}

/// Our clock was ahead when it came, and is right again; others compare it, and would send it in each session.
TEST(Collection, ADeletionThatOthersStillCompareIsComparedAgain) {
  Fixture node;
  const Version deletion = deleted(renewed(claim("A", 1, -1'000), 1, 0));
  node.merge("k", "x", claim("A", 1, -1'000));
  node.clock.wall_time += 23h + 59min;
  node.merge("k", "", deletion);
  pass(node, 5min);
  node.clock.wall_time -= 23h + 59min;
  EXPECT_EQ(node.total().count, 0U);
  EXPECT_EQ(node.merge("k", "", deletion), Merged::kKnown);
  EXPECT_EQ(node.total().count, 1U);
  node.d->sanity_check();
  pass(node, 24h - 10min);
  EXPECT_EQ(node.total().count, 1U);
  pass(node, 10min);
  EXPECT_EQ(node.total().count, 0U);
  EXPECT_EQ(node.merge("k", "", deletion), Merged::kKnown);
  EXPECT_EQ(node.total().count, 0U) << "as old as it says";
  node.d->sanity_check();
}

TEST(Collection, AWriteThatLosesToACollectedDeletionIsTold) {
  Fixture node;
  node.merge("k", "x", claim("A", 1, 0));
  node.clock.advance(2h);
  node.remove("k");
  const Version deletion = node.version("k");
  pass(node, 25h);
  node.told();
  EXPECT_EQ(node.merge("k", "y", claim("A", next(deletion.epoch), 0)), Merged::kWon);
  EXPECT_EQ(node.told(), "!k::epoch +k") << "it was written before our deletion";
}

/// Of those beyond the horizon, after a restart and after a key was written and deleted again, too.
TEST(Collection, TheLatestDeletionsAreKept) {
  Fixture node({.kept_deletions = 2});
  const auto deleted_after = [&](std::string_view key, Duration pause) {
    node.clock.advance(pause);
    node.write(key, "x");
    node.remove(key);
  };
  for (const char* key : {"z", "y", "again", "x"})
    deleted_after(key, 1min);
  node.clock.advance(25h);
  node.restart(11);
  pass(node, 1h);
  EXPECT_FALSE(node.d->records().contains("z"));
  EXPECT_FALSE(node.d->records().contains("y"));
  EXPECT_TRUE(node.d->records().contains("again"));
  EXPECT_TRUE(node.d->records().contains("x"));
  deleted_after("again", 1min);
  pass(node, 25h);
  EXPECT_EQ(node.d->records().size(), 2U) << "its former deletion counts no more";
  deleted_after("w", 1min);
  pass(node, 25h);
  EXPECT_FALSE(node.d->records().contains("x"));
  EXPECT_TRUE(node.d->records().contains("again"));
  EXPECT_TRUE(node.d->records().contains("w"));
  EXPECT_TRUE(node.d->may_be_discarded("x", claim("A", 1, 0)));
  EXPECT_FALSE(node.d->may_be_discarded("again", claim("A", 1, 0))) << "there is a record of it";
  EXPECT_FALSE(node.d->may_be_discarded("x", claim("A", 1, 26 * 3'600'000 + 3'700'000))) << "written later";
  node.restart(12);
  EXPECT_TRUE(node.d->may_be_discarded("x", claim("A", 1, 0))) << "an incarnation later";
  node.d->sanity_check();
}

TEST(Collection, WhatIsStoredOfOldDeletionsMayBeDamaged) {
  for (const char* damaged : {"\xC0", "\x01", "\x01\xC0"}) {
    Fixture node;
    node.store.put(Table::kMeta, "collected", damaged);
    EXPECT_FALSE(node.d->load()) << damaged;
  }
}

/// Its writer was apart, and had not heard of the deletion.
TEST(Collection, AWriteAfterAnOldDeletionIsProposedAgainAboveIt) {
  const Version deletion = deleted(claim("A", 41, -1));
  for (const Leasing leasing : {Leasing::kOn, Leasing::kOff}) {
    Fixture node({.leasing = leasing});
    node.write("k", "mine");
    const Version mine = node.version("k");
    pass(node, 2h);
    node.told();
    EXPECT_EQ(node.merge("k", "", deletion), Merged::kWon) << "it may have been meant";
    EXPECT_NE(node.told().find("!k:mine:"), std::string::npos);

    Fixture later({.leasing = leasing});
    later.write("k", "mine");
    pass(later, 25h);
    later.told();
    EXPECT_EQ(later.merge("k", "", deletion), Merged::kLost);
    EXPECT_EQ(later.get("k"), "mine");
    EXPECT_EQ(later.version("k").epoch, Epoch{42});
    EXPECT_EQ(later.version("k").written, mine.written) << "a lease does not grow by it";
    EXPECT_EQ(later.told(), "");
    const auto reissued = later.d->take_reissued();
    ASSERT_EQ(reissued.size(), 1U);
    EXPECT_EQ(reissued[0].key(), "k");
    later.d->sanity_check();
  }
}

TEST(Collection, AnOldDeletionTakesWhatWasWrittenBeforeIt) {
  Fixture node;
  node.write("ours", "x");
  node.merge("theirs", "x", claim("A", 41, 100));
  node.clock.advance(25h);
  node.told();
  EXPECT_EQ(node.merge("ours", "", deleted(claim("A", 41, 1))), Merged::kWon);
  EXPECT_EQ(node.merge("theirs", "", deleted(renewed(claim("A", 41, 100), 1, 200))), Merged::kWon);
  EXPECT_EQ(node.told(), "!ours:x:epoch -ours -theirs");
  EXPECT_EQ(node.total().count, 0U) << "they are not compared";
  node.restart(11);
  EXPECT_EQ(node.total().count, 0U);
  EXPECT_EQ(node.get("theirs"), "-");
  EXPECT_TRUE(node.d->old_deletion_above("theirs", claim("A", 40, 0)));
  EXPECT_FALSE(node.d->old_deletion_above("theirs", node.version("theirs"))) << "it is known there";
  EXPECT_FALSE(node.d->old_deletion_above("theirs", claim("A", 42, 0)));
  EXPECT_FALSE(node.d->old_deletion_above("unknown", claim("A", 1, 0)));
  node.write("theirs", "y");
  EXPECT_EQ(node.version("theirs").epoch, Epoch{42});
  EXPECT_FALSE(node.d->old_deletion_above("theirs", claim("A", 40, 0)));
  node.d->sanity_check();
}

TEST(Collection, AFenceDoesNotFallThoughNothingIsLeftOfTheKey) {
  Fixture node({.kept_deletions = 0});
  node.merge("k", "x", claim("A", 41, 0));
  node.merge("k", "", deleted(renewed(claim("A", 41, 0), 1, 1)));
  pass(node, 25h);
  ASSERT_EQ(node.d->records().size(), 0U);
  node.restart(11);
  node.write("k", "y");
  EXPECT_EQ(node.version("k").epoch, Epoch{42});
  Fixture other;
  other.d->merge_floors(node.d->floors());
  other.write("k", "y");
  EXPECT_EQ(other.version("k").epoch, Epoch{42}) << "floors are exchanged";
}

TEST(Collection, ATombstoneThatComesTooLateOnlyRaisesTheFloor) {
  Fixture node;
  pass(node, 25h);
  EXPECT_EQ(node.merge("k", "", deleted(claim("A", 7, 0))), Merged::kLost);
  EXPECT_EQ(node.d->records().size(), 0U);
  node.write("k", "y");
  EXPECT_EQ(node.version("k").epoch, Epoch{8});
}

TEST(Collection, AKeyThatIsWrittenAgainIsNotCollected) {
  Fixture node;
  node.write("k", "x");
  node.remove("k");
  pass(node, 24h - 15s);
  node.write("k", "y");
  pass(node, 10min);
  EXPECT_EQ(node.get("k"), "y");
  node.d->sanity_check();
}

TEST(Collection, AWallClockThatJumpsAheadCollectsNothing) {
  Fixture node({.kept_deletions = 0});
  node.write("k", "x");
  node.remove("k");
  node.clock.wall_time += 48h;
  node.write("j", "x");
  pass(node, 10min);
  EXPECT_EQ(node.total().count, 2U);
  node.clock.wall_time -= 48h;
  pass(node, 24h);
  node.d->sanity_check();
  EXPECT_EQ(node.d->records().size(), 1U);
}

/// The wall clock shows too much for a while: the items of that time have been passed over. What comes from before them
/// then must still be looked at, or it would stay for ever, and be offered in each comparison.
TEST(Collection, ATombstoneThatComesFromBeforeWhatWasLookedAtLeavesTheSetAsWell) {
  Fixture node({.kept_deletions = 0});
  node.merge("shown", "x", claim("A", 1, 10'000));
  node.write("k", "x");
  node.clock.advance(20s);
  node.remove("k");
  node.clock.wall_time += 48h;
  pass(node, 2min);
  node.clock.wall_time -= 48h;
  node.merge("late", "", deleted(claim("A", 1, 5'000)));
  EXPECT_EQ(node.total().count, 3U);
  pass(node, 25h);
  EXPECT_EQ(node.total().count, 1U);
  EXPECT_EQ(node.d->records().size(), 1U);
  node.d->sanity_check();
}

TEST(Collection, MemoryStaysBoundedUnderManyDeletes) {
  for (const std::size_t kept : {0U, 1'000U}) {
    Fixture node({.skew = 1s, .horizon = 1min, .kept_deletions = kept});
    std::size_t most = 0;
    for (int i = 0; i < 20'000; ++i) {
      const std::string key = std::to_string(i);
      node.write(key, "x");
      node.remove(key);
      pass(node, 100ms);
      most = std::max(most, node.d->records().size());
    }
    EXPECT_LE(most, 700U + kept) << "ten a second, for a minute and a little";
    EXPECT_GE(most, 500U + kept);
    node.d->sanity_check();
  }
}

TEST(Collection, TheKeysOfOldDeletionsAreBoundedInBytes) {
  constexpr std::size_t kMost = limits::kMaxKeptDeletionBytes / limits::kMaxKey;
  Fixture node({.skew = 1s, .horizon = 1min});
  for (std::size_t i = 0; i < 2 * kMost; ++i) {
    const std::string key = std::to_string(i) + std::string(limits::kMaxKey - 8, 'k');
    node.write(key, "x");
    node.remove(key);
    node.clock.advance(1s);
  }
  pass(node, 2min);
  EXPECT_LE(node.d->records().size(), kMost + 1);
  EXPECT_GE(node.d->records().size(), kMost);
  node.d->sanity_check();
}

TEST(Collection, TakesManyStepsForManyTombstones) {
  Fixture node({.kept_deletions = 0});
  constexpr std::size_t kMany = 3 * limits::kSweepItems;
  for (std::size_t i = 0; i < kMany; ++i) {
    const std::string key = std::to_string(i);
    node.write(key, "x");
    if (i % 3 != 0) node.remove(key);
  }
  pass(node, 25h);
  EXPECT_EQ(node.d->records().size(), kMany / 3);
  node.d->sanity_check();
}

// The class alone: its rules, whatever is written and deleted when.

/// Records with their tombstones, placed as the dictionary does.
struct Placed {
  explicit Placed(std::size_t kept)
      : config{{.skew = 1s, .horizon = 20s}, id("M"), Boot{1}, {}, kept},
        future(config, clock, hlc, items),
        tombstones(config, clock, hlc, store, records, items, future) {}

  void put(const std::string& key, RecordKind kind) {
    const Raw value = bytes_value("");
    const Version version{
        .epoch = Epoch{++epoch}, .owner = id("A"), .value_hash = sha256(value), .written = hlc.tick(), .kind = kind};
    if (const auto before = records.get(key)) items.erase(item_of(key, before->version));
    const auto handle = records.put(key, version, value, clock.mono).handle;
    items.insert(item_of(key, version), handle);
    if (!is_visible(version)) tombstones.look_from(version.written);
    tombstones.plan();
    last[key] = version;
  }

  DictionaryConfig config;
  FakeClock clock;
  HybridClock hlc{clock};
  MemoryStore store;
  RecordTable records;
  ReconcileSet items;
  FutureRecords future;
  Tombstones tombstones;
  std::uint64_t epoch = 0;
  // Of each key.
  std::map<std::string, Version> last;
};

/// D2, D4 and D6 for one key whose last version this was.
void check_key(const Placed& all, const std::string& key, const Version& last,
               const std::optional<Hlc>& newest_discarded) {
  const Duration age = all.hlc.now() - last.written;
  const bool compared = all.items.find(item_of(key, last)).has_value();
  if (is_visible(last)) {
    RC_ASSERT(compared && all.records.contains(key));
    return;
  }
  RC_ASSERT(compared == (age <= all.config.horizon - all.config.skew));
  if (compared) return;
  RC_ASSERT(all.tombstones.floor_of(key) >= last.epoch);
  Version value = last;
  value.kind = RecordKind::kValue;
  value.epoch = Epoch{std::to_underlying(value.epoch) - 1};
  RC_ASSERT(all.tombstones.may_be_discarded(key, value) == !all.records.contains(key));
  if (all.records.contains(key)) {
    RC_ASSERT(all.tombstones.old_deletion_above(key, value).has_value());
    if (newest_discarded) RC_ASSERT(last.written > *newest_discarded);
  } else {
    RC_ASSERT(age >= all.config.horizon);
  }
}

RC_GTEST_PROP(Tombstones, LeaveOnceAndAreDiscardedInThatOrderAndTheirFloorsStay, ()) {
  const auto kept = *rc::gen::inRange<std::size_t>(0, 4);
  Placed all(kept);
  const int steps = *rc::gen::inRange(1, 80);
  for (int step = 0; step < steps; ++step) {
    const std::string key(1, static_cast<char>('a' + *rc::gen::inRange(0, 10)));
    all.put(key, *rc::gen::element(RecordKind::kValue, RecordKind::kTombstone, RecordKind::kTombstone));
    all.clock.advance(*rc::gen::element<Duration>(1ms, 1s, 7s, 30s));
    all.tombstones.sweep();
    RC_ASSERT(all.tombstones.next_sweep().has_value() == (all.records.size() > all.records.visible()));

    std::optional<Hlc> newest_discarded;
    std::size_t old = 0;
    for (const auto& [name, version] : all.last) {
      if (!all.records.contains(name)) newest_discarded = std::max(newest_discarded, std::optional(version.written));
      old += !is_visible(version) && all.records.contains(name) && all.hlc.now() - version.written > all.config.horizon;
    }
    RC_ASSERT(old <= kept);
    for (const auto& [name, version] : all.last)
      check_key(all, name, version, newest_discarded);
  }

  Tombstones next(all.config, all.clock, all.hlc, all.store, all.records, all.items, all.future);
  RC_ASSERT(next.load().has_value());
  RC_ASSERT(next.floors() == all.tombstones.floors());
  for (const auto& [name, version] : all.last) {
    RC_ASSERT(next.may_be_discarded(name, version) == all.tombstones.may_be_discarded(name, version));
    const bool left = !is_visible(version) && all.hlc.now() - version.written > all.config.horizon - all.config.skew;
    RC_ASSERT(!left || next.least_age(version) == all.config.horizon);
  }
}

}  // namespace
}  // namespace meshdict
