#include "store/sqlite_database.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cerrno>
#include <set>

#include "store/data_directory.h"
#include "store/database_file.h"
#include "store/disk_room.h"

namespace meshdict {
namespace {

/// SQLite's way to files that keeps other processes out, and the index of the log in memory instead of in a file.
constexpr const char* kExclusiveFiles = "unix-excl";

/// The system's numbers for what last went wrong with the database's file and its log. SQLite keeps them for each file;
/// sqlite3_system_errno() has none for a statement that fails.
std::set<int> last_write_errors(sqlite3* database) {
  int of_file = 0;
  int of_log = 0;
  sqlite3_file* log = nullptr;
  sqlite3_file_control(database, "main", SQLITE_FCNTL_LAST_ERRNO, &of_file);
  sqlite3_file_control(database, "main", SQLITE_FCNTL_JOURNAL_POINTER, static_cast<void*>(&log));
  if (log != nullptr && log->pMethods != nullptr) log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &of_log);
  return {of_file, of_log};
}

}  // namespace

void SqliteStatement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

void SqliteStatement::bind(int parameter, std::int64_t number) {
  sqlite3_bind_int64(statement_.get(), parameter, number);
}

void SqliteStatement::bind(int parameter, std::string_view blob) {
  // A null pointer would bind NULL, which is not an empty blob.
  const char* data = blob.data() == nullptr ? "" : blob.data();
  sqlite3_bind_blob64(statement_.get(), parameter, data, blob.size(), SQLITE_STATIC);
}

int SqliteStatement::step() {
  return sqlite3_step(statement_.get());
}

std::string_view SqliteStatement::blob(int column) {
  // In this order: the size is that of the bytes as sqlite3_column_blob() has left them.
  const void* data = sqlite3_column_blob(statement_.get(), column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
  return {static_cast<const char*>(data), size};
}

void SqliteStatement::reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

void SqliteDatabase::Close::operator()(sqlite3* database) const {
  sqlite3_close_v2(database);
}

int SqliteDatabase::open(const std::string& path, IfAbsent if_absent) {
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (if_absent == IfAbsent::kMake ? SQLITE_OPEN_CREATE : 0);
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &opened, flags, kExclusiveFiles);
  // A handle comes also with an error, to ask for its text.
  database_.reset(opened);
  return code;
}

int SqliteDatabase::open_without_log(const std::string& path) {
  // A name as a URI: what would mean something in one is written as its number.
  std::string uri = "file:";
  for (const char c : path) {
    if (c == '%' || c == '?' || c == '#') {
      uri += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    } else {
      uri += c;
    }
  }
  sqlite3* opened = nullptr;
  const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_URI;
  const int code = sqlite3_open_v2((uri + "?immutable=1").c_str(), &opened, flags, nullptr);
  database_.reset(opened);
  return code;
}

int SqliteDatabase::run(const char* sql) {
  return sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr);
}

std::string SqliteDatabase::ask(const char* sql) {
  SqliteStatement statement = prepare(sql);
  if (!statement || statement.step() != SQLITE_ROW) return {};
  return std::string(statement.blob(0));
}

SqliteStatement SqliteDatabase::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  sqlite3_prepare_v3(database_.get(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &statement,
                     nullptr);
  return SqliteStatement(statement);
}

void SqliteDatabase::set_busy_wait(std::chrono::milliseconds longest) {
  sqlite3_busy_timeout(database_.get(), static_cast<int>(longest.count()));
}

void SqliteDatabase::count_log_pages(int& pages) {
  const auto hook = [](void* counter, sqlite3* /*database*/, const char* /*name*/, int in_log) {
    *static_cast<int*>(counter) = in_log;
    return SQLITE_OK;
  };
  sqlite3_wal_hook(database_.get(), hook, &pages);
}

