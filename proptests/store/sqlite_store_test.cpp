// The store on disk, beyond the contract of all stores: its files, full and failing disks, and the thread that syncs and merges
// its log.

#include "store/sqlite_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <string>

#include "proptests/base/eventually.h"
#include "proptests/store/store_fixture.h"
#include "store/database_file.h"
#include "store/store_limits.h"

/// What fdatasync() gives, when not 0; and how often it was called. The linker prefers the function below to the
/// system's.
static std::atomic<int> fdatasync_errno = 0;
static std::atomic<int> fdatasync_calls = 0;

extern "C" int fdatasync(int fd) {
  ++fdatasync_calls;
  if (fdatasync_errno == 0) return static_cast<int>(syscall(SYS_fdatasync, fd));
  errno = fdatasync_errno;
  return -1;
}

namespace meshdict {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::UnorderedElementsAre;
namespace fs = std::filesystem;

/// Which of the logs begun one after the other this is: the counter and the salt in its header.
std::string which_log(const fs::path& directory) {
  std::ifstream file(directory / kLogFile, std::ios::binary);
  std::string header(24, '\0');
  file.read(header.data(), static_cast<std::streamsize>(header.size()));
  return header.substr(12);
}

/// The first commit marks the file, and the second begins the log that follows.
void begin_log(SqliteStore& store) {
  for (const char* value : {"marks the file", "begins the log"}) {
    store.put(Table::kMeta, "k", value);
    ASSERT_TRUE(store.commit());
  }
}

class SqliteStores : public testing::Test {
 protected:
  ~SqliteStores() override { fdatasync_errno = 0; }
  [[nodiscard]] fs::path data() const { return directory_.path() / "data"; }

