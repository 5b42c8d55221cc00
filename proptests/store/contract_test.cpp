// What every Store must do (core/store.h): the one in memory, the simulator's, and the one on disk, each of the last two
// with and without a sync at each commit.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/limits.h"
#include "proptests/store/store_fixture.h"
#include "store/data_network.h"

namespace meshdict {
namespace {

class StoreContract : public testing::TestWithParam<StoreKind> {
 protected:
  Store& store() { return under_test_->store(); }
  void commit() { ASSERT_TRUE(store().commit().has_value()); }

  std::unique_ptr<StoreUnderTest> under_test_ = GetParam().make();
};

TEST_P(StoreContract, BelongsToTheFirstNetworkThatClaimsIt) {
  EngineConfig config;
  config.network = "weather";
  ASSERT_TRUE(claim_for_network(store(), config));
  commit();
  EXPECT_TRUE(claim_for_network(store(), config));
  commit();
  config.leasing = Leasing::kOff;
  const auto refused = claim_for_network(store(), config);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().what,
            "it belongs to network 'weather, leasing on', not 'weather, leasing off': give these settings, or another "
            "directory");
  config = {};
  EXPECT_FALSE(claim_for_network(store(), config));
}

TEST_P(StoreContract, BeginsEmpty) {
  EXPECT_TRUE(load_all(store()).empty());
  EXPECT_TRUE(store().commit().has_value()) << "with nothing to commit";
}

TEST_P(StoreContract, LoadsEachTableInTheOrderOfKeysAsBytes) {
  using std::string_literals::operator""s;
  const std::vector keys{""s,  "\0"s,   "\0\0"s, "a"s,    "a\0b"s,   "ab"s,
                         "b"s, "\x7F"s, "\x80"s, "\xFF"s, "\xFF\0"s, "\xFF\xFF"s};
  ASSERT_TRUE(std::ranges::is_sorted(keys)) << "strings compare as unsigned bytes";
  // Neither in order nor in reverse: 5 and the number of keys have no common divisor.
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::string& key = keys[i * 5 % keys.size()];
    store().put(Table::kRecords, key, "record of " + key);
    store().put(Table::kFloors, key, "floor of " + key);
  }
  commit();
  for (const auto& [table, prefix] : {std::pair{Table::kRecords, "record of "}, {Table::kFloors, "floor of "}}) {
    std::vector<std::string> seen;
    ASSERT_TRUE(store().load(table, [&](std::string_view key, std::string_view value) {
      seen.emplace_back(key);
      EXPECT_EQ(value, prefix + std::string(key));
    }));
    EXPECT_EQ(seen, keys);
  }
  EXPECT_TRUE(load(store(), Table::kMeta).empty());
}

TEST_P(StoreContract, KeepsBytesAsTheyAre) {
  std::string all_bytes;
  for (int i = 0; i < 256; ++i)
    all_bytes.push_back(static_cast<char>(i));
  const Entries entries{{"empty", ""},
                        {all_bytes, all_bytes},
                        {std::string(limits::kMaxKey, '\xFE'), "of the longest key"},
                        {"large", std::string(limits::kMaxValue, '\0') + all_bytes}};
  for (const auto& [key, value] : entries)
    store().put(Table::kRecords, key, value);
  commit();
  EXPECT_TRUE(load(store(), Table::kRecords) == entries);
  if (!under_test_->keeps()) return;
  under_test_->kill();
  EXPECT_TRUE(load(store(), Table::kRecords) == entries);
}

TEST_P(StoreContract, TheLastWriteOfAKeyCounts) {
  store().put(Table::kRecords, "overwritten", "1");
  store().put(Table::kRecords, "erased", "1");
  store().erase(Table::kRecords, "rewritten");
  store().put(Table::kRecords, "rewritten", "1");
  store().put(Table::kRecords, "overwritten", "2");
  store().erase(Table::kRecords, "erased");
  store().put(Table::kMeta, "erased", "of another table");
  commit();
  EXPECT_EQ(load(store(), Table::kRecords), (Entries{{"overwritten", "2"}, {"rewritten", "1"}}));
  store().put(Table::kRecords, "overwritten", "");
  store().erase(Table::kRecords, "rewritten");
  store().erase(Table::kRecords, "never there");
  commit();
  EXPECT_EQ(load(store(), Table::kRecords), (Entries{{"overwritten", ""}}));
  EXPECT_EQ(load(store(), Table::kMeta), (Entries{{"erased", "of another table"}}));
}

TEST_P(StoreContract, TheLastWriteCountsAmongMany) {
  Entries expected;
  for (int i = 0; i < 500; ++i) {
    const std::string key = std::to_string(i * i % 7);
    expected[key] = std::to_string(i);
    store().put(Table::kRecords, key, expected[key]);
  }
  commit();
  EXPECT_EQ(load(store(), Table::kRecords), expected);
}

TEST_P(StoreContract, AVisitorMayWriteToOtherTables) {
  for (const char* key : {"a", "b", "c"})
    store().put(Table::kRecords, key, "1");
  commit();
  ASSERT_TRUE(store().load(
      Table::kRecords, [&](std::string_view key, std::string_view value) { store().put(Table::kMeta, key, value); }));
  commit();
  EXPECT_EQ(load(store(), Table::kMeta), load(store(), Table::kRecords));
}

