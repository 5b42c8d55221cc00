#pragma once
// Keeps the write-ahead log of a database short, and with Durability::kInterval on the disk, on a thread of its own, so
// that the writer does not wait for the disk more than its commits ask for.
//
// 1. A commit for which committed(pages, true) was called is on the disk env_limits::kSyncEvery later, plus the time that the
//    disk takes.
// 2. A log of `merge_pages` is merged into the file and begun anew. Most of it is merged while the writer goes on; then the
//    writer's next commit waits until the rest is merged, which it wrote meanwhile. For that the two take turns here: SQLite
//    alone lets a busy writer overtake a merge again and again, while the rest grows that it will have to wait for.
//    While somebody reads one state of the database for long (Unmerged), nothing is merged: the end would wait for that reader.
// 3. The first failure is final: the system may have dropped the pages it could not write, so that a later success
//    would say nothing about them.

#include <condition_variable>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "store/file_descriptor.h"
#include "store/sqlite_database.h"

namespace meshdict {

class LogKeeper {
 public:
  /// `merge_pages`: how long the log may become. `database`: a connection for the thread. `log`, `file`: the log and the file
  /// of the same database. `file` stays open for longer than any connection, since closing it would end their locks.
  LogKeeper(int merge_pages, SqliteDatabase database, FileDescriptor log, int file);
  /// Waits for what is under way. Does not sync what is due.
  ~LogKeeper() = default;

  /// A commit of the writer is under way as long as this object exists. Its constructor waits for the end of a merge.
  class Writing {
   public:
    explicit Writing(LogKeeper& keeper) : keeper_(keeper) { keeper_.begin_writing(); }
    ~Writing() { keeper_.end_writing(); }
    Writing(const Writing&) = delete;
    Writing& operator=(const Writing&) = delete;

   private:
    LogKeeper& keeper_;
  };

  /// The log is not merged as long as this object exists. Its constructor waits for the end of a merge. One at a time.
  class Unmerged {
   public:
    explicit Unmerged(LogKeeper& keeper) : keeper_(keeper) { keeper_.begin_unmerged(); }
    ~Unmerged() { keeper_.end_unmerged(); }
    Unmerged(const Unmerged&) = delete;
    Unmerged& operator=(const Unmerged&) = delete;

   private:
    LogKeeper& keeper_;
  };

  /// Called by the writer after a commit that left so many pages in the log. `sync_due`: the commit has not been synced.
  void committed(int pages, bool sync_due);
  /// Whether a merge has ended since the last call: then the writer's next commit begins the log anew. REQUIRES: there is a
  /// Writing.
  [[nodiscard]] bool take_restarted();
  /// What has failed, for the operator. Called by the writer.
  [[nodiscard]] std::optional<std::string> failure() const;
  /// Pages in the log after the last commit.
  [[nodiscard]] int pages() const;

 private:
  void run(const std::stop_token& stop);
  void begin_writing();
  void end_writing();
  void begin_unmerged();
  void end_unmerged();
  [[nodiscard]] bool merge_due() const { return pages_ >= merge_pages_ && !unmerged_; }
  /// Both return what has failed.
  [[nodiscard]] std::optional<std::string> sync_log() const;
  std::optional<std::string> merge_log();
  void write_out_file() const;
  /// The end of a merge, while no commit is under way. Returns SQLite's code.
  int restart_log();

  const int merge_pages_;
  SqliteDatabase database_;
  FileDescriptor log_;
  int file_;
  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  std::condition_variable turn_;
  std::condition_variable merged_;
  // Guarded by the mutex.
  bool writing_ = false;
  // A merge is being ended, or about to be.
  bool restarting_ = false;
  bool merging_ = false;
  bool unmerged_ = false;
  bool restarted_ = false;
  bool sync_due_ = false;
  int pages_ = 0;
  std::optional<std::string> failure_;
  /// Last: its end is awaited before anything above goes.
  std::jthread thread_;
};

}  // namespace meshdict
