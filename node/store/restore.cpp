#include "store/restore.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>

#include "core/memory/identity.h"
#include "store/data_directory.h"
#include "store/data_network.h"
#include "store/database_copy.h"
#include "store/database_file.h"
#include "store/log_mark.h"
#include "store/sqlite_database.h"

namespace meshdict {
namespace {

constexpr std::string_view kAboutBackups =
    "give a file that MESH BACKUP has made, or meshdict.db of a node that has been stopped";

std::unexpected<StoreError> refused(const std::string& backup, StoreTrouble trouble, std::string_view what) {
  return std::unexpected(StoreError{.trouble = trouble, .what = fmt::format("backup '{}': {}", backup, what)});
}

std::unexpected<StoreError> unreadable(const std::string& backup, const SqliteDatabase& database) {
  if (database.trouble() != StoreTrouble::kDamaged) return refused(backup, database.trouble(), database.what());
  return refused(backup, StoreTrouble::kDamaged, fmt::format("is damaged, or no database at all; {}", kAboutBackups));
}

std::string meta(SqliteDatabase& database, std::string_view name) {
  return database.ask(
      fmt::format("SELECT value FROM entries WHERE tab = 0 AND key = CAST('{}' AS BLOB)", name).c_str());
}

/// Opens it for reading, and looks whether it is what it should be.
std::expected<SqliteDatabase, StoreError> open_backup(const std::string& backup) {
  struct stat found{};
  if (::stat(backup.c_str(), &found) != 0) return refused(backup, StoreTrouble::kUnusable, system_text(errno));
  if (!S_ISREG(found.st_mode)) {
    return refused(backup, StoreTrouble::kUnusable, fmt::format("is no file; {}", kAboutBackups));
  }
  SqliteDatabase database;
  database.open_without_log(backup);
  const std::string program = database.ask("PRAGMA application_id");
  if (program.empty()) return unreadable(backup, database);
  if (program != std::to_string(kApplicationId)) {
    return refused(backup, StoreTrouble::kForeign, fmt::format("is not of a meshdict node; {}", kAboutBackups));
  }
  const std::string schema = database.ask("PRAGMA user_version");
  if (schema != std::to_string(kSchema)) {
    return refused(
        backup, StoreTrouble::kForeign,
        fmt::format("is of a newer meshdict: its schema is {}, and this version knows {} at the most; use that "
                    "version",
                    schema, kSchema));
  }
  if (read_mark(database).open) {
    return refused(
        backup, StoreTrouble::kDamaged,
        fmt::format("its node has not been stopped, so that what was written last is not in it; {}", kAboutBackups));
  }
  const std::string verdict = database.ask("PRAGMA integrity_check(1)");
  if (verdict.empty()) return unreadable(backup, database);
  if (verdict != "ok") {
    return refused(backup, StoreTrouble::kDamaged, fmt::format("is damaged: {}; take another one", verdict));
  }
  return database;
}

}  // namespace

std::expected<Restored, StoreError> restore(const std::string& backup, const std::string& directory, RestoreAs as) {
  auto from = open_backup(backup);
  if (!from) return std::unexpected(std::move(from.error()));
  const Restored restored{.records = from->ask("SELECT count(*) FROM entries WHERE tab = 1"),
                          .node_id = meta(*from, kMetaNodeId),
                          .network = meta(*from, kMetaNetwork)};
  auto made = DataDirectory::open(directory);
  if (!made) return std::unexpected(std::move(made.error()));
  for (const std::string_view name : {kDatabaseFile, kLogFile}) {
    const auto there = made->has(name);
    if (!there) return std::unexpected(there.error());
    if (!*there) continue;
    return std::unexpected(made->error(
        StoreTrouble::kUnusable,
        fmt::format("{} is there: nothing is overwritten; name a new directory, or move this one away", name)));
  }
  const auto failed = [&](std::string what) {
    return std::unexpected(StoreError{.trouble = StoreTrouble::kUnusable, .what = std::move(what)});
  };
  auto file = UnfinishedFile::create(made->file(kDatabaseFile));
  if (!file) return failed(std::move(file.error()));
  std::string changes;
  if (as == RestoreAs::kNewNode) {
    changes = fmt::format("DELETE FROM entries WHERE tab = 0 AND key IN (CAST('{}' AS BLOB), CAST('{}' AS BLOB));",
                          kMetaNodeId, kMetaBoot);
  }
  auto copied = copy_pages(*from, *file, [] { return std::expected<void, std::string>(); });
  if (copied) copied = finish_copy(*file, changes);
  if (copied) copied = file->keep();
  if (!copied) return failed(std::move(copied.error()));
  return restored;
}

}  // namespace meshdict
