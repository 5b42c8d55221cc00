// What the store on disk refuses to open, with which words, and that it leaves it as it is.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "proptests/store/store_fixture.h"
#include "store/database_file.h"

namespace meshdict {
namespace {

using testing::AllOf;
using testing::HasSubstr;
namespace fs = std::filesystem;

constexpr const char* kLock = "meshdict.lock";

void write(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// All files but the lock, which has the process id in it.
std::map<std::string, std::string> files(const fs::path& directory) {
  std::map<std::string, std::string> found;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().filename() != kLock) found[entry.path().filename()] = content_of(entry.path());
  }
  return found;
}

/// Why the directory is refused; empty when it is not.
std::string refusal(const fs::path& directory) {
  const auto opened = SqliteStore::open(directory.string(), Durability::kAlways);
  return opened ? "" : opened.error().describe();
}

/// Refused for such a trouble and with such words, and left as it is.
template <typename Matcher>
void expect_refused(const fs::path& directory, const Matcher& words, StoreTrouble trouble = StoreTrouble::kDamaged) {
  const auto before = files(directory);
  const auto opened = SqliteStore::open(directory.string(), Durability::kAlways);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().trouble, trouble);
  EXPECT_EQ(opened.error().path, directory.string());
  const std::string why = opened.error().describe();
  EXPECT_THAT(why, AllOf(HasSubstr("data directory '" + directory.string() + "': "), words));
  EXPECT_EQ(why.find('\n'), std::string::npos);
  const auto after = files(directory);
  for (const auto& [name, bytes] : before)
    EXPECT_TRUE(after.contains(name) && after.at(name) == bytes) << name << " was changed, though it was refused";
  EXPECT_EQ(after.size(), before.size()) << "something was left behind";
}

class SqliteRefusals : public testing::Test {
 protected:
  /// A directory with committed entries, closed or as after a kill.
  fs::path filled(const std::string& name, bool closed) {
    const fs::path made = directory_.path() / name;
    fs::create_directory(made);
    const auto store = open_sqlite(made / "lived", Durability::kAlways);
    for (int i = 0; i < 500; ++i)
      store->put(Table::kRecords, "key " + std::to_string(i), std::string(100, 'v'));
    EXPECT_TRUE(store->commit());
    if (closed) {
      EXPECT_TRUE(store->close());
    }
    fs::copy(made / "lived", made / "left");
    return made / "left";
  }

  void run_sql(const fs::path& file, const char* sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(file.c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(database);
    sqlite3_close(database);
  }

  TemporaryDirectory directory_;
};

TEST_F(SqliteRefusals, ADamagedFile) {
  const fs::path good = filled("data", true);
  const std::string whole = content_of(good / kDatabaseFile);
  constexpr std::size_t kPage = 4'096;
  ASSERT_GT(whole.size(), 10 * kPage);
  for (std::size_t at = 0; at < whole.size(); at += kPage) {
    for (const char fill : {'\0', 'x'}) {
      std::string damaged = whole;
      damaged.replace(at, kPage, kPage, fill);
      write(good / kDatabaseFile, damaged);
      SCOPED_TRACE(at);
      expect_refused(good, AllOf(HasSubstr("meshdict.db: it is damaged"), HasSubstr(kAboutDamage)));
    }
  }
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{511}, kPage, whole.size() - kPage}) {
    write(good / kDatabaseFile, whole.substr(0, size));
    SCOPED_TRACE(size);
    expect_refused(good, HasSubstr("meshdict.db: it is damaged"));
  }
  write(good / kDatabaseFile, whole);
  EXPECT_EQ(refusal(good), "");
}

TEST_F(SqliteRefusals, ADamagedFileBesideItsLog) {
  const fs::path good = filled("data", false);
  ASSERT_TRUE(fs::exists(good / kLogFile));
  const std::string whole = content_of(good / kDatabaseFile);
  for (const std::string& damaged : {std::string(), std::string(whole.size(), '\0'), std::string(100, 'x')}) {
    write(good / kDatabaseFile, damaged);
    expect_refused(good, HasSubstr("meshdict.db: it is damaged"));
  }
  fs::remove(good / kDatabaseFile);
  expect_refused(good, HasSubstr("meshdict.db is missing, but its log meshdict.db-wal is there"));
  write(good / kDatabaseFile, whole);
  EXPECT_EQ(load(*open_sqlite(good, Durability::kAlways), Table::kRecords).size(), 500U);
}

