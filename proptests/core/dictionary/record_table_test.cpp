// Records in blocks, and the table of them against std::map.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "core/base/random.h"
#include "core/base/sha256.h"
#include "core/encoding/value.h"
#include "core/limits.h"
#include "core/record/table.h"
#include "proptests/core/dictionary/dictionary_fixture.h"

namespace meshdict {
namespace {

struct Kept {
  Version version;
  Raw value;
  MonoTime written_here;
  bool operator==(const Kept&) const = default;
};
void PrintTo(const Kept& kept, std::ostream* os) {
  *os << kept.version.owner.text() << ' ' << std::to_underlying(kept.version.boot) << ' '
      << std::to_underlying(kept.version.epoch) << ' ' << kept.value;
}

Kept kept(const Record& record) {
  return {record.version, Raw(record.value), record.written_here};
}

Kept any_record(RandomStream& random) {
  const bool deleted = random.chance(1, 3);
  Kept made{.version = {.epoch = Epoch{random.next()},
                        .claim_start = Hlc{random.next()},
                        .owner = id(random.chance(1, 2) ? "A" : "B"),
                        .boot = Boot{random.below(3)},
                        .sequence = Sequence{random.next()},
                        .value_hash = {},
                        .written = Hlc{random.next()},
                        .kind = deleted ? RecordKind::kTombstone : RecordKind::kValue},
            .value = bytes_value(std::string(random.below(40), 'v')),
            .written_here = MonoTime(Duration(static_cast<std::int64_t>(random.below(1'000'000))))};
  // An empty value, and a deletion that is written in a longer form than it must be, are none of the usual.
  if (deleted) made.value = random.chance(1, 4) ? Raw("\xC5\x00\x00", 3) : bytes_value("");
  made.version.value_hash = sha256(made.value);
  return made;
}

TEST(CompactRecord, KeepsEveryField) {
  Origins origins;
  RandomStream random(7);
  for (int i = 0; i < 200; ++i) {
    const Kept made = any_record(random);
    const std::string key(random.below(50), 'k');
    const CompactRecord record(origins, key, made.version, made.value, made.written_here);
    ASSERT_TRUE(record);
    EXPECT_EQ(record.key(), key);
    EXPECT_EQ(kept(record.record()), made);
    EXPECT_EQ(record.is_visible(), made.version.kind == RecordKind::kValue);
    EXPECT_EQ(record.handle() % 2, 0U);
    EXPECT_EQ(CompactRecord::key_at(record.handle()), key);
    CompactRecord::set_written_here(record.handle(), MonoTime(5s));
    EXPECT_EQ(record.record().written_here, MonoTime(5s));
  }
}

TEST(CompactRecord, HoldsTheLongestKeyAndTheLargestValue) {
  Origins origins;
  const std::string key(limits::kMaxKey, 'k');
  const Raw value = bytes_value(std::string(limits::kMaxValue - 5, 'v'));
  const Version version{.owner = id("A"), .value_hash = sha256(value)};
  const CompactRecord record(origins, key, version, value, {});
  EXPECT_EQ(record.key(), key);
  EXPECT_EQ(record.record().value, value);
  EXPECT_EQ(record.record().version, version);
}

TEST(CompactRecord, SharesItsOriginAndLetsItGo) {
  Origins origins;
  const auto make = [&](std::string_view owner, Boot boot) {
    return CompactRecord(origins, "k", {.owner = id(owner), .boot = boot}, bytes_value("x"), {});
  };
  {
    CompactRecord first = make("A", Boot{1});
    const CompactRecord second = make("A", Boot{1});
    EXPECT_EQ(origins.size(), 1U);
    first = make("A", Boot{2});
    EXPECT_EQ(origins.size(), 2U);
    const CompactRecord moved = std::move(first);
    EXPECT_EQ(origins.size(), 2U);
    first = make("B", Boot{2});
    EXPECT_EQ(origins.size(), 3U);
  }
  EXPECT_EQ(origins.size(), 0U);
}

using Model = std::map<std::string, Kept, std::less<>>;

void expect_same(const RecordTable& table, const Model& model, RandomStream& random) {
  table.sanity_check();
  RC_ASSERT(table.size() == model.size());
  std::vector<std::string> visible;
  auto at = table.begin();
  for (const auto& [key, record] : model) {
    RC_ASSERT(at != table.end());
    RC_ASSERT(at->first == key);
    RC_ASSERT((kept(at->second) == record));
    RC_ASSERT(at.key() == key);
    RC_ASSERT(at.handle() == table.handle(key));
    RC_ASSERT(at.is_visible() == is_visible(record.version));
    if (at.is_visible()) visible.push_back(key);
    ++at;
  }
  RC_ASSERT(at == table.end());
  RC_ASSERT(table.visible() == visible.size());
  for (std::size_t i = 0; i < 20 && !visible.empty(); ++i) {
    const auto rank = static_cast<std::size_t>(random.below(visible.size()));
    RC_ASSERT(table.at_visible(rank).key() == visible[rank]);
  }
}

void expect_same_place(const RecordTable::Iterator& found, const Model::const_iterator& expected, const Model& model) {
  RC_ASSERT((found == RecordTable::end()) == (expected == model.end()));
  if (expected != model.end()) RC_ASSERT(found.key() == expected->first);
}

// Phases, because only long runs of the same make a tree grow and shrink.
RC_GTEST_PROP(RecordTable, IsAMap, (std::uint64_t seed)) {
  RandomStream random(seed);
  const std::uint64_t keys = *rc::gen::element<std::uint64_t>(3, 300, 20'000);
  const auto any_key = [&] {
    const std::uint64_t number = random.below(keys);
    // Some are beginnings of others, one is empty, some are long.
    return number == 0 ? std::string()
                       : std::string(number % 5, 'a') + std::to_string(number) + std::string(number % 40, 'z');
  };
  RecordTable table;
  Model model;
  const auto phases = random.below(6);
  for (std::uint64_t phase = 0; phase < phases; ++phase) {
    const bool shrinks = random.chance(1, 2);
    const std::uint64_t steps = random.below(5'000);
    for (std::uint64_t step = 0; step < steps; ++step) {
      const std::string key = any_key();
      const auto before = model.find(key);
      RC_ASSERT(table.contains(key) == (before != model.end()));
      if (!random.chance(1, 5) && shrinks) {
        if (before == model.end()) continue;
        const CompactRecord gone = table.erase(key);
        RC_ASSERT((kept(gone.record()) == before->second));
        model.erase(before);
      } else {
        const Kept made = any_record(random);
        const auto placed = table.put(key, made.version, made.value, made.written_here);
        const CompactRecord& gone = placed.before;
        RC_ASSERT(placed.handle == table.handle(key));
        RC_ASSERT(static_cast<bool>(gone) == (before != model.end()));
        if (gone) RC_ASSERT((kept(gone.record()) == before->second));
        model.insert_or_assign(key, made);
      }
    }
    expect_same(table, model, random);
    for (int i = 0; i < 20; ++i) {
      const std::string key = any_key() + (random.chance(1, 2) ? "-" : "");
      const auto found = model.find(key);
      RC_ASSERT(table.get(key).has_value() == (found != model.end()));
      if (found != model.end()) RC_ASSERT((kept(table.get(key).value()) == found->second));
      expect_same_place(table.find(key), found, model);
      expect_same_place(table.lower_bound(key), model.lower_bound(key), model);
      expect_same_place(table.upper_bound(key), model.upper_bound(key), model);
    }
  }
}

TEST(RecordTable, StaysCompactWhenKeysComeAndGo) {
  RandomStream random(5);
  RecordTable table;
  const Kept record = any_record(random);
  const auto put = [&](std::uint64_t number) {
    table.put("key" + std::to_string(number), record.version, record.value, {});
  };
  for (std::uint64_t key = 0; key < 100'000; ++key)
    put(random.next());
  EXPECT_LE(table.memory() / table.size(), 13U);
  while (table.size() > 20'000) {
    for (int i = 0; i < 1'000; ++i) {
      const auto found = table.lower_bound("key" + std::to_string(random.next()));
      table.erase((found == RecordTable::end() ? table.begin() : found).key());
    }
    for (int i = 0; i < 500; ++i)
      put(random.next());
  }
  table.sanity_check();
  EXPECT_LE(table.memory() / table.size(), 18U);
}

}  // namespace
}  // namespace meshdict