  TemporaryDirectory directory_;
};

TEST_F(SqliteStores, TellANewDatabaseFromAnOldOne) {
  EXPECT_TRUE(open_sqlite(data(), Durability::kAlways)->created());
  auto store = open_sqlite(data(), Durability::kAlways);
  EXPECT_TRUE(store->created()) << "nothing has been written so far";
  store->put(Table::kMeta, "k", "v");
  ASSERT_TRUE(store->commit());
  store = nullptr;
  EXPECT_FALSE(open_sqlite(data(), Durability::kAlways)->created());
  EXPECT_EQ(fs::status(data()).permissions(), fs::perms::owner_all);
  EXPECT_TRUE(open_sqlite(directory_.path() / "with a slash/", Durability::kAlways)->created());
}

TEST_F(SqliteStores, LeaveNothingOfAnInterruptedCreation) {
  fs::create_directory(data());
  for (const char* rest : {"", "-wal", "-journal"})
    std::ofstream(data() / (std::string("meshdict.db.new") + rest)) << "half of something";
  auto store = open_sqlite(data(), Durability::kAlways);
  EXPECT_TRUE(store->created());
  EXPECT_TRUE(store->close());
  EXPECT_THAT(names_in(data()), UnorderedElementsAre(kDatabaseFile, "meshdict.lock"));
}

TEST_F(SqliteStores, AreCompleteInOneFileOnceClosed) {
  for (const Durability durability : {Durability::kAlways, Durability::kInterval}) {
    const auto store = open_sqlite(data(), durability);
    store->put(Table::kRecords, std::to_string(static_cast<int>(durability)), "v");
    EXPECT_TRUE(store->commit());
    store->put(Table::kRecords, "staged", "v");
    EXPECT_TRUE(store->close());
    EXPECT_TRUE(store->close()) << "twice does no harm";
    EXPECT_THAT(names_in(data()), UnorderedElementsAre(kDatabaseFile, "meshdict.lock"));
    EXPECT_FALSE(store->commit());
    EXPECT_FALSE(store->load(Table::kRecords, [](auto, auto) {}));
  }
  EXPECT_EQ(load(*open_sqlite(data(), Durability::kAlways), Table::kRecords), (Entries{{"0", "v"}, {"1", "v"}}));
}

/// Commits `count` small writes; as many as were confirmed.
int commit_until_failure(SqliteStore& store, int count, std::string& error) {
  for (int i = 0; i < count; ++i) {
    store.put(Table::kRecords, "key " + std::to_string(i), "v");
    store.put(Table::kFloors, "key " + std::to_string(i), "v");
    const auto committed = store.commit();
    if (committed) continue;
    error = committed.error().what;
    return i;
  }
  return count;
}

TEST_F(SqliteStores, LoseNothingWhereverTheDiskIsFull) {
  for (int room = 0; room < 40; ++room) {
    FaultyDisk disk;
    const fs::path here = directory_.path() / std::to_string(room);
    auto store = open_sqlite(here, Durability::kAlways);
    disk.writes_until_full = room;
    std::string error;
    const int confirmed = commit_until_failure(*store, 100, error);
    EXPECT_LT(confirmed, 100);
    EXPECT_THAT(error, AllOf(HasSubstr("meshdict.db: the disk is full"), HasSubstr("make room")));
    disk.writes_until_full = -1;
    EXPECT_TRUE(store->close()) << "the log with the failed write stays for the next start";
    store = open_sqlite(here, Durability::kAlways);
    const Entries records = load(*store, Table::kRecords);
    EXPECT_EQ(static_cast<int>(records.size()), confirmed);
    EXPECT_EQ(load(*store, Table::kFloors), records) << "half a commit";
  }
}

TEST_F(SqliteStores, TakeAFailedSyncForAFailedCommit) {
  FaultyDisk disk;
  auto store = open_sqlite(data(), Durability::kAlways);
  std::string error;
  EXPECT_EQ(commit_until_failure(*store, 3, error), 3);
  disk.syncs_fail = true;
  EXPECT_EQ(commit_until_failure(*store, 1, error), 0);
  EXPECT_THAT(error, HasSubstr("meshdict.db: the disk gives an error"));
  disk.syncs_fail = false;
  EXPECT_FALSE(store->commit());
}

/// Power fails after each commit, before, while and after the log is merged into the file.
TEST_F(SqliteStores, LoseNothingWhileTheLogIsMerged) {
  FaultyDisk disk;
  auto store = open_sqlite(data(), Durability::kAlways);
  disk.settle(data());
  begin_log(*store);
  const std::string first = which_log(data());
  Entries written;
  int commits = 0;
  const auto commit_and_fail = [&] {
    const std::string key = std::to_string(commits % 7);
    written[key] = std::string(1'000'000 + static_cast<std::size_t>(commits), static_cast<char>('a' + commits % 26));
    store->put(Table::kRecords, key, written[key]);
    EXPECT_TRUE(store->commit());
    const fs::path after = directory_.path() / "after";
    fs::create_directory(after);
    const bool kept = ++commits % 2 == 0;
    disk.power_failure(data(), after, [kept](std::size_t bytes) { return kept ? bytes : 0; });
    EXPECT_TRUE(load(*open_sqlite(after, Durability::kAlways), Table::kRecords) == written) << "commit " << commits;
    fs::remove_all(after);
    return HasFailure() || which_log(data()) != first;
  };
  EXPECT_TRUE(eventually(commit_and_fail)) << "the log has never been begun anew";
  EXPECT_GE(commits, store_limits::kMergePages * 4'096 / 1'100'000) << "a short log is not worth a merge";
}

TEST_F(SqliteStores, EndWhenTheLogCannotBeMerged) {
  FaultyDisk disk;
  auto store = open_sqlite(data(), Durability::kInterval);
  begin_log(*store);
  disk.syncs_fail = true;
  std::string error;
  EXPECT_TRUE(eventually([&] {
    store->put(Table::kRecords, "k", std::string(1'000'000, 'v'));
    const auto committed = store->commit();
    if (!committed) error = committed.error().what;
    return !committed;
  }));
  EXPECT_THAT(error, HasSubstr("meshdict.db: the disk gives an error"));
}

TEST_F(SqliteStores, SyncAfterACommitWithInterval) {
  auto store = open_sqlite(data(), Durability::kInterval);
  begin_log(*store);
  for (const char* value : {"1", "2"}) {
    const int before = fdatasync_calls;
    store->put(Table::kMeta, "k", value);
    ASSERT_TRUE(store->commit());
    EXPECT_TRUE(eventually([&] { return fdatasync_calls > before; }));
  }
}

TEST_F(SqliteStores, EndWhenASyncFails) {
  auto store = open_sqlite(data(), Durability::kInterval);
  begin_log(*store);
  fdatasync_errno = EIO;
  store->put(Table::kMeta, "k", "v");
  EXPECT_TRUE(store->commit()) << "it does not wait for the disk";
  std::string error;
  EXPECT_TRUE(eventually([&] {
    const auto committed = store->commit();
    if (!committed) error = committed.error().what;
    return !committed;
  }));
  EXPECT_THAT(error, HasSubstr("meshdict.db-wal cannot be synced to the disk: Input/output error"));
}

TEST_F(SqliteStores, WaitForTheDiskWithAlways) {
  auto store = open_sqlite(data(), Durability::kAlways);
  for (int i = 1; i <= 3; ++i) {
    const int before = fdatasync_calls;
    store->put(Table::kMeta, "k", std::to_string(i));
    ASSERT_TRUE(store->commit());
    EXPECT_GT(fdatasync_calls, before) << "before commit() returns";
  }
}

}  // namespace
}  // namespace meshdict