void SqliteDatabase::leave_log_at_close() {
  sqlite3_db_config(database_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

void SqliteDatabase::merge_log_at_close() {
  sqlite3_db_config(database_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
}

int SqliteDatabase::merge_log(int& merged) {
  return checkpoint(SQLITE_CHECKPOINT_PASSIVE, &merged);
}

bool SqliteDatabase::sync_file() {
  // SQLite's own descriptor: the end of another one would give up its lock on the file.
  sqlite3_file* file = nullptr;
  sqlite3_file_control(database_.get(), "main", SQLITE_FCNTL_FILE_POINTER, static_cast<void*>(&file));
  return file->pMethods->xSync(file, SQLITE_SYNC_NORMAL) == SQLITE_OK;
}

int SqliteDatabase::restart_log() {
  return checkpoint(SQLITE_CHECKPOINT_RESTART, nullptr);
}

int SqliteDatabase::truncate_log() {
  return checkpoint(SQLITE_CHECKPOINT_TRUNCATE, nullptr);
}

int SqliteDatabase::checkpoint(int mode, int* merged) {
  return sqlite3_wal_checkpoint_v2(database_.get(), "main", mode, nullptr, merged);
}

bool SqliteDatabase::in_transaction() const {
  return sqlite3_get_autocommit(database_.get()) == 0;
}

int SqliteDatabase::last_code() const {
  return sqlite3_extended_errcode(database_.get());
}

bool SqliteDatabase::failed() const {
  const int kind = last_code() & 0xFF;
  return kind != SQLITE_OK && kind != SQLITE_ROW && kind != SQLITE_DONE;
}

bool SqliteDatabase::is_busy() const {
  const int kind = last_code() & 0xFF;
  return kind == SQLITE_BUSY || kind == SQLITE_LOCKED;
}

StoreTrouble SqliteDatabase::trouble() const {
  if (is_busy()) return StoreTrouble::kInUse;
  if (is_full()) return StoreTrouble::kFull;
  switch (last_code() & 0xFF) {
    case SQLITE_ERROR:  // a table is missing, say
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      return StoreTrouble::kDamaged;
    default:
      return StoreTrouble::kUnusable;
  }
}

bool SqliteDatabase::is_full() const {
  if ((last_code() & 0xFF) == SQLITE_FULL) return true;
  // What has reached its user's quota, or the length that a file may have, is for SQLite an error as any other.
  if ((last_code() & 0xFF) != SQLITE_IOERR) return false;
  if (last_write_errors(database_.get()).contains(EDQUOT)) return true;
  return last_code() == SQLITE_IOERR_WRITE && file_size_limit();
}

std::string SqliteDatabase::what() const {
  const int code = last_code();
  const int number = sqlite3_system_errno(database_.get());
  const std::string words = fmt::format("{} (SQLite {})", sqlite3_errmsg(database_.get()), code);
  const std::string system = number == 0 ? words : fmt::format("{}, {}", system_text(number), words);
  if (is_busy()) return fmt::format("another process uses it: {}; end that one", words);
  switch (code & 0xFF) {
    case SQLITE_FULL:
      return fmt::format("the disk is full: {}; make room and start again", words);
    case SQLITE_READONLY: {
      const char* which = code == SQLITE_READONLY_DIRECTORY ? "its directory" : "it";
      return fmt::format("{} is read-only: {}; the node must be allowed to write there", which, words);
    }
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
      return "it cannot be opened: " + system;
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      return fmt::format("it is damaged: {}; {}", words, kAboutDamage);
    case SQLITE_IOERR:
      return fmt::format("the disk gives an error: {}; look at the disk and start again", system);
    default:
      return words;
  }
}

SqliteCopy::SqliteCopy(SqliteDatabase& to, SqliteDatabase& from)
    : copy_(sqlite3_backup_init(to.database_.get(), "main", from.database_.get(), "main")) {}

int SqliteCopy::step(int pages) {
  return copy_ ? sqlite3_backup_step(copy_.get(), pages) : SQLITE_ERROR;
}

void SqliteCopy::Finish::operator()(sqlite3_backup* copy) const {
  sqlite3_backup_finish(copy);
}

}  // namespace meshdict
