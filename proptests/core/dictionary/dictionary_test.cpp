// The dictionary as a replica: merge, items, events, future records and the store.

#include "core/dictionary/dictionary.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/base/random.h"
#include "core/limits.h"
#include "core/record/codec.h"
#include "proptests/core/dictionary/dictionary_fixture.h"
#include "proptests/core/dictionary/version_model.h"

namespace meshdict {
namespace {

using Merged = Dictionary::Merged;

struct Item {
  std::string key;
  Raw value;
  Version version;
};

/// Few keys and few values of each field, all in the past of the fixture's clock.
std::vector<Item> any_items() {
  std::vector<Item> items;
  const int size = *rc::gen::inRange(0, 24);
  for (int i = 0; i < size; ++i) {
    Item item;
    item.key = *rc::gen::element<std::string>("", "a", "b");
    const auto small = [] { return *rc::gen::inRange<std::uint64_t>(0, 3); };
    item.version.epoch = Epoch{small()};
    item.version.claim_start = at_ms(*rc::gen::inRange(-3, 0));
    item.version.owner = *rc::gen::element(id("A"), id("M"), id("Z"));
    item.version.boot = Boot{small()};
    item.version.sequence = Sequence{small()};
    item.version.written = at_ms(*rc::gen::inRange(-3, 0));
    item.version.kind = *rc::gen::element(RecordKind::kValue, RecordKind::kValue, RecordKind::kTombstone);
    const bool tombstone = item.version.kind == RecordKind::kTombstone;
    item.value = bytes_value(tombstone ? "" : *rc::gen::element<std::string>("x", "y", ""));
    item.version.value_hash = sha256(item.value);
    items.push_back(std::move(item));
  }
  return items;
}

/// A node that owns none of those items, and so contests none.
Fixture bystander(Leasing leasing = Leasing::kOn) {
  return Fixture({.self = id("Q"), .leasing = leasing});
}

std::map<std::string, Item> naive_state(const std::vector<Item>& items, Leasing leasing) {
  std::map<std::string, Item> state;
  for (const Item& item : items) {
    const auto [at, fresh] = state.emplace(item.key, item);
    if (!fresh && version_model::rank(item.version, leasing) > version_model::rank(at->second.version, leasing)) {
      at->second = item;
    }
  }
  return state;
}

void assert_state(const Fixture& node, const std::map<std::string, Item>& state) {
  RC_ASSERT(node.d->records().size() == state.size());
  std::size_t visible = 0;
  auto record = node.d->records().begin();
  for (const auto& [key, item] : state) {
    RC_ASSERT(record->first == key);
    RC_ASSERT(record->second.value == item.value);
    RC_ASSERT((record->second.version == item.version));
    const bool seen = item.version.kind == RecordKind::kValue;
    RC_ASSERT(node.d->find(key).has_value() == seen);
    visible += seen ? 1U : 0U;
    ++record;
  }
  RC_ASSERT(node.d->size() == visible);
  RC_ASSERT(node.total().count == state.size());
  node.d->sanity_check();
}

RC_GTEST_PROP(Dictionary, MergingIsTheMaximumInAnyOrderWithAnyDuplicates, ()) {
  const Leasing leasing = *rc::gen::element(Leasing::kOn, Leasing::kOff);
  const auto items = any_items();
  const auto state = naive_state(items, leasing);
  std::vector<ReconcileTotal> summaries;
  for (int node_number = 0; node_number < 3; ++node_number) {
    Fixture node = bystander(leasing);
    std::vector<Item> order = items;
    order.insert(order.end(), items.begin(), items.begin() + static_cast<std::ptrdiff_t>(items.size() / 2));
    RandomStream(*rc::gen::arbitrary<std::uint64_t>()).shuffle(order);
    std::vector<Item> seen;
    for (const Item& item : order) {
      const auto before = naive_state(seen, leasing);
      const auto present = before.find(item.key);
      const Merged merged = node.d->merge(item.key, item.value, item.version);
      if (present == before.end()) {
        RC_ASSERT(merged == Merged::kWon);
      } else {
        const auto difference =
            version_model::rank(item.version, leasing) <=> version_model::rank(present->second.version, leasing);
        RC_ASSERT(merged == (difference > 0 ? Merged::kWon : difference < 0 ? Merged::kLost : Merged::kKnown));
      }
      seen.push_back(item);
    }
    assert_state(node, state);
    summaries.push_back(node.total());
  }
  RC_ASSERT(summaries[0] == summaries[1]);
  RC_ASSERT(summaries[0] == summaries[2]);
}

RC_GTEST_PROP(Dictionary, SummariesAreEqualExactlyWhenTheRecordsAre, ()) {
  const auto ours = any_items();
  auto theirs = ours;
  // Often nearly the same.
  if (!theirs.empty() && *rc::gen::arbitrary<bool>())
    theirs.erase(theirs.begin() + *rc::gen::inRange<std::ptrdiff_t>(0, static_cast<std::ptrdiff_t>(theirs.size())));
  Fixture left = bystander();
  Fixture right = bystander();
  for (const Item& item : ours)
    left.d->merge(item.key, item.value, item.version);
  for (const Item& item : theirs)
    right.d->merge(item.key, item.value, item.version);
  const auto versions = [](const std::map<std::string, Item>& state) {
    std::map<std::string, std::vector<version_model::Wide>> out;
    for (const auto& [key, item] : state)
      out.emplace(key, version_model::rank(item.version, Leasing::kOn));
    return out;
  };
  const bool equal = versions(naive_state(ours, Leasing::kOn)) == versions(naive_state(theirs, Leasing::kOn));
  RC_TAG(equal ? "equal" : "different");
  RC_ASSERT((left.total() == right.total()) == equal);
}

TEST(Dictionary, EveryFieldAndTheKeyAreInTheSummary) {
  const Version base = claim("A", 1, 0);
  std::vector<std::pair<std::string, Version>> variants{{"a", base}, {"b", base}, {"", base}};
  const auto vary = [&](auto change) {
    Version version = base;
    change(version);
    variants.emplace_back("a", version);
  };
  vary([](Version& v) { v.epoch = Epoch{2}; });
  vary([](Version& v) { v.claim_start = at_ms(-1); });
  vary([](Version& v) { v.owner = id("B"); });
  vary([](Version& v) { v.boot = Boot{2}; });
  vary([](Version& v) { v.sequence = Sequence{2}; });
  vary([](Version& v) { v.written = at_ms(-1); });
  std::set<ReconcileTotal> summaries;
  for (const auto& [key, version] : variants) {
    Fixture node;
    ASSERT_EQ(node.merge(key, "x", version), Merged::kWon);
    EXPECT_TRUE(summaries.insert(node.total()).second) << key << " " << std::to_underlying(version.epoch);
  }
  Fixture other_value;
  other_value.merge("a", "y", base);
  EXPECT_TRUE(summaries.insert(other_value.total()).second);
  // The value's hash is the same for both: an empty value, and a tombstone.
  Fixture empty;
  empty.merge("a", "", base);
  EXPECT_TRUE(summaries.insert(empty.total()).second);
  Fixture tombstone;
  tombstone.merge("a", "", deleted(base));
  EXPECT_TRUE(summaries.insert(tombstone.total()).second);
}

TEST(Dictionary, AnEmptyValueIsAValue) {
  Fixture node;
  ASSERT_TRUE(node.set("k", ""));
  EXPECT_EQ(node.get("k"), "");
  EXPECT_EQ(node.d->size(), 1U);
  ASSERT_TRUE(node.d->erase("k"));
  EXPECT_EQ(node.get("k"), "-");
  EXPECT_EQ(node.d->size(), 0U);
  EXPECT_EQ(node.d->records().size(), 1U) << "the tombstone stays";
}

TEST(Dictionary, RefusesWhatNoMemberMayWrite) {
  Fixture node;
  const Version good = claim("A", 1, 0);
  EXPECT_EQ(node.merge(std::string(limits::kMaxKey + 1, 'k'), "x", good), Merged::kRefused);
  EXPECT_EQ(node.merge(std::string(limits::kMaxKey, 'k'), "x", good), Merged::kWon);
  const auto merge_raw = [&](Raw value, Version version) {
    version.value_hash = sha256(value);
    return node.d->merge("raw", value, version);
  };
  EXPECT_EQ(merge_raw(bytes_value(std::string(limits::kMaxValue, 'v')), good), Merged::kRefused);
  EXPECT_EQ(merge_raw(std::string(limits::kMaxDepth + 1, '\x91') + '\xC0', good), Merged::kRefused);
  EXPECT_EQ(merge_raw("\x91", good), Merged::kRefused) << "an incomplete value";
  EXPECT_EQ(merge_raw("", good), Merged::kRefused);
  EXPECT_EQ(merge_raw(bytes_value("x"), deleted(good)), Merged::kRefused) << "a tombstone with a value";
  Version other = good;
  other.kind = static_cast<RecordKind>(2);
  EXPECT_EQ(merge_raw(bytes_value(""), other), Merged::kRefused);
  other = good;
  other.owner = NodeId();
  EXPECT_EQ(merge_raw(bytes_value("x"), other), Merged::kRefused);
  other = good;
  other.epoch = next(largest_epoch(other.written));
  EXPECT_EQ(merge_raw(bytes_value("x"), other), Merged::kRefused);
  EXPECT_EQ(node.d->records().size(), 1U);
  EXPECT_EQ(merge_raw(bytes_value("x"), good), Merged::kWon);
}

TEST(Dictionary, TellsUpdatesAndDeletes) {
  Fixture node;
  node.write("k", "x");
  EXPECT_EQ(node.told(), "+kl");
  node.remove("k");
  EXPECT_EQ(node.told(), "-kl");
  const Version theirs = claim("A", 2, 5);
  node.merge("k", "y", theirs);
  EXPECT_EQ(node.told(), "+k");
  node.merge("k", "y", theirs);
  EXPECT_EQ(node.told(), "") << "known";
  node.merge("k", "", deleted(renewed(theirs, 1, 6)));
  EXPECT_EQ(node.told(), "-k");
  node.merge("k", "", deleted(renewed(theirs, 2, 7)));
  EXPECT_EQ(node.told(), "") << "was not visible";
  node.merge("new", "", deleted(theirs));
  EXPECT_EQ(node.told(), "") << "never was visible";
}

// Records from the future

TEST(FutureRecords, WaitsForItsTimeAndMovesNoClock) {
  Fixture node;
  EXPECT_FALSE(node.d->next_deadline());
  EXPECT_EQ(node.merge("edge", "x", claim("A", 1, 30'000)), Merged::kWon) << "within the skew";
  EXPECT_EQ(node.merge("k", "x", claim("A", 1, 30'001 + 5'000)), Merged::kFuture);
  EXPECT_EQ(node.merge("k", "x", claim("A", 1, 30'001 + 5'000)), Merged::kFuture) << "again";
  EXPECT_EQ(node.get("k"), "-");
  ASSERT_TRUE(node.set("mine", "x"));
  EXPECT_LE(node.version("mine").written.unix_ms(), at_ms(30'000).unix_ms());

  ASSERT_EQ(node.d->next_deadline(), node.clock.mono + 5'001ms);
  node.clock.advance(5'000ms);
  node.d->on_time();
  EXPECT_EQ(node.get("k"), "-");
  ASSERT_EQ(node.d->next_deadline(), node.clock.mono + 1ms);
  node.told();
  node.clock.advance(1ms);
  node.d->on_time();
  EXPECT_EQ(node.get("k"), "x");
  EXPECT_EQ(node.told(), "+k");
  EXPECT_FALSE(node.d->next_deadline());
  node.d->sanity_check();
}

TEST(FutureRecords, ACorrectedWallClockIsNoticed) {
  Fixture node;
  EXPECT_EQ(node.merge("k", "x", claim("A", 1, 100'000'000)), Merged::kFuture);
  const MonoTime looks_again = *node.d->next_deadline();
  EXPECT_EQ(looks_again, node.clock.mono + limits::kLookAtFuture);
  node.clock.wall_time += 100'000'000ms;
  node.clock.mono += 1s;
  EXPECT_EQ(node.d->next_deadline(), looks_again) << "asking does not put it off";
  node.clock.advance(limits::kLookAtFuture);
  node.d->on_time();
  EXPECT_EQ(node.get("k"), "x");
}

TEST(FutureRecords, LosesToWhatBeatsItMeanwhileAndSpeaksUpForALostWrite) {
  Fixture node;
  node.merge("beaten", "future", claim("A", 1, 60'000));
  node.merge("wins", "future", claim("A", 2, 60'000));
  node.write("beaten", "ours");
  node.write("wins", "ours");
  node.told();
  node.clock.advance(60s);
  node.d->on_time();
  EXPECT_EQ(node.told(), "!wins:ours:epoch +wins");
}

TEST(FutureRecords, IsNotNeededForARecordThatLosesAnyway) {
  Fixture node;
  node.merge("k", "x", claim("A", 2, 0));
  EXPECT_EQ(node.merge("k", "y", claim("B", 1, 60'000)), Merged::kLost);
  EXPECT_FALSE(node.d->next_deadline());
}

TEST(FutureRecords, IsBoundedInNumberAndTheFurthestGivesWay) {
  Fixture node;
  const auto future = [](std::size_t i) { return claim("A", 1, 100'000'000 + static_cast<std::int64_t>(i)); };
  for (std::size_t i = limits::kMaxFutureRecords + 10; i-- > 0;)
    node.merge("k" + std::to_string(i), "x", future(i));
  node.d->sanity_check();
  node.clock.advance(100'000'000ms + 1h);
  node.d->on_time();
  EXPECT_EQ(node.d->size(), limits::kMaxFutureRecords);
  EXPECT_EQ(node.get("k0"), "x");
  EXPECT_EQ(node.get("k" + std::to_string(limits::kMaxFutureRecords)), "-");
}

TEST(FutureRecords, IsBoundedInBytes) {
  Fixture node;
  const std::string large(3'000'000, 'x');
  for (int i = 0; i < 8; ++i)
    node.merge("k" + std::to_string(i), large, claim("A", 1, 100'000 + i));
  node.d->sanity_check();
  node.clock.advance(1h);
  node.d->on_time();
  EXPECT_EQ(node.d->size(), limits::kMaxFutureBytes / large.size());
}

// The store

RC_GTEST_PROP(Store, ARestartFindsTheSameState, ()) {
  const Leasing leasing = *rc::gen::element(Leasing::kOn, Leasing::kOff);
  Fixture node({.leasing = leasing});
  for (const Item& item : any_items()) {
    node.d->merge(item.key, item.value, item.version);
    if (*rc::gen::arbitrary<bool>()) node.try_write(item.key, client_text(item.value));
    if (*rc::gen::inRange(0, 4) == 0) node.try_remove(item.key);
  }
  struct Before {
    Version version;
    Raw value;
    MonoTime written_here;
  };
  std::map<std::string, Before> before;
  for (const auto& [key, record] : node.d->records())
    before.emplace(key, Before{record.version, Raw(record.value), record.written_here});
  const ReconcileTotal summary = node.total();
  const std::size_t visible = node.d->size();
  node.told();
  node.clock.advance(100s);
  node.restart(11);
  node.d->sanity_check();
  RC_ASSERT(node.told() == "");
  RC_ASSERT(node.total() == summary);
  RC_ASSERT(node.d->size() == visible);
  RC_ASSERT(node.d->records().size() == before.size());
  for (const auto& [key, record] : before) {
    const Record after = node.d->records().get(key).value();
    RC_ASSERT((after.version == record.version));
    RC_ASSERT(after.value == record.value);
    // A millisecond is what the hybrid clock's reading leaves open.
    const Duration shift = after.written_here - record.written_here;
    RC_ASSERT(shift >= -1ms);
    RC_ASSERT(shift <= 1ms);
  }
}

TEST(Store, ARestartWithAClockThatWentBackStillWritesLaterTimes) {
  Fixture node({.leasing = Leasing::kOff});
  node.write("k", "x");
  const Hlc before = node.version("k").written;
  node.clock.wall_time -= 10s;
  node.restart(11);
  node.write("other", "y");
  EXPECT_GT(node.version("other").written, before);
}

TEST(Store, ADamagedRecordIsNamed) {
  Fixture node;
  node.write("good", "x");
  node.write("my key", "a value that is long enough");
  std::string bytes;
  ASSERT_TRUE(node.store.load(Table::kRecords, [&](std::string_view key, std::string_view stored) {
    if (key == "my key") bytes = stored;
  }));
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const int bit : {0, 7}) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      node.store.put(Table::kRecords, "my key", damaged);
      Dictionary loaded({{}, id("M")}, node.clock, node.store, [](const DictionaryEvent&) {});
      const auto result = loaded.load();
      ASSERT_FALSE(result) << "byte " << at << " bit " << bit;
      EXPECT_NE(result.error().what.find("'my key'"), std::string::npos) << result.error().describe();
    }
    node.store.put(Table::kRecords, "my key", std::string_view(bytes).substr(0, at));
    Dictionary loaded({{}, id("M")}, node.clock, node.store, [](const DictionaryEvent&) {});
    EXPECT_FALSE(loaded.load()) << "cut at " << at;
  }
  node.store.put(Table::kRecords, "my key", bytes);
  node.store.put(Table::kRecords, "another key", bytes);
  Dictionary loaded({{}, id("M")}, node.clock, node.store, [](const DictionaryEvent&) {});
  EXPECT_FALSE(loaded.load()) << "the record of another key";
}

}  // namespace
}  // namespace meshdict
