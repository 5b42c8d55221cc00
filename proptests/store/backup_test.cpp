// Backups that are made while the store is written, and data directories made of them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <fstream>
#include <future>
#include <string>
#include <thread>

#include "proptests/store/store_fixture.h"
#include "store/data_network.h"
#include "store/database_file.h"
#include "store/restore.h"
#include "store/store_limits.h"
#include "store/stored_data.h"
#include "store/unfinished_file.h"

namespace meshdict {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
namespace fs = std::filesystem;

using Outcome = std::expected<void, std::string>;

class Backups : public testing::Test {
 protected:
  Backups() { fs::create_directory(place()); }
  [[nodiscard]] fs::path data() const { return directory_.path() / "data"; }
  [[nodiscard]] fs::path place() const { return directory_.path() / "backups"; }
  [[nodiscard]] fs::path backup() const { return place() / "node.db"; }
  [[nodiscard]] fs::path restored() const { return directory_.path() / "restored"; }

  /// Its outcome comes once the store has committed.
  std::future<Outcome> begin(SqliteStore& store) {
    auto promise = std::make_shared<std::promise<Outcome>>();
    const Outcome begun =
        store.begin_backup(backup().string(), [promise](Outcome outcome) { promise->set_value(std::move(outcome)); });
    EXPECT_TRUE(begun) << begun.error();
    return promise->get_future();
  }

  static bool is_there(std::future<Outcome>& outcome) {
    return outcome.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }

  /// A store with its id and this number, twice.
  static void put_number(SqliteStore& store, int number) {
    for (const char* key : {"first", "second"})
      store.put(Table::kRecords, key, std::to_string(number));
    ASSERT_TRUE(store.commit());
  }

  TemporaryDirectory directory_;
};

TEST_F(Backups, AreOfOneMomentWhateverIsWrittenMeanwhile) {
  const auto store = open_sqlite(data(), Durability::kAlways);
  for (int i = 0; i < 20'000; ++i)
    store->put(Table::kRecords, "key " + std::to_string(i), std::string(400, 'v'));
  put_number(*store, 0);
  // What is staged when it begins is in it.
  for (const char* key : {"first", "second"})
    store->put(Table::kRecords, key, "1");
  auto outcome = begin(*store);
  ASSERT_TRUE(store->commit());
  int number = 1;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!is_there(outcome) && std::chrono::steady_clock::now() < deadline)
    put_number(*store, ++number);
  ASSERT_TRUE(is_there(outcome)) << "a writer keeps it from its end";
  ASSERT_TRUE(outcome.get());
  EXPECT_GT(number, 2) << "nothing was written meanwhile";
  EXPECT_THAT(names_in(place()), testing::ElementsAre("node.db"));
  EXPECT_EQ(fs::status(backup()).permissions(), fs::perms(0600));
  const auto made = restore(backup().string(), restored().string(), RestoreAs::kSameNode);
  ASSERT_TRUE(made) << made.error().describe();
  EXPECT_EQ(made->records, "20002");
  Entries found = load(*open_sqlite(restored(), Durability::kAlways), Table::kRecords);
  EXPECT_EQ(found["first"], found["second"]) << "half a commit";
  EXPECT_NE(found["first"], "0") << "what was staged is missing";
  EXPECT_EQ(found.size(), 20'002U);
}

TEST_F(Backups, KeepTheLogFromBeingMergedOnlyMeanwhile) {
  const auto store = open_sqlite(data(), Durability::kInterval);
  put_number(*store, 0);
  auto outcome = begin(*store);
  put_number(*store, 1);
  ASSERT_TRUE(outcome.get());
  // A log that is long enough is merged: the next commits begin it anew.
  const auto length = [&] { return fs::file_size(data() / kLogFile); };
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  const std::string first = content_of(data() / kLogFile).substr(12, 12);
  while (content_of(data() / kLogFile).substr(12, 12) == first) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "a log of " << length() << " bytes is never merged";
    store->put(Table::kRecords, "large", std::string(1'000'000, 'v'));
    ASSERT_TRUE(store->commit());
  }
}

TEST_F(Backups, OverwriteNothingAndGoOneAtATime) {
  const auto store = open_sqlite(data(), Durability::kAlways);
  std::ofstream(backup()) << "mine";
  const auto refused = store->begin_backup(backup().string(), [](Outcome) { FAIL(); });
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error(), AllOf(HasSubstr(backup().string()), HasSubstr("is there already")));
  EXPECT_EQ(content_of(backup()), "mine");
  fs::remove(backup());
  auto outcome = begin(*store);
  EXPECT_EQ(outcome.wait_for(std::chrono::milliseconds(300)), std::future_status::timeout)
      << "nothing was committed since: it could lack what is staged";
  EXPECT_THAT(store->begin_backup((place() / "other.db").string(), [](Outcome) { FAIL(); }).error(),
              HasSubstr("another backup is under way"));
  put_number(*store, 1);
  EXPECT_TRUE(outcome.get());
  EXPECT_THAT(store->begin_backup((place() / "no" / "where.db").string(), [](Outcome) { FAIL(); }).error(),
              HasSubstr("cannot be made: No such file or directory"));
}

