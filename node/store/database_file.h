#pragma once
// A look at a database before SQLite opens it, since SQLite may change what it opens: it rolls back a journal that lies beside
// the file, removes a log beside an empty file, and treats a log with a damaged header as if there were none.
//
// 1. Nothing is written. What is refused here is as it was.
// 2. Only what the headers tell is judged; whether the pages make sense is for SQLite to say.
//
// Source: "Database File Format" of SQLite, sections 1.3 (header of the file) and 4.1 (header of the log).

#include <cstdint>
#include <expected>
#include <string_view>

#include "core/env/store.h"
#include "store/data_directory.h"

namespace meshdict {

inline constexpr std::string_view kDatabaseFile = "meshdict.db";
inline constexpr std::string_view kLogFile = "meshdict.db-wal";
/// The form of the tables, in the header (user_version). 1: entries(tab, key, value).
inline constexpr std::uint32_t kSchema = 1;
/// "mshd", in the header (application_id): tells our databases from others.
inline constexpr std::uint32_t kApplicationId = 0x6D736864;

enum class FoundDatabase : std::uint8_t {
  kNone,     ///< neither the file nor anything that belongs to one
  kAlone,    ///< a database without a log
  kWithLog,  ///< a database with a log: it has not been closed
};

/// What the directory holds. Error, with what to do: it must not be opened (damaged, foreign, of another schema) or cannot be
/// written.
std::expected<FoundDatabase, StoreError> inspect_database(const DataDirectory& directory);

/// Whether the log is longer than its header. A log that cannot be read counts as longer.
bool log_holds_something(const DataDirectory& directory);

/// What to do about damage: all that helps is to restore a copy.
inline constexpr std::string_view kAboutDamage =
    "put a copy of it back, or move the directory away to begin as a new node";

}  // namespace meshdict