/// The log may hold a newer form of what is damaged below it. Otherwise nothing of it may be merged.
TEST_F(SqliteRefusals, ADamagedPageBesideALog) {
  const fs::path good = filled("data", true);
  auto store = open_sqlite(good, Durability::kAlways);
  store->put(Table::kRecords, "key 250", "in the log");
  EXPECT_TRUE(store->commit());
  store.reset();
  ASSERT_GT(fs::file_size(good / kLogFile), 0U) << "the end of a store does not close it";
  const auto whole = files(good);
  const std::string& database = whole.at(std::string(kDatabaseFile));
  int refused = 0;
  for (std::size_t at = 4'096; at < database.size(); at += 4'096) {
    std::string damaged = database;
    damaged.replace(at, 4'096, 4'096, 'x');
    for (const auto& [name, bytes] : whole)
      write(good / name, bytes);
    write(good / kDatabaseFile, damaged);
    if (refusal(good).empty()) continue;
    ++refused;
    expect_refused(good, HasSubstr("meshdict.db: it is damaged"));
  }
  EXPECT_GT(refused, 5);
}

/// SQLite would take it for a log that was never begun, and the file below it for all that there is.
TEST_F(SqliteRefusals, ALogWithoutItsHeader) {
  const fs::path good = filled("data", false);
  const std::string whole = content_of(good / kLogFile);
  ASSERT_GT(whole.size(), 4'096U);
  for (std::size_t at = 0; at < 32; ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 4);
    write(good / kLogFile, damaged);
    SCOPED_TRACE(at);
    expect_refused(good, HasSubstr("meshdict.db-wal: it is damaged"));
  }
  // What a full disk or a power failure leaves of the first write of a log.
  const fs::path closed = filled("closed", true);
  for (const std::size_t size : {0U, 1U, 32U}) {
    write(closed / kLogFile, whole.substr(0, size));
    EXPECT_EQ(refusal(closed), "") << size;
  }
  // What nothing of that leaves: the file says that its log holds something.
  for (const std::size_t size : {0U, 1U, 32U}) {
    write(good / kLogFile, whole.substr(0, size));
    expect_refused(good, HasSubstr("its log meshdict.db-wal is empty"));
  }
  fs::remove(good / kLogFile);
  expect_refused(good, HasSubstr("its log meshdict.db-wal is missing"));
}

TEST_F(SqliteRefusals, ANewerOrForeignDatabase) {
  const fs::path newer = filled("newer", true);
  run_sql(newer / kDatabaseFile, "PRAGMA user_version = 2");
  expect_refused(newer, HasSubstr("of a newer meshdict: its schema is 2, and this version knows 1 at the most"),
                 StoreTrouble::kForeign);
  const fs::path older = filled("older", true);
  run_sql(older / kDatabaseFile, "PRAGMA user_version = 0");
  expect_refused(older, HasSubstr("there is no schema 0"));
  const fs::path foreign = directory_.path() / "foreign";
  fs::create_directory(foreign);
  run_sql(foreign / kDatabaseFile, "PRAGMA journal_mode = WAL; CREATE TABLE entries(x)");
  expect_refused(foreign, HasSubstr("a database of another program"), StoreTrouble::kForeign);
  const fs::path gutted = filled("gutted", true);
  run_sql(gutted / kDatabaseFile, "DROP TABLE entries");
  expect_refused(gutted, HasSubstr("no such table"));
  const fs::path converted = filled("converted", true);
  run_sql(converted / kDatabaseFile, "PRAGMA journal_mode = DELETE");
  expect_refused(converted, HasSubstr("not in write-ahead mode"), StoreTrouble::kForeign);
  run_sql(converted / kDatabaseFile, "PRAGMA journal_mode = WAL");
  EXPECT_EQ(refusal(converted), "") << "that was the advice";
  write(converted / "meshdict.db-journal", "of another program");
  expect_refused(converted, HasSubstr("meshdict.db-journal is there"), StoreTrouble::kForeign);
}

