#pragma once
// Whole copies of a database as one file: how backups are made, and data directories of them.
//
// A finished copy is what a store leaves when it is closed: all in one file, with a mark (log_mark.h) that says so, and that no log of
// another file fits. It can lie in a data directory as meshdict.db.

#include <expected>
#include <functional>
#include <string>

#include "store/sqlite_database.h"
#include "store/unfinished_file.h"

namespace meshdict {

/// Copies all pages, piece by piece; `go_on` is asked before each, and says why not. REQUIRES: `from` is in a transaction, or nobody
/// writes it: otherwise the copy would begin anew again and again. Error text names the file.
using GoOn = std::function<std::expected<void, std::string>()>;
std::expected<void, std::string> copy_pages(SqliteDatabase& from, const UnfinishedFile& to, const GoOn& go_on);

/// Runs `changes` (SQL, or nothing) on the copy, gives it a mark, and has SQLite check it.
std::expected<void, std::string> finish_copy(const UnfinishedFile& copy, const std::string& changes);

}  // namespace meshdict
