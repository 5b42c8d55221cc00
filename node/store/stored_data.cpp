#include "store/stored_data.h"

#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <cerrno>
#include <optional>

#include "store/database_file.h"
#include "store/log_mark.h"
#include "store/store_limits.h"

namespace meshdict {

std::expected<std::unique_ptr<StoredData>, StoreError> StoredData::open(const std::string& directory) {
  struct stat found{};
  // What is not there is not to be made.
  if (::stat(directory.c_str(), &found) != 0) {
    return std::unexpected(
        StoreError{.trouble = StoreTrouble::kUnusable, .what = system_text(errno), .path = directory});
  }
  auto locked = DataDirectory::open(directory);
  if (!locked) return std::unexpected(std::move(locked.error()));
  std::unique_ptr<StoredData> data(new StoredData(std::move(*locked)));
  if (auto opened = data->open_files(); !opened) return std::unexpected(std::move(opened.error()));
  return data;
}

std::expected<void, StoreError> StoredData::open_files() {
  const auto found = inspect_database(directory_);
  if (!found) return std::unexpected(found.error());
  if (*found == FoundDatabase::kNone) {
    return std::unexpected(
        directory_.error(StoreTrouble::kUnusable,
                         fmt::format("there is no {} in it: it is not the data directory of a node", kDatabaseFile)));
  }
  const std::string file = directory_.file(kDatabaseFile);
  const std::optional<FileAlone> alone = read_file_alone(file);
  if (auto complete = check_log_is_there(directory_, *found, alone); !complete) return complete;
  was_killed_ = *found == FoundDatabase::kWithLog && log_holds_something(directory_);
  if (!was_killed_) {
    if (database_.open_without_log(file) != SQLITE_OK) return std::unexpected(database_error());
    return {};
  }
  const bool good = database_.open(file, SqliteDatabase::IfAbsent::kFail) == SQLITE_OK &&
                    database_.run("PRAGMA query_only = ON; PRAGMA cell_size_check = ON") == SQLITE_OK;
  database_.leave_log_at_close();
  if (!good) return std::unexpected(database_error());
  const LogMark mark = read_mark(database_);
  if (mark.id.empty() && database_.failed()) return std::unexpected(database_error());
  return check_log_fits(directory_, mark, alone);
}

std::expected<void, StoreError> StoredData::load(Table table, const Visitor& visit) {
  SqliteStatement rows = database_.prepare("SELECT key, value FROM entries WHERE tab = ?1 ORDER BY key");
  if (!rows) return std::unexpected(database_error());
  rows.bind(1, static_cast<std::int64_t>(table));
  int code = rows.step();
  for (; code == SQLITE_ROW; code = rows.step())
    visit(rows.blob(0), rows.blob(1));
  if (code != SQLITE_DONE) return std::unexpected(database_error());
  return {};
}

std::vector<std::string> StoredData::damage() {
  SqliteStatement rows = database_.prepare(fmt::format("PRAGMA integrity_check({})", store_limits::kToldDamages));
  std::vector<std::string> found;
  int code = rows ? rows.step() : SQLITE_ERROR;
  for (; code == SQLITE_ROW; code = rows.step())
    found.emplace_back(rows.blob(0));
  if (code != SQLITE_DONE) found.push_back(database_.what());
  if (found.size() == 1 && found.front() == "ok") found.clear();
  return found;
}

StoreError StoredData::database_error() const {
  return directory_.error(database_.trouble(), fmt::format("{}: {}", kDatabaseFile, database_.what()));
}

}  // namespace meshdict