TEST_F(SqliteRefusals, ADirectoryThatAnotherNodeHolds) {
  const fs::path data = directory_.path() / "data";
  auto first = open_sqlite(data, Durability::kAlways);
  expect_refused(data, HasSubstr("another node uses it (process " + std::to_string(getpid()) + ")"),
                 StoreTrouble::kInUse);
  first->put(Table::kMeta, "k", "v");
  EXPECT_TRUE(first->commit()) << "the refused one has not disturbed it";
  first.reset();
  EXPECT_EQ(refusal(data), "");
}

/// Root may write anywhere: what it may not is tried as somebody else.
class Unprivileged {
 public:
  Unprivileged() {
    if (was_ == 0 && seteuid(65'534) != 0) std::abort();
  }
  ~Unprivileged() {
    if (seteuid(was_) != 0) std::abort();
  }
  Unprivileged(const Unprivileged&) = delete;
  Unprivileged& operator=(const Unprivileged&) = delete;

 private:
  uid_t was_ = geteuid();
};

TEST_F(SqliteRefusals, WhatMayNotBeWritten) {
  const fs::path data = filled("data", true);
  const fs::path parent = data.parent_path();
  constexpr fs::perms kRead{0555};
  fs::permissions(parent, kRead);
  fs::permissions(data, kRead);
  fs::permissions(data / kDatabaseFile, fs::perms{0444});
  fs::permissions(data / kLock, fs::perms{0444});
  {
    const Unprivileged self;
    EXPECT_THAT(refusal(parent / "new"), HasSubstr("cannot be made: Permission denied"));
    expect_refused(data, HasSubstr("meshdict.lock cannot be written: Permission denied"), StoreTrouble::kUnusable);
  }
  fs::permissions(data / kLock, fs::perms{0666});
  {
    const Unprivileged self;
    expect_refused(data, HasSubstr("meshdict.db cannot be written: Permission denied"), StoreTrouble::kUnusable);
  }
  // The directory may be read only while its files may be written: there is no room for the log.
  fs::permissions(data / kDatabaseFile, fs::perms{0666});
  {
    const Unprivileged self;
    expect_refused(data, HasSubstr("meshdict.db: its directory is read-only"), StoreTrouble::kUnusable);
  }
  fs::permissions(data, fs::perms{0700});
  fs::permissions(parent, fs::perms{0700});
  EXPECT_EQ(load(*open_sqlite(data, Durability::kAlways), Table::kRecords).size(), 500U);
}

TEST_F(SqliteRefusals, WhatIsNoDirectory) {
  write(directory_.path() / "file", "text");
  EXPECT_THAT(refusal(directory_.path() / "file"), HasSubstr("cannot be opened: Not a directory"));
  EXPECT_THAT(refusal(directory_.path() / "file" / "data"), HasSubstr("Not a directory"));
  EXPECT_EQ(refusal(directory_.path() / "not" / "there" / "yet/"), "");
  fs::create_symlink(directory_.path() / "nowhere", directory_.path() / "link");
  EXPECT_THAT(refusal(directory_.path() / "link"), HasSubstr("cannot be opened: No such file or directory"));
  EXPECT_EQ(content_of(directory_.path() / "file"), "text");
}

TEST_F(SqliteRefusals, NoRoomToBegin) {
  for (int room = 0; room < 12; ++room) {
    FaultyDisk disk;
    const fs::path data = directory_.path() / std::to_string(room);
    disk.writes_until_full = room;
    const std::string why = refusal(data);
    disk.writes_until_full = -1;
    if (!why.empty()) {
      EXPECT_THAT(why, AllOf(HasSubstr("meshdict.db"), HasSubstr("the disk is full"))) << room;
    }
    if (room == 0) {
      EXPECT_NE(why, "");
    }
    EXPECT_EQ(refusal(data), "") << "begun anew when there is room; after " << room;
  }
}

}  // namespace
}  // namespace meshdict
