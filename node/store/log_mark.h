#pragma once
// What ties a database file to its log, so that a file is never taken for complete when its log is lost, or when the log beside
// it belongs to another file or to another time.
//
// 1. The file and each generation of its log (from one merge to the next) hold a mark. A generation's mark also names the mark
//    of the generation before. File and log fit when their marks are the same, or when the log's names the file's as the one
//    before.
// 2. The file's mark says "open" only while the log holds something: that mark goes to the log first, and close() writes
//    "closed" before it takes the log away.
//
// What is not seen: a file or a log that was copied while its node ran, and put back within the same generation.

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "store/data_directory.h"
#include "store/database_file.h"
#include "store/sqlite_database.h"

namespace meshdict {

/// Where the mark stands in the table of entries: under a number that no Table has. Part of the stored format.
inline constexpr std::int64_t kMarkTable = 255;
inline constexpr std::string_view kMarkKey = "log";

struct LogMark {
  /// Empty in a file that was made before there were marks.
  std::string id;
  std::string previous;
  bool open = false;

  /// The mark of a generation that begins now. Its id is drawn from the system.
  [[nodiscard]] LogMark next() const;
  [[nodiscard]] std::string encode() const;
  /// An empty mark for bytes that are no mark.
  static LogMark decode(std::string_view bytes);
  [[nodiscard]] bool fits(const LogMark& of_file) const { return id == of_file.id || previous == of_file.id; }
};

/// Reads the mark that the database shows, its log included.
LogMark read_mark(SqliteDatabase& database);

/// What a file holds without its log.
struct FileAlone {
  LogMark mark;
  /// No entry at all.
  bool empty = false;
};
/// Reads the file without its log, and changes nothing. Returns nothing when that cannot be read: a merge that was cut short
/// leaves such a file, which makes sense only with its log. REQUIRES: this process has no other connection to it.
std::optional<FileAlone> read_file_alone(const std::string& path);

/// Error for a file that needs a log which is not there. `alone`: what read_file_alone() says. To be asked before a connection, which
/// would begin a log.
std::expected<void, StoreError> check_log_is_there(const DataDirectory& directory, FoundDatabase found,
                                                   const std::optional<FileAlone>& alone);
/// Error when `mark`, which the database shows with its log, is that of another file's log.
std::expected<void, StoreError> check_log_fits(const DataDirectory& directory, const LogMark& mark,
                                               const std::optional<FileAlone>& alone);

}  // namespace meshdict
