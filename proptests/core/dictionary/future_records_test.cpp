// Records from the future: what is compared of them, and how they come back.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "core/dictionary/dictionary.h"
#include "core/dictionary/future_records.h"
#include "core/limits.h"
#include "proptests/core/dictionary/dictionary_fixture.h"

namespace meshdict {
namespace {

using ::testing::ElementsAre;
using Merged = Dictionary::Merged;

TEST(Items, AFutureRecordCountsAsHeldAndComesBackOnce) {
  Fixture node;
  const Version early = claim("A", 1, 60'000);
  EXPECT_EQ(node.merge("k", "x", early), Merged::kFuture);
  const ReconcileTotal held = node.total();
  EXPECT_EQ(held.count, 1U);
  node.clock.advance(40s);
  EXPECT_EQ(node.merge("k", "x", early), Merged::kWon) << "it came once more before it was taken back";
  EXPECT_EQ(node.total(), held);
  node.d->on_time();
  EXPECT_EQ(node.total(), held);
  node.d->sanity_check();
}

TEST(FutureRecords, WithoutLeasesAWriteStandsAboveIt) {
  Fixture node({.leasing = Leasing::kOff});
  node.merge("k", "theirs", claim("A", 1, 60'000));
  node.merge("held", "before", claim("A", 3, 0));
  node.merge("held", "theirs", claim("A", 3, 60'000));
  node.write("k", "ours");
  node.write("held", "ours");
  node.clock.advance(70s);
  node.d->on_time();
  EXPECT_EQ(node.get("k"), "ours") << "the other came before it, whatever its writer's clock showed";
  EXPECT_EQ(node.get("held"), "ours");
  node.d->sanity_check();
}

TEST(FutureRecords, WithoutLeasesAWriteTakesNoGenerationFromTheFuture) {
  Fixture node({.leasing = Leasing::kOff});
  const Hlc far = at_ms(100'000'000);
  node.merge("k", "theirs", claim("A", largest_epoch(far), 100'000'000));
  node.write("k", "ours");
  EXPECT_EQ(node.version("k").epoch, Epoch{1});
  node.merge("k", "honest", claim("B", 7, 60'000));
  node.write("k", "ours again");
  EXPECT_EQ(node.version("k").epoch, Epoch{8}) << "a liar does not hide what came from a clock that is a little ahead";
  node.d->sanity_check();
}

/// What a node would compare that has come to hold these records of one key, and no others.
ReconcileTotal total_of(std::string_view key, std::vector<Version> versions) {
  Fixture other;
  for (const Version& version : versions)
    other.merge(key, "x", version);
  return other.total();
}

TEST(Items, AFutureRecordHidesThePresentOneFromNobody) {
  Fixture node;
  const Version present = claim("A", 1, 0);
  const Version second = claim("A", 2, 60'000);
  const Version far = claim("B", 1'000, 100'000'000'000);
  node.merge("k", "x", present);
  EXPECT_EQ(node.merge("k", "x", second), Merged::kFuture);
  EXPECT_EQ(node.merge("k", "x", far), Merged::kFuture);
  EXPECT_EQ(node.total(), total_of("k", {far, second, present}));
  EXPECT_EQ(node.total().count, 3U);
  node.d->sanity_check();
  node.clock.advance(40s);
  node.d->on_time();
  EXPECT_EQ(node.version("k").epoch, Epoch{2});
  EXPECT_EQ(node.total().count, 2U) << "the second has beaten the first, and the last waits";
  node.d->sanity_check();

  Fixture newcomer;
  newcomer.clock.advance(40s);
  newcomer.merge("k", "x", far);
  EXPECT_NE(newcomer.total(), node.total()) << "a node that has only the far one finds out that it lacks something";
  newcomer.merge("k", "x", node.version("k"));
  EXPECT_EQ(newcomer.total(), node.total());
  EXPECT_EQ(newcomer.get("k"), "x");
}

TEST(Items, WhatLosesToThePresentRecordIsNotHeldAnyMore) {
  Fixture node;
  node.merge("k", "x", claim("A", 2, 60'000));
  node.merge("k", "x", claim("A", 4, 60'000));
  EXPECT_EQ(node.total().count, 2U);
  node.merge("k", "x", claim("B", 3, 0));
  EXPECT_EQ(node.total().count, 2U) << "the second has lost to the third";
  node.d->sanity_check();
  node.clock.advance(70s);
  node.d->on_time();
  EXPECT_EQ(node.version("k").epoch, Epoch{4});
  EXPECT_EQ(node.total().count, 1U);
}

/// A node whose clock had jumped ahead has written; the others have set that aside.
class AfterAJump : public ::testing::Test {
 protected:
  AfterAJump() {
    node.merge("k", "x", shown);
    other.merge("k", "x", shown);
    node.clock.wall_time += 10min;
    node.write("k", "x");
    first = node.version("k");
    node.clock.wall_time += 1min;
    node.write("k", "x");
    last = node.version("k");
    node.clock.wall_time -= 11min;
    for (const Version& version : {first, last})
      EXPECT_EQ(other.merge("k", "x", version), Merged::kFuture);
  }
  ~AfterAJump() override {
    node.d->sanity_check();
    other.d->sanity_check();
  }
  /// Both hold the same, once each has been sent what it lacks.
  void expect_equal(std::vector<Version> held) {
    for (const Version& version : held)
      node.merge("k", "x", version);
    EXPECT_EQ(node.total(), other.total());
    EXPECT_EQ(node.total().count, held.size());
    node.d->sanity_check();
  }
  void pass(Duration time) {
    for (Fixture* one : {&node, &other}) {
      one->clock.advance(time);
      one->d->on_time();
    }
  }

  Fixture node{Chosen{.leasing = Leasing::kOff}};
  Fixture other{Chosen{.self = id("Q"), .leasing = Leasing::kOff}};
  Version shown = claim("A", 1, 0);
  Version first;
  Version last;
};

TEST_F(AfterAJump, TheWriterHoldsWhatTheOthersHoldUntilTheyTakeItsWrites) {
  expect_equal({shown, first, last});
  const Version later = renewed(shown, 1, 5'000);
  other.merge("k", "x", later);
  expect_equal({later, first, last});
  node.merge("k", "x", shown);
  EXPECT_EQ(node.total().count, 3U) << "what they have dropped is not held";
  pass(10min);
  EXPECT_EQ(other.version("k"), first);
  EXPECT_EQ(node.version("k"), last) << "its own writes stay in their order";
  expect_equal({first, last});
  pass(1min);
  EXPECT_EQ(other.version("k"), last);
  expect_equal({last});
  EXPECT_FALSE(node.d->next_deadline());
}

TEST_F(AfterAJump, AfterARestartToo) {
  node.restart(11);
  expect_equal({shown, first, last});
}

TEST_F(AfterAJump, UntilAWriteOfTheTimeBeatsThemAll) {
  expect_equal({shown, first, last});
  node.write("k", "now");
  other.merge("k", "now", node.version("k"));
  EXPECT_EQ(node.total(), other.total());
  EXPECT_EQ(node.total().count, 1U);
}

TEST_F(AfterAJump, ADeletionThatLeavesTheirSetsIsHeldNoLonger) {
  Fixture bystander({.self = id("Q"), .leasing = Leasing::kOff, .skew = 1s, .horizon = 1min});
  Fixture jumped({.leasing = Leasing::kOff, .skew = 1s, .horizon = 1min});
  jumped.clock.wall_time += 10min;
  jumped.write("k", "x");
  jumped.clock.wall_time -= 10min;
  const Version deletion = deleted(claim("A", 1, -1'000));
  for (Fixture* one : {&jumped, &bystander}) {
    one->merge("k", "", deletion);
    one->merge("k", "x", jumped.version("k"));
  }
  EXPECT_EQ(jumped.total(), bystander.total());
  EXPECT_EQ(jumped.total().count, 2U);
  for (Fixture* one : {&jumped, &bystander}) {
    for (int second = 0; second < 70; ++second) {
      one->clock.advance(1s);
      one->d->on_time();
      one->d->sanity_check();
    }
  }
  EXPECT_EQ(jumped.total(), bystander.total());
  EXPECT_EQ(jumped.total().count, 1U);
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

TEST(Items, AFutureRecordThatATombstoneOvercameGoesWithIt) {
  Fixture node({.lease = 60s, .skew = 1s, .horizon = 1min, .kept_deletions = 0});
  const Version rival = claim("A", 1, 600'000);
  const Version next = claim("A", 2, 700'000);
  EXPECT_EQ(node.merge("k", "x", rival), Merged::kFuture);
  EXPECT_EQ(node.merge("j", "x", rival), Merged::kFuture);
  EXPECT_EQ(node.merge("j", "x", next), Merged::kFuture);
  for (const char* key : {"k", "j"}) {
    node.write(key, "mine");
    node.remove(key);
  }
  EXPECT_EQ(node.total().count, 3U) << "the rival's is of the same epoch, and claimed later: it has lost";
  node.d->sanity_check();
  pass(node, 70s);
  EXPECT_FALSE(node.d->records().contains("k"));
  EXPECT_EQ(node.total(), total_of("j", {next}));
  node.d->sanity_check();
  pass(node, 700s);
  EXPECT_EQ(node.get("k"), "-") << "what was deleted does not return";
  EXPECT_EQ(node.get("j"), "x") << "a later claim";
  node.d->sanity_check();
}

// The class alone, beside a list that is looked through.

/// What is held, as a list.
struct HeldList {
  Leasing leasing;
  /// What is written later is from the future.
  Hlc latest{};
  std::vector<FutureRecord> held;

  [[nodiscard]] bool is_from_future(const Version& version) const { return version.written > latest; }
  [[nodiscard]] bool is_smaller(const Version& left, const Version& right) const {
    return compare(left, right, leasing) < 0;
  }
  void hold(FutureRecord record) {
    const bool known = std::ranges::any_of(held, [&](const FutureRecord& other) {
      return record.plain == Plain::kNo && other.plain == Plain::kNo && other.key == record.key &&
             other.version == record.version;
    });
    if (known) return;
    if (record.due == Hlc{}) record.due = record.version.written;
    held.push_back(std::move(record));
  }
  void hold_as_others_do(const FutureRecord& record, const Version& present) {
    if (!is_from_future(present)) return;
    FutureRecord added = record;
    if (!is_from_future(record.version)) {
      added.due = present.written;
      const auto is_rival = [&](const FutureRecord& other) {
        return other.plain == Plain::kNo && other.key == record.key && !is_from_future(other.version);
      };
      std::erase_if(held, [&](const FutureRecord& other) {
        return is_rival(other) && is_smaller(other.version, record.version);
      });
      if (std::ranges::any_of(held, is_rival)) return;
    }
    hold(added);
  }
  void drop_beaten(std::string_view key, const Version& version) {
    std::erase_if(held, [&](const FutureRecord& other) {
      return other.plain == Plain::kNo && other.key == key && !is_smaller(version, other.version);
    });
  }
  [[nodiscard]] const Version* next_below_a_write(std::string_view key, Hlc written) const {
    const Version* highest = nullptr;
    if (leasing == Leasing::kOn) return highest;
    for (const FutureRecord& other : held) {
      if (other.plain != Plain::kNo || other.key != key || other.version.epoch >= largest_epoch(written)) continue;
      if (highest == nullptr || is_smaller(*highest, other.version)) highest = &other.version;
    }
    return highest;
  }
  std::optional<FutureRecord> take_due() {
    const auto first = std::ranges::min_element(held, [&](const FutureRecord& left, const FutureRecord& right) {
      const auto place = [](const FutureRecord& record) {
        return std::tuple(record.due, record.key, record.plain != Plain::kNo);
      };
      if (place(left) != place(right)) return place(left) < place(right);
      // Else: as they came.
      return left.plain == Plain::kNo && is_smaller(left.version, right.version);
    });
    if (first == held.end() || first->due > latest) return std::nullopt;
    const FutureRecord taken = *first;
    held.erase(first);
    return taken;
  }
};

/// A version of few: so that the same ones come again, and keys have several.
Version one_of_few_versions() {
  const auto epoch = static_cast<std::uint64_t>(*rc::gen::inRange(1, 4));
  return claim(*rc::gen::element<std::string>("A", "B"), epoch, 20'000 * *rc::gen::inRange<std::int64_t>(0, 10));
}

RC_GTEST_PROP(FutureRecords, AreHeldAsAListWouldHoldThem, ()) {
  const DictionaryConfig config{{.leasing = *rc::gen::element(Leasing::kOff, Leasing::kOn)}};
  FakeClock clock;
  const HybridClock hlc(clock);
  ReconcileSet items;
  FutureRecords real(config, clock, hlc, items);
  HeldList model{.leasing = config.leasing, .held = {}};

  const int steps = *rc::gen::inRange(1, 60);
  for (int step = 0; step < steps; ++step) {
    model.latest = Hlc::from_ms(clock.wall_time.time_since_epoch() / 1ms + config.skew / 1ms);
    FutureRecord record{.version = one_of_few_versions(),
                        .key = *rc::gen::element<std::string>("j", "k"),
                        .value = bytes_value(std::to_string(step))};
    RC_ASSERT(real.is_from_future(record.version) == model.is_from_future(record.version));
    switch (*rc::gen::inRange(0, 5)) {
      case 0:
        record.plain = *rc::gen::element(Plain::kNo, Plain::kSaid, Plain::kKept);
        real.hold(record);
        model.hold(record);
        break;
      case 1: {
        const Version present = one_of_few_versions();
        if (!model.is_smaller(record.version, present)) break;
        real.hold_as_others_do(record.key, record.value, record.version, present);
        model.hold_as_others_do(record, present);
        break;
      }
      case 2:
        real.drop_beaten(record.key, record.version);
        model.drop_beaten(record.key, record.version);
        break;
      case 3:
        while (const auto due = real.take_due()) {
          const auto expected = model.take_due();
          RC_ASSERT(expected.has_value());
          RC_ASSERT(due->key == expected->key && due->version == expected->version && due->value == expected->value);
        }
        RC_ASSERT(!model.take_due());
        real.plan();
        break;
      default:
        clock.advance(*rc::gen::element<Duration>(1ms, 20s, 50s));
        real.plan();
    }
    const Version* const below = real.next_below_a_write(record.key, record.version.written);
    const Version* const expected = model.next_below_a_write(record.key, record.version.written);
    RC_ASSERT((below == nullptr) == (expected == nullptr));
    if (below != nullptr) RC_ASSERT(*below == *expected);
    RC_ASSERT(real.next_look().has_value() == !model.held.empty());
    RC_ASSERT(real.listed() == items.size());
    for (const FutureRecord& held : model.held)
      RC_ASSERT(items.find(item_of(held.key, held.version)).has_value() || held.plain != Plain::kNo);
    real.sanity_check();
  }
}

}  // namespace
}  // namespace meshdict