TEST_F(Backups, LeaveNothingWhenTheyEndTooSoon) {
  const auto store = open_sqlite(data(), Durability::kAlways);
  put_number(*store, 0);
  auto outcome = begin(*store);
  ASSERT_TRUE(store->close());
  EXPECT_THROW(outcome.get(), std::future_error) << "it had not begun, and nobody is told";
  EXPECT_THAT(names_in(place()), IsEmpty());
}

TEST_F(Backups, GiveWayToAFullDisk) {
  FaultyDisk disk;
  const auto store = open_sqlite(data(), Durability::kAlways);
  put_number(*store, 0);
  auto outcome = begin(*store);
  disk.writes_until_full = 0;
  // The commit may fail, as the log cannot grow; that the backup does not stay half made is asked here.
  static_cast<void>(store->commit());
  const Outcome failed = outcome.get();
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error(), HasSubstr("the disk is full"));
  EXPECT_THAT(names_in(place()), IsEmpty());
  disk.writes_until_full = -1;
}

TEST_F(Backups, TakeOverWhatAKilledProcessHasLeft) {
  for (const char* rest : {"", "-wal", "-journal"})
    std::ofstream(backup().string() + ".unfinished" + rest) << "half of something";
  const auto store = open_sqlite(data(), Durability::kAlways);
  auto outcome = begin(*store);
  put_number(*store, 1);
  ASSERT_TRUE(outcome.get());
  EXPECT_THAT(names_in(place()), testing::ElementsAre("node.db"));
  EXPECT_TRUE(restore(backup().string(), restored().string(), RestoreAs::kSameNode));
}

TEST_F(Backups, OfOneNameAreMadeByOneProcess) {
  const auto first = UnfinishedFile::create(backup().string());
  ASSERT_TRUE(first);
  EXPECT_THAT(UnfinishedFile::create(backup().string()).error(), HasSubstr("is being made by another process"));
  EXPECT_TRUE(fs::exists(backup().string() + ".unfinished"));
}

TEST_F(Backups, GetTheirNameOnlyWhereThereIsNone) {
  auto file = UnfinishedFile::create(backup().string());
  ASSERT_TRUE(file);
  std::ofstream(backup()) << "mine";
  EXPECT_THAT(file->keep().error(), HasSubstr("is there already"));
  EXPECT_EQ(content_of(backup()), "mine");
}

class Restores : public Backups {
 protected:
  /// A backup of a store that names its node.
  void make_backup() {
    const auto store = open_sqlite(data(), Durability::kAlways);
    store->put(Table::kMeta, kMetaNodeId, "2abc");
    store->put(Table::kMeta, "boot", "7");
    store->put(Table::kMeta, kMetaNetwork, "sync, leasing on");
    auto outcome = begin(*store);
    put_number(*store, 5);
    ASSERT_TRUE(outcome.get());
  }
  std::string why_refused(RestoreAs as = RestoreAs::kSameNode) {
    const auto made = restore(backup().string(), restored().string(), as);
    return made ? "" : made.error().describe();
  }
};

