#include "store/database_copy.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>

#include "store/log_mark.h"
#include "store/store_limits.h"

namespace meshdict {
namespace {

std::unexpected<std::string> trouble_with(const UnfinishedFile& file, const SqliteDatabase& database) {
  return std::unexpected(fmt::format("'{}': {}", file.path(), database.what()));
}

/// So that the whole copy does not have to be written out at its end, while commits wait behind it.
void write_out(const UnfinishedFile& file) {
  constexpr unsigned kWriteAndWait = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
  // What fails here fails at the sync, too.
  static_cast<void>(::sync_file_range(file.descriptor(), 0, 0, kWriteAndWait));
}

}  // namespace

std::expected<void, std::string> copy_pages(SqliteDatabase& from, const UnfinishedFile& to, const GoOn& go_on) {
  SqliteDatabase copy;
  // What is cut short is thrown away: nothing has to be undone, and the whole is synced at its end.
  const bool good = copy.open(to.path(), SqliteDatabase::IfAbsent::kFail) == SQLITE_OK &&
                    copy.run("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF") == SQLITE_OK;
  if (!good) return trouble_with(to, copy);
  SqliteCopy pages(copy, from);
  int code = SQLITE_OK;
  while (code == SQLITE_OK) {
    if (auto may = go_on(); !may) return may;
    code = pages.step(store_limits::kCopiedPages);
    write_out(to);
  }
  pages.finish();
  if (code != SQLITE_DONE) return trouble_with(to, copy);
  return {};
}

std::expected<void, std::string> finish_copy(const UnfinishedFile& copy, const std::string& changes) {
  LogMark mark = LogMark().next();
  mark.open = false;
  SqliteDatabase database;
  const std::string sql = fmt::format(
      "BEGIN IMMEDIATE; {} INSERT OR REPLACE INTO entries VALUES({}, CAST('{}' AS BLOB), "
      "CAST('{}' AS BLOB)); COMMIT",
      changes, kMarkTable, kMarkKey, mark.encode());
  if (database.open(copy.path(), SqliteDatabase::IfAbsent::kFail) != SQLITE_OK ||
      database.run(sql.c_str()) != SQLITE_OK || database.truncate_log() != SQLITE_OK) {
    return trouble_with(copy, database);
  }
  const std::string verdict = database.ask("PRAGMA quick_check(1)");
  if (verdict.empty()) return trouble_with(copy, database);
  if (verdict != "ok") return std::unexpected(fmt::format("'{}' is damaged: {}", copy.path(), verdict));
  return {};
}

}  // namespace meshdict
