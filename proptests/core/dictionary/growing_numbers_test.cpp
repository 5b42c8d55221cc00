// Numbers that only grow are bounded by the clock: no record and no message, whatever it says, takes a key out of use.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <limits>
#include <string>

#include "core/dictionary/dictionary.h"
#include "core/encoding/msgpack.h"
#include "core/limits.h"
#include "core/record/codec.h"
#include "proptests/core/dictionary/dictionary_fixture.h"

namespace meshdict {
namespace {

using Merged = Dictionary::Merged;

constexpr std::uint64_t kLargest = std::numeric_limits<std::uint64_t>::max();

Dictionary::Floors floors_of(std::uint64_t epoch) {
  Dictionary::Floors floors;
  floors.fill(Epoch{epoch});
  return floors;
}

TEST(GrowingNumbers, OneMessageOfFloorsTakesNoKeyOutOfUse) {
  for (const std::uint64_t epoch : {kLargest, kLargest - 1, std::uint64_t{1} << 62, at_ms(30'001).bits}) {
    Fixture node;
    node.d->merge_floors(floors_of(epoch));
    EXPECT_TRUE(node.set("k", "x")) << epoch;
    EXPECT_EQ(node.version("k").epoch, Epoch{1}) << epoch << " is from the future, and counts for nothing";
    EXPECT_TRUE(node.d->erase("k")) << epoch;
  }
}

TEST(GrowingNumbers, AFloorWithinTheSkewCountsAndLeavesRoom) {
  const std::uint64_t latest = at_ms(30'000).bits;
  Fixture node;
  node.d->merge_floors(floors_of(latest));
  ASSERT_TRUE(node.set("k", "x"));
  EXPECT_EQ(node.version("k").epoch, Epoch{latest + 1});
  EXPECT_GT(node.version("k").written.bits, latest);
}

TEST(GrowingNumbers, AnEpochAboveItsWriteTimeIsRefused) {
  for (const std::uint64_t epoch : {at_ms(0).bits + 1, std::uint64_t{1} << 62, kLargest}) {
    Fixture node;
    EXPECT_EQ(node.merge("k", "x", claim("A", epoch, 0)), Merged::kRefused) << epoch;
    EXPECT_EQ(node.merge("k", "", deleted(claim("A", epoch, 0))), Merged::kRefused) << epoch;
    EXPECT_TRUE(node.set("k", "x")) << epoch;
  }
}

TEST(GrowingNumbers, TheLargestEpochOfAllLeavesRoomForTheNextClaim) {
  Fixture node;
  Version latest = claim("A", 0, 30'000);
  latest.epoch = largest_epoch(latest.written);
  EXPECT_EQ(node.merge("k", "x", latest), Merged::kWon);
  node.clock.advance(2h);
  ASSERT_TRUE(node.set("k", "y"));
  Version deletion = deleted(claim("A", 0, 7'230'000));
  deletion.epoch = largest_epoch(deletion.written);
  EXPECT_EQ(node.merge("j", "", deletion), Merged::kWon);
  ASSERT_TRUE(node.set("j", "y")) << "at once: a deleted key is free";
  EXPECT_GT(node.version("j").epoch, deletion.epoch);
}

TEST(GrowingNumbers, OldTombstonesTakeNoKeyOutOfUse) {
  Fixture node;
  const std::int64_t long_ago = -25 * 3'600'000;
  for (int i = 0; i < 300; ++i) {
    node.merge("k" + std::to_string(i), "", deleted(claim("A", std::uint64_t{1} << 62, long_ago)));
    node.merge("k" + std::to_string(i), "", deleted(claim("A", at_ms(long_ago).bits, long_ago)));
  }
  for (int i = 0; i < 300; ++i)
    ASSERT_TRUE(node.set("j" + std::to_string(i), "x"));
  ASSERT_EQ(node.merge_py2p("p", "x", "B", 0), Merged::kWon);
}

TEST(GrowingNumbers, AClockSetBackWaitsForItselfAndNoLonger) {
  Fixture node;
  node.d->merge_floors(floors_of(at_ms(0).bits));
  node.clock.wall_time -= 1h;
  const auto refused = node.set("k", "x");
  ASSERT_FALSE(refused);
  EXPECT_TRUE(std::holds_alternative<BadKey>(refused.error()));
  node.clock.advance(1h + 1ms);
  EXPECT_TRUE(node.set("k", "x"));
}

TEST(GrowingNumbers, WhatAnEarlierVersionHasStoredIsCutToTheBound) {
  Fixture node;
  Version poisoned = claim("A", std::uint64_t{1} << 61, 0);
  const Raw value = bytes_value("kept");
  poisoned.value_hash = sha256(value);
  node.store.put(Table::kRecords, "k", encode_record(poisoned, value, record_hash("k", poisoned)));
  for (std::size_t bucket = 0; bucket < kFloorBuckets; ++bucket) {
    std::string floor;
    MsgpackWriter(floor).integer(std::uint64_t{1} << 62);
    node.store.put(Table::kFloors, std::to_string(bucket), floor);
  }
  node.clock.advance(2h);
  node.restart(11);
  EXPECT_EQ(node.get("k"), "kept");
  EXPECT_EQ(node.version("k").epoch, largest_epoch(poisoned.written));
  EXPECT_TRUE(node.set("k", "x")) << "its lease has lapsed";
  EXPECT_TRUE(node.set("new", "x"));
  node.d->sanity_check();
}

TEST(GrowingNumbers, APy2pStoreStandsAboveWhatWasCollected) {
  Fixture node;
  node.d->merge_floors(floors_of(50));
  ASSERT_EQ(node.merge_py2p("k", "x", "A", 0), Merged::kWon);
  EXPECT_EQ(node.version("k").epoch, Epoch{51});
  node.merge("j", "", deleted(claim("B", 7, -5'000)));
  ASSERT_EQ(node.merge_py2p("j", "x", "A", 0), Merged::kWon);
  EXPECT_EQ(node.version("j").epoch, Epoch{51});
}

TEST(GrowingNumbers, APy2pStoreFindsRoomBelowAFloorOfThisVerySecond) {
  Fixture node;
  node.d->merge_floors(floors_of(at_ms(30'000).bits));
  ASSERT_EQ(node.merge_py2p("k", "x", "A", 0), Merged::kWon);
  EXPECT_EQ(node.version("k").epoch, largest_epoch(node.version("k").written));
}

TEST(GrowingNumbers, SequencesAndBootsAtTheirEndLockNobodyOut) {
  Fixture node;
  node.write("k", "ours");
  Version forged = node.version("k");
  forged.boot = Boot{kLargest};
  forged.sequence = Sequence{kLargest};
  EXPECT_EQ(node.merge("k", "forged", forged), Merged::kWon);
  ASSERT_TRUE(node.set("k", "again"));
  EXPECT_EQ(node.version("k").epoch, Epoch{2});
  EXPECT_EQ(node.get("k"), "again");
}

/// Numbers on both sides of every bound that a reading of the clock sets.
std::uint64_t around_the_bounds(std::int64_t written_ms) {
  const std::uint64_t bound =
      *rc::gen::element<std::uint64_t>(0, at_ms(written_ms).bits, at_ms(0).bits, at_ms(30'000).bits, at_ms(30'001).bits,
                                       at_ms(-86'400'000).bits, std::uint64_t{1} << 62, std::uint64_t{1} << 63);
  return bound + *rc::gen::element<std::uint64_t>(0, 1, 2, kLargest, kLargest - 1);
}

Version version_around_the_bounds() {
  const auto written_ms = *rc::gen::element<std::int64_t>(-90'000'000, -86'400'000, -3'700'000, -1, 0, 1, 29'999,
                                                          30'000, 30'001, 90'000'000);
  Version version = claim(*rc::gen::element<std::string>("A", "M", "Z"), around_the_bounds(written_ms), written_ms);
  version.written.bits += *rc::gen::element<std::uint64_t>(0, 1, 0xFFFF);
  version.boot = Boot{*rc::gen::element<std::uint64_t>(0, 1, 10, kLargest)};
  version.sequence = Sequence{*rc::gen::element<std::uint64_t>(0, 1, kLargest - 1, kLargest)};
  return *rc::gen::arbitrary<bool>() ? version : deleted(version);
}

RC_GTEST_PROP(GrowingNumbers, WhateverIsSaidAFreeKeyCanBeWritten, ()) {
  Fixture node({.leasing = *rc::gen::element(Leasing::kOn, Leasing::kOff)});
  const int steps = *rc::gen::inRange(1, 20);
  for (int i = 0; i < steps; ++i) {
    const std::string key = *rc::gen::element<std::string>("a", "b");
    switch (*rc::gen::inRange(0, 6)) {
      case 0:
        node.d->merge_floors(floors_of(around_the_bounds(0)));
        break;
      case 1:
        node.clock.advance(*rc::gen::element<Duration>(1us, 1ms, 1s, 2h));
        break;
      case 2:
        node.try_remove(key);
        break;
      case 3:
        node.restart(static_cast<std::uint64_t>(20 + i));
        break;
      default:
        node.merge(key, "x", version_around_the_bounds());
    }
    node.d->on_time();
    for (const auto& [name, record] : node.d->records())
      RC_ASSERT(record.version.epoch <= largest_epoch(record.version.written));
    for (const std::string name : {"a", "b", "never written"}) {
      const auto admitted = node.d->admit(name);
      RC_ASSERT((admitted || std::holds_alternative<Leased>(admitted.error())));
      if (*rc::gen::inRange(0, 3) == 0) RC_ASSERT(node.try_write(name, "mine") == admitted.has_value());
    }
    node.d->sanity_check();
  }
}

}  // namespace
}  // namespace meshdict
