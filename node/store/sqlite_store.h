#pragma once
// The Store on disk: one SQLite database in a data directory, in write-ahead mode.
//
// 1. What commit() has confirmed survives the end of the process, however it ends. What survives a power failure is the
//    choice of Durability.
// 2. A commit is one transaction: after any crash all of it is there, or none.
// 3. A database is refused and left as it is when it is damaged, foreign or of a newer meshdict, when one of its files is
//    missing, or when its log is another's (log_mark.h). Only a directory without any of a database's files gives an empty
//    store. What no check sees: a log whose frames are damaged, since it looks like one that a power failure has cut short;
//    SQLite takes what is whole before that.
// 4. The first failed commit is final: what is in memory and what is on disk may differ from there on, so every later
//    commit fails in the same way.
//    A full disk is no failure: a reserve is given up first, with which the commit succeeds, and has_room() is false until
//    there is room for the reserve again. Meanwhile the log is kept short, and what deletions leave is given back to the disk.
//    So it is when file and log together have reached the length that they may have (limit_files()), until they are down to its
//    low-water mark; what is committed meanwhile may go beyond it.
// 5. No other process can open the database meanwhile, whatever program it is.
//
// Files: meshdict.db; meshdict.db-wal, the log, which belongs to it until the store has been closed; meshdict.lock. To
// copy the data, use begin_backup(), or stop the node: after close(), meshdict.db is complete by itself.
//
// Writes wait in memory until commit(), and are then applied in the order of keys, the last one of each key only: that
// is what makes one transaction a turn cheap. Rejected: a transaction that stays open between commits, because a write
// that fails halfway would have to be reported by put().

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/water_marks.h"
#include "core/env/store.h"
#include "store/data_directory.h"
#include "store/file_descriptor.h"
#include "store/log_keeper.h"
#include "store/log_mark.h"
#include "store/online_backup.h"
#include "store/reserve.h"
#include "store/sqlite_database.h"
#include "store/store_limits.h"

namespace meshdict {

/// Both keep every commit when the process is killed. They differ when the system goes down with it.
enum class Durability : std::uint8_t {
  kAlways,    ///< commit() returns when the disk has it: a power failure loses nothing
  kInterval,  ///< commit() returns when the system has it: a power failure loses the commits of about the last second
};

class SqliteStore final : public Store {
 public:
  /// Makes the directory and the database when absent. Checks the whole file, which takes less than a second for a million
  /// keys.
  /// `files`: as for limit_files(); a short length also makes the log a short one.
  static std::expected<std::unique_ptr<SqliteStore>, StoreError> open(const std::string& directory,
                                                                      Durability durability,
                                                                      const WaterMarks& files = {});
  /// Leaves the files as the end of the process would.
  ~SqliteStore() override;
  SqliteStore(const SqliteStore&) = delete;
  SqliteStore& operator=(const SqliteStore&) = delete;

  std::expected<void, StoreError> load(Table table, const Visitor& visit) override;
  void put(Table table, std::string_view key, std::string_view value) override;
  void erase(Table table, std::string_view key) override;
  [[nodiscard]] std::size_t staged() const override { return staged_.size(); }
  [[nodiscard]] bool has_room() const override { return has_room_ && !files_are_full_; }
  std::expected<void, StoreError> commit() override;

  /// How many bytes file and log may have together. `were_full`: whether they had reached that, and have not come down yet.
  void limit_files(const WaterMarks& marks, bool were_full);
  [[nodiscard]] bool files_are_full() const { return files_are_full_; }
  [[nodiscard]] bool disk_is_full() const { return !has_room_; }
  /// Of file and log.
  [[nodiscard]] std::uint64_t file_bytes() const;

  /// Makes a copy of what the store holds after the next commit, or soon after it, as a new file of this name; see online_backup.h.
  /// `done` is called unless the store fails before. Error: there is such a file, it cannot be made, or another backup is under way.
  std::expected<void, std::string> begin_backup(const std::string& name, BackupDone done);
  /// Has a backup end that is still reading.
  void end_backup(const std::string& why);

  /// Merges the log into meshdict.db, syncs it, and releases the directory. What is staged is lost. Every call afterwards fails
  /// or does nothing.
  std::expected<void, StoreError> close();

  /// Whether the database was made by open(), or by an earlier one that got no further: the node is a new one.
  [[nodiscard]] bool created() const { return created_; }

 private:
  enum class Change : std::uint8_t { kPut, kErase };
  /// A staged write; offsets into bytes_.
  struct Staged {
    Table table;
    Change change;
    std::size_t key_at;
    std::size_t value_at;
    std::size_t end;
  };

  SqliteStore(DataDirectory directory, Durability durability)
      : directory_(std::move(directory)), durability_(durability) {}
  std::expected<void, StoreError> open_files(const std::optional<FileAlone>& alone);
  std::expected<void, StoreError> create_file();
  std::expected<void, StoreError> connect(SqliteDatabase& database);
  std::expected<void, StoreError> check_content();
  std::expected<void, StoreError> prepare_statements();
  std::expected<void, StoreError> start_log_keeper();

  void stage(Table table, std::string_view key, std::string_view value, Change change);
  [[nodiscard]] std::string_view key(const Staged& write) const;
  /// Applies what is staged; where the disk is full, with the room of the reserve.
  std::expected<void, StoreError> write_staged();
  std::expected<void, StoreError> apply_staged();
  void roll_back();
  bool write_mark(const LogMark& mark);
  /// Error when there is a log that is not the file's.
  std::expected<void, StoreError> check_mark(const std::optional<FileAlone>& alone);
  /// Whether all of the log is in the file now: the next commit begins the log anew.
  bool merge_into_file();
  void ask_for_room();
  void lack_room();
  /// Takes the reserve; where the file system has no such files, looks whether there would be room.
  bool has_room_for_reserve();
  /// Whether the file may become longer, where files of this process have a limit.
  [[nodiscard]] bool file_may_grow() const;
  /// Merges the log, and gives back to the disk what the file does not use any more.
  void make_room();
  /// Gives back one piece. False when there is nothing left to give back, or it failed.
  bool give_back_some();
  /// Merges the log, and begins it anew with nothing but its mark.
  bool shorten_log();
  bool apply(const Staged& write);
  void drop_staged();
  void disconnect();
  [[nodiscard]] StoreError database_error() const;

  std::optional<DataDirectory> directory_;
  Durability durability_;
  FileDescriptor file_;
  SqliteDatabase database_;
  SqliteStatement begin_;
  SqliteStatement end_;
  SqliteStatement put_;
  SqliteStatement erase_;
  SqliteStatement load_;
  std::unique_ptr<LogKeeper> log_keeper_;
  /// Null before the first one.
  std::unique_ptr<OnlineBackup> backup_;
  int log_pages_ = 0;
  int merge_pages_ = store_limits::kMergePages;
  /// Where files of this process have a limit.
  std::optional<std::uint64_t> longest_file_;
  WaterMarks file_marks_;
  bool files_are_full_ = false;
  LogMark mark_;
  /// Whether the next commit is the first.
  bool is_first_ = true;
  /// Whether the next commit gives the log its mark.
  bool begins_log_ = false;
  std::string bytes_;
  std::vector<Staged> staged_;
  Reserve reserve_;
  bool has_room_ = true;
  /// Whether apply_staged() failed because of a full disk.
  bool disk_is_full_ = false;
  std::chrono::steady_clock::time_point room_asked_;
  /// Set by the first failed commit, and by close().
  std::optional<StoreError> failure_;
  bool created_ = false;
};

}  // namespace meshdict