TEST_F(Restores, GiveTheSameNodeOrANewOne) {
  make_backup();
  const Entries records{{"first", "5"}, {"second", "5"}};
  const auto same = restore(backup().string(), restored().string(), RestoreAs::kSameNode);
  ASSERT_TRUE(same) << same.error().describe();
  EXPECT_EQ(same->node_id, "2abc");
  EXPECT_EQ(same->network, "sync, leasing on");
  {
    const auto store = open_sqlite(restored(), Durability::kAlways);
    EXPECT_FALSE(store->created());
    EXPECT_EQ(load(*store, Table::kRecords), records);
    EXPECT_EQ(load(*store, Table::kMeta).size(), 3U);
  }
  const fs::path other = directory_.path() / "a" / "new" / "one";
  ASSERT_TRUE(restore(backup().string(), other.string(), RestoreAs::kNewNode));
  const auto store = open_sqlite(other, Durability::kAlways);
  EXPECT_EQ(load(*store, Table::kRecords), records);
  EXPECT_EQ(load(*store, Table::kMeta), (Entries{{std::string(kMetaNetwork), "sync, leasing on"}}));
}

TEST_F(Restores, LeaveADirectoryThatHasData) {
  make_backup();
  ASSERT_EQ(why_refused(), "");
  const std::string before = content_of(restored() / kDatabaseFile);
  EXPECT_THAT(why_refused(), AllOf(HasSubstr(restored().string()), HasSubstr("nothing is overwritten")));
  EXPECT_EQ(content_of(restored() / kDatabaseFile), before);
  const auto running = open_sqlite(restored(), Durability::kAlways);
  EXPECT_THAT(why_refused(), HasSubstr("another node uses it"));
}

TEST_F(Restores, RefuseWhatIsNoWholeBackup) {
  EXPECT_THAT(why_refused(), HasSubstr("No such file or directory"));
  make_backup();
  const std::string whole = content_of(backup());
  const auto refused_as = [&](const std::string& bytes) {
    std::ofstream(backup(), std::ios::binary) << bytes;
    return why_refused();
  };
  EXPECT_THAT(refused_as("text"), HasSubstr("give a file that MESH BACKUP has made"));
  EXPECT_THAT(refused_as(whole.substr(0, whole.size() - 4'096)), HasSubstr("damaged"));
  std::string of_another = whole;
  of_another[68] = 'x';
  EXPECT_THAT(refused_as(of_another), HasSubstr("is not of a meshdict node"));
  std::string newer = whole;
  newer[63] = 9;
  EXPECT_THAT(refused_as(newer), HasSubstr("its schema is 9"));
  EXPECT_THAT(restore(place().string(), restored().string(), RestoreAs::kSameNode).error().describe(),
              HasSubstr("is no file"));
  EXPECT_FALSE(fs::exists(restored() / kDatabaseFile));
  // The database of a node that runs lacks what is in its log.
  const auto running = open_sqlite(data(), Durability::kAlways);
  put_number(*running, 6);
  put_number(*running, 7);
  EXPECT_THAT(restore((data() / kDatabaseFile).string(), restored().string(), RestoreAs::kSameNode).error().describe(),
              HasSubstr("its node has not been stopped"));
}

TEST_F(Restores, AreReadWithoutAChange) {
  make_backup();
  ASSERT_EQ(why_refused(), "");
  const std::string before = content_of(restored() / kDatabaseFile);
  {
    const auto stored = StoredData::open(restored().string());
    ASSERT_TRUE(stored) << stored.error().describe();
    EXPECT_THAT((*stored)->damage(), IsEmpty());
    EXPECT_FALSE((*stored)->was_killed());
    EXPECT_EQ(load(**stored, Table::kRecords).size(), 2U);
  }
  EXPECT_EQ(content_of(restored() / kDatabaseFile), before);
  EXPECT_FALSE(fs::exists(restored() / kLogFile));
  {
    const auto killed = open_sqlite(restored(), Durability::kAlways);
    put_number(*killed, 8);
    put_number(*killed, 9);
  }
  const std::string log = content_of(restored() / kLogFile);
  const auto stored = StoredData::open(restored().string());
  ASSERT_TRUE(stored) << stored.error().describe();
  EXPECT_TRUE((*stored)->was_killed());
  EXPECT_EQ(load(**stored, Table::kRecords)["first"], "9");
  EXPECT_EQ(content_of(restored() / kLogFile), log);
}

}  // namespace
}  // namespace meshdict
