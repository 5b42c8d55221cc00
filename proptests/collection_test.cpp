// The set that nodes compare, and the end of tombstones.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "core/dictionary.h"
#include "core/limits.h"
#include "dictionary_fixture.h"

namespace meshdict {
namespace {

using ::testing::ElementsAre;
using Merged = Dictionary::Merged;

TEST(Items, ASetAsideRecordCountsAsHeldAndComesBackOnce) {
  Fixture node;
  const Version early = claim("A", 1, 60'000);
  EXPECT_EQ(node.merge("k", "x", early), Merged::kSetAside);
  const ReconcileTotal held = node.total();
  EXPECT_EQ(held.count, 1U);
  node.clock.advance(40s);
  EXPECT_EQ(node.merge("k", "x", early), Merged::kWon) << "it came once more before it was taken back";
  EXPECT_EQ(node.total(), held);
  node.d->on_time();
  EXPECT_EQ(node.total(), held);
  node.d->sanity_check();
}

/// What a node would compare that holds this record only.
ReconcileTotal total_of(std::string_view key, const Version& version) {
  Fixture other;
  other.merge(key, "x", version);
  return other.total();
}

TEST(Items, TheLargestRecordStandsForItsKey) {
  Fixture node;
  node.write("k", "mine");
  const Version second = claim("A", 2, 60'000);
  const Version third = claim("A", 3, 90'000);
  EXPECT_EQ(node.merge("k", "x", second), Merged::kSetAside);
  EXPECT_EQ(node.total(), total_of("k", second));
  EXPECT_EQ(node.merge("k", "x", third), Merged::kSetAside);
  EXPECT_EQ(node.total(), total_of("k", third));
  EXPECT_EQ(node.merge("k", "x", claim("B", 2, 80'000)), Merged::kSetAside) << "smaller than the third";
  EXPECT_EQ(node.total(), total_of("k", third));
  node.d->sanity_check();
  node.clock.advance(40s);
  node.d->on_time();
  EXPECT_EQ(node.version("k").epoch, 2U);
  EXPECT_EQ(node.total(), total_of("k", third)) << "the second is back, and still not compared";
  node.d->sanity_check();
  node.write("other", "y");
  node.clock.advance(40s);
  node.d->on_time();
  EXPECT_EQ(node.version("k").epoch, 3U);
  EXPECT_EQ(node.total().count, 2U);
  node.d->sanity_check();
}

TEST(Items, ARecordStandsForItsKeyAgainWhenTheLargerOneIsLetGo) {
  Fixture node;
  node.write("k", "mine");
  const ReconcileTotal mine = node.total();
  node.merge("k", "x", claim("A", 2, 90'000));
  EXPECT_NE(node.total(), mine);
  const std::string large(3 << 20, 'v');
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(node.merge("large" + std::to_string(i), large, claim("A", 1, 60'000)), Merged::kSetAside);
  EXPECT_EQ(node.total().count, 6U) << "k, and five of the large ones";
  EXPECT_EQ(node.get("k"), "mine");
  node.d->sanity_check();
}

TEST(Items, LeadToTheirRecords) {
  Fixture node;
  node.write("k", "x");
  node.merge("j", "y", claim("A", 1, 60'000));
  std::set<std::string> keys;
  for (const auto& item : node.d->items().run({}).entries) {
    const RecordEntry entry = node.d->entry(item.handle);
    keys.insert(std::string(entry.key) + "=" + client_text(entry.value));
  }
  EXPECT_THAT(keys, ElementsAre("j=y", "k=x"));
}

/// Calls on_time() whenever the dictionary asks for it.
void pass(Fixture& node, Duration time) {
  const MonoTime end = node.clock.mono + time;
  while (node.d->next_deadline() && *node.d->next_deadline() <= end) {
    node.clock.advance(std::max(Duration::zero(), *node.d->next_deadline() - node.clock.mono));
    node.d->on_time();
  }
  node.clock.advance(end - node.clock.mono);
}

TEST(Items, ASetAsideRecordThatATombstoneOvercameGoesWithIt) {
  Fixture node({.lease = 60s, .skew = 1s, .horizon = 1min});
  const Version rival = claim("A", 1, 600'000);
  const Version next = claim("A", 2, 700'000);
  EXPECT_EQ(node.merge("k", "x", rival), Merged::kSetAside);
  EXPECT_EQ(node.merge("j", "x", rival), Merged::kSetAside);
  EXPECT_EQ(node.merge("j", "x", next), Merged::kSetAside);
  for (const char* key : {"k", "j"}) {
    node.write(key, "mine");
    node.remove(key);
  }
  EXPECT_NE(node.total(), total_of("j", next)) << "the rival's is of the same epoch, and claimed later: it is smaller";
  node.d->sanity_check();
  pass(node, 70s);
  EXPECT_FALSE(node.d->records().contains("k"));
  EXPECT_EQ(node.total(), total_of("j", next));
  node.d->sanity_check();
  pass(node, 700s);
  EXPECT_EQ(node.get("k"), "-") << "what was deleted does not return";
  EXPECT_EQ(node.get("j"), "x") << "a later claim";
  node.d->sanity_check();
}

TEST(Collection, ATombstoneLeavesTheSetBeforeItIsForgotten) {
  Fixture node;
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

TEST(Collection, AFenceDoesNotFallThoughNothingIsLeftOfTheKey) {
  Fixture node;
  node.merge("k", "x", claim("A", 41, 0));
  node.merge("k", "", deleted(renewed(claim("A", 41, 0), 1, 1)));
  pass(node, 25h);
  ASSERT_EQ(node.d->records().size(), 0U);
  node.restart(11);
  node.write("k", "y");
  EXPECT_EQ(node.version("k").epoch, 42U);
  Fixture other;
  other.d->merge_floors(node.d->floors());
  other.write("k", "y");
  EXPECT_EQ(other.version("k").epoch, 42U) << "floors are exchanged";
}

TEST(Collection, ATombstoneThatComesTooLateOnlyRaisesTheFloor) {
  Fixture node;
  pass(node, 25h);
  EXPECT_EQ(node.merge("k", "", deleted(claim("A", 7, 0))), Merged::kLost);
  EXPECT_EQ(node.d->records().size(), 0U);
  node.write("k", "y");
  EXPECT_EQ(node.version("k").epoch, 8U);
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
  Fixture node;
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
  Fixture node;
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
  Fixture node({.skew = 1s, .horizon = 1min});
  std::size_t most = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string key = std::to_string(i);
    node.write(key, "x");
    node.remove(key);
    pass(node, 100ms);
    most = std::max(most, node.d->records().size());
  }
  EXPECT_LE(most, 700U) << "ten a second, for a minute and a little";
  node.d->sanity_check();
}

TEST(Collection, TakesManyStepsForManyTombstones) {
  Fixture node;
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

}  // namespace
}  // namespace meshdict
