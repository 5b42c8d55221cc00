#pragma once
// The few things that a store needs of SQLite, as values that clean up after themselves. Calls return SQLite's result code;
// nothing throws. Not thread-safe: one thread at a time for each database and its statements.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/env/store.h"

struct sqlite3;
struct sqlite3_backup;
struct sqlite3_stmt;

namespace meshdict {

/// A prepared statement; none after a failed prepare.
class SqliteStatement {
 public:
  SqliteStatement() = default;
  explicit SqliteStatement(sqlite3_stmt* statement) : statement_(statement) {}
  explicit operator bool() const { return statement_ != nullptr; }

  /// Parameters count from 1. The bytes stay where they are until reset().
  void bind(int parameter, std::int64_t number);
  void bind(int parameter, std::string_view blob);
  /// SQLITE_ROW, SQLITE_DONE, or an error.
  int step();
  /// Columns count from 0; valid until the next step() or reset().
  [[nodiscard]] std::string_view blob(int column);
  /// Ready for the next use, without parameters.
  void reset();

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

/// A connection to a file. It must outlive its statements. The first connection of this process that looks at a file takes it
/// for the process; other processes are kept out until the last connection of this process is closed.
class SqliteDatabase {
 public:
  enum class IfAbsent : std::uint8_t { kMake, kFail };
  /// SQLITE_OK, or why it could not be opened; trouble() and what() then tell more.
  int open(const std::string& path, IfAbsent if_absent);

  /// Opens the file alone, whatever log lies beside it, to read it. Takes no lock and changes nothing.
  int open_without_log(const std::string& path);

  /// Runs statements that return no rows worth reading.
  int run(const char* sql);
  /// The first column of the first row, as text; empty when there is none, or on an error, which last_code() tells.
  std::string ask(const char* sql);
  SqliteStatement prepare(std::string_view sql);

  /// How long to wait for another connection of this process.
  void set_busy_wait(std::chrono::milliseconds longest);
  /// After each commit, the number of pages in the write-ahead log is stored in `pages`, which outlives the connection. SQLite
  /// then does not merge the log by itself.
  void count_log_pages(int& pages);
  /// Whether the end of the last connection merges the log into the file and removes it. By default it does.
  void leave_log_at_close();
  void merge_log_at_close();
  /// Writes into the file what is in the log, without keeping the writer waiting. `merged`: the pages of the log that
  /// have been merged by now, this time or before. The call that reaches the end of the log also syncs the file.
  int merge_log(int& merged);
  /// Syncs the file as far as it has been merged. False, and errno, when that fails.
  bool sync_file();
  /// Merges all of the log, so that the next write begins it anew; the writer waits meanwhile.
  int restart_log();
  /// Does the same, and leaves an empty log.
  int truncate_log();
  [[nodiscard]] bool in_transaction() const;

  /// The result code of the last failed call.
  [[nodiscard]] int last_code() const;
  /// Whether the last call failed, other than by having nothing to give.
  [[nodiscard]] bool failed() const;
  /// Whether it failed because another process or connection has the file.
  [[nodiscard]] bool is_busy() const;
  /// Whether it failed because there was no room: on the disk, or in a file whose length is limited (RLIMIT_FSIZE).
  [[nodiscard]] bool is_full() const;
  [[nodiscard]] StoreTrouble trouble() const;
  /// What went wrong, for an operator: the kind of trouble, SQLite's words for it, and what to do.
  [[nodiscard]] std::string what() const;

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  int checkpoint(int mode, int* merged);
  friend class SqliteCopy;

  std::unique_ptr<sqlite3, Close> database_;
};

/// A copy of one database over another one, which is empty. Both outlive it.
class SqliteCopy {
 public:
  SqliteCopy(SqliteDatabase& to, SqliteDatabase& from);
  /// SQLITE_OK: there are more pages; SQLITE_DONE; or an error, which the other database's what() tells after finish().
  int step(int pages);
  void finish() { copy_.reset(); }

 private:
  struct Finish {
    void operator()(sqlite3_backup* copy) const;
  };
  std::unique_ptr<sqlite3_backup, Finish> copy_;
};

}  // namespace meshdict