TEST_P(StoreContract, WhatIsCommittedStaysAndWhatIsStagedGoes) {
  if (!under_test_->keeps()) return;
  for (const auto& end : {&StoreUnderTest::reopen, &StoreUnderTest::kill}) {
    store().put(Table::kRecords, "stays", "1");
    store().put(Table::kRecords, "goes", "1");
    commit();
    store().erase(Table::kRecords, "goes");
    commit();
    store().put(Table::kRecords, "staged", "1");
    store().put(Table::kRecords, "stays", "2");
    ((*under_test_).*end)();
    EXPECT_EQ(load(store(), Table::kRecords), (Entries{{"stays", "1"}}));
  }
}

TEST_P(StoreContract, APowerFailureTakesWhatIsNotSynced) {
  if (!under_test_->keeps()) return;
  store().put(Table::kRecords, "k", "synced");
  commit();
  under_test_->reopen();
  // As the first of a generation of the log.
  store().put(Table::kRecords, "k", "synced");
  store().put(Table::kRecords, "j", "synced");
  commit();
  store().put(Table::kRecords, "k", "committed");
  commit();
  under_test_->power_failure([](std::size_t /*below*/) { return 0; });
  EXPECT_EQ(load(store(), Table::kRecords).at("k"), under_test_->syncs() ? "committed" : "synced");
}

TEST_P(StoreContract, AFailedCommitIsTheLastAndWhole) {
  if (!under_test_->keeps()) return;
  store().put(Table::kRecords, "before", "1");
  commit();
  const Model before = load_all(store());
  under_test_->set_full(true);
  EXPECT_TRUE(store().commit().has_value()) << "nothing to write, nothing to fail";
  store().put(Table::kRecords, "failed", "1");
  store().put(Table::kFloors, "failed", "1");
  const auto failed = store().commit();
  ASSERT_FALSE(failed.has_value());
  EXPECT_NE(failed.error().what.find("full"), std::string::npos) << failed.error().what;
  under_test_->set_full(false);
  EXPECT_FALSE(store().commit().has_value()) << "with nothing staged, it must not pass for having written";
  store().put(Table::kRecords, "later", "1");
  const auto later = store().commit();
  ASSERT_FALSE(later.has_value());
  EXPECT_EQ(later.error().what, failed.error().what);
  under_test_->kill();
  Model with = before;
  with[Table::kRecords]["failed"] = with[Table::kFloors]["failed"] = "1";
  const Model found = load_all(store());
  EXPECT_TRUE(found == before || found == with) << "half a commit";
  store().put(Table::kRecords, "in the next process", "1");
  commit();
}

/// Random writes, commits and ends of the process, and what may be there afterwards.
class Life {
 public:
  explicit Life(const StoreKind& kind) : under_test_(kind.make()) {}

  void step() {
    const auto what = *rc::gen::weightedElement<char>({{8, 'p'}, {3, 'e'}, {4, 'c'}, {1, 'o'}, {1, 'k'}, {1, 'f'}});
    if (what == 'p' || what == 'e') return write(what == 'p');
    if (what == 'c') return commit();
    if (!under_test_->keeps()) return;
    if (what == 'f') return power_failure();
    what == 'o' ? under_test_->reopen() : under_test_->kill();
    // An orderly end syncs.
    if (what == 'o') history_ = {history_.back()};
    staged_ = history_.back();
    RC_ASSERT(load_all(under_test_->store()) == staged_);
  }

 private:
  void write(bool put) {
    const Table table = *rc::gen::elementOf(kTables);
    const auto key = *rc::gen::element<std::string>("", "a", "b", "ab", std::string("\0", 1), "\xFF");
    if (put) {
      // Some so long that a commit takes several pages and sectors.
      const auto length = *rc::gen::element<std::size_t>(0, 1, 40, 3'000, 30'000);
      const std::string value(length, *rc::gen::arbitrary<char>());
      under_test_->store().put(table, key, value);
      staged_[table][key] = value;
    } else {
      under_test_->store().erase(table, key);
      staged_[table].erase(key);
      if (staged_[table].empty()) staged_.erase(table);
    }
  }

  void commit() {
    RC_ASSERT(under_test_->store().commit().has_value());
    if (under_test_->syncs()) history_.clear();
    history_.push_back(staged_);
    RC_ASSERT(load_all(under_test_->store()) == staged_);
  }

  void power_failure() {
    under_test_->power_failure([](std::size_t below) { return *rc::gen::inRange<std::size_t>(0, below); });
    staged_ = load_all(under_test_->store());
    RC_ASSERT(std::ranges::find(history_, staged_) != history_.end());
    history_ = {staged_};
  }

  std::unique_ptr<StoreUnderTest> under_test_;
  Model staged_;
  /// What a power failure may leave: the state after each commit since the last sync. The last is the present one.
  std::vector<Model> history_{{}};
};

TEST_P(StoreContract, LivesAsItsModel) {
  EXPECT_TRUE(rc::check([] {
    Life life(GetParam());
    const int steps = *rc::gen::inRange(0, 60);
    for (int i = 0; i < steps; ++i)
      life.step();
  }));
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreContract, testing::ValuesIn(kStoreKinds),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace meshdict
