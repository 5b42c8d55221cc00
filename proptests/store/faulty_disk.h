#pragma once
// A disk with faults, below SQLite: it takes the place of SQLite's VFS "unix-excl", so the store under test is the one that
// ships. It can fill up, fail to sync, and lose in a power failure what was never synced.
//
// May be used by several connections on several threads, as a store does; the faults are set by the test's thread.

#include <sqlite3.h>

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace meshdict {

class FaultyDisk {
 public:
  /// What becomes of one unsynced write in a power failure: how many of its bytes reach the disk. A whole number of
  /// sectors of kSector, or all of them.
  using Fate = std::function<std::size_t(std::size_t bytes)>;
  static constexpr std::size_t kSector = 512;

  /// In place for each database that is opened while this object exists. Only one at a time; it outlives those databases.
  FaultyDisk();
  ~FaultyDisk();
  FaultyDisk(const FaultyDisk&) = delete;
  FaultyDisk& operator=(const FaultyDisk&) = delete;

  /// All that is in the directory now counts as on the disk; what is written from here on does once it is synced. The files of
  /// other directories are not tracked any more.
  void settle(const std::filesystem::path& directory);
  /// Writes to `to` what a power failure at this moment leaves of `from`. REQUIRES: settle(from), or no file there when
  /// the disk was made.
  void power_failure(const std::filesystem::path& from, const std::filesystem::path& to, const Fate& fate);

  /// After so many more writes the disk is full. Negative: it never is.
  std::atomic<int> writes_until_full = -1;
  std::atomic<bool> syncs_fail = false;

 private:
  struct File;
  struct Write {
    std::size_t at;
    std::string bytes;
    bool truncates;
  };
  struct Content {
    std::string synced;
    std::vector<Write> unsynced;
  };

  static FaultyDisk& of(sqlite3_vfs* vfs) { return *static_cast<FaultyDisk*>(vfs->pAppData); }
  static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags);
  static int remove(sqlite3_vfs* vfs, const char* name, int sync_directory);
  static int write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 at);
  static int truncate(sqlite3_file* file, sqlite3_int64 size);
  static int sync(sqlite3_file* file, int flags);
  static const sqlite3_io_methods& methods();
  static void apply(std::string& content, const Write& write, std::size_t bytes);
  void note(const char* name, Write write);

  sqlite3_vfs* real_;
  sqlite3_vfs vfs_;
  std::mutex mutex_;
  /// By path. Guarded by the mutex.
  std::map<std::string, Content> contents_;
};

}  // namespace meshdict
