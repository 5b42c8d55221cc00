#pragma once
// A copy of a database that is written meanwhile, on a thread of its own.
//
// 1. The copy is of one moment, soon after begin(): it has all that was committed before. The writer is not kept waiting; but its
//    log is not merged until all is copied, and so grows by what is committed meanwhile. A log of store_limits::kMostLogPages ends
//    the copy.
// 2. Either the whole copy is there under its name, synced and checked, or nothing (unfinished_file.h).
// 3. When the log has to become shorter at once, because the disk is full, the copy gives way: end_reading().

#include <condition_variable>
#include <expected>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "store/log_keeper.h"
#include "store/sqlite_database.h"
#include "store/unfinished_file.h"

namespace meshdict {

/// Called once, on the thread of the copy.
using BackupDone = std::function<void(std::expected<void, std::string>)>;

class OnlineBackup {
 public:
  /// `source`: a connection of its own. `keeper` outlives the object.
  OnlineBackup(SqliteDatabase source, LogKeeper& keeper, UnfinishedFile file, BackupDone done);
  /// Ends what is under way, as fast as it can.
  ~OnlineBackup();
  OnlineBackup(const OnlineBackup&) = delete;
  OnlineBackup& operator=(const OnlineBackup&) = delete;

  /// Does nothing the second time. REQUIRES: no commit is under way.
  void begin();
  /// Whether it has come to its end.
  [[nodiscard]] bool is_over() const;
  /// Has it end, and returns once it does not read the database any more: after one piece.
  void end_reading(const std::string& why);

 private:
  void run();
  std::expected<void, std::string> copy();
  std::expected<void, std::string> copy_moment();
  [[nodiscard]] std::expected<void, std::string> may_go_on() const;

  SqliteDatabase source_;
  LogKeeper& keeper_;
  UnfinishedFile file_;
  BackupDone done_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by the mutex.
  bool reading_ = false;
  bool over_ = false;
  std::optional<std::string> given_up_;
  std::thread thread_;
};

}  // namespace meshdict
