#pragma once
// What ties a database file to its log, so that a file whose log is lost, or one beside the log of another file or of another
// time, is never taken for all that there was.
//
// 1. The file and each generation of its log (from one merge to the next) hold a mark; that of a generation names the one
//    before. They fit when they are the same, or the log's names the file's as the one before.
// 2. A mark that says "open" is in the file only while its log holds something: the log gets it first, and close() writes
//    "closed" before it takes the log away.
//
// What is not seen: a file or a log that was copied while its node ran, and put back within the same generation.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "store/sqlite_database.h"

namespace meshdict {

/// Its place in the table of entries. No number of Table; part of the stored format.
inline constexpr std::int64_t kMarkTable = 255;
inline constexpr std::string_view kMarkKey = "log";

struct LogMark {
  /// "": none, of a file that was made before there were marks.
  std::string id;
  std::string previous;
  bool open = false;

  /// For a generation that begins now. The id is drawn from the system.
  [[nodiscard]] LogMark next() const;
  [[nodiscard]] std::string encode() const;
  /// No mark for bytes that are none.
  static LogMark decode(std::string_view bytes);
  [[nodiscard]] bool fits(const LogMark& of_file) const { return id == of_file.id || previous == of_file.id; }
};

/// As the database shows it: with what is in the log.
LogMark read_mark(SqliteDatabase& database);

/// What a file holds by itself.
struct FileAlone {
  LogMark mark;
  /// No entry at all.
  bool empty = false;
};
/// Reads the file without its log, and changes nothing. Nothing where that cannot be read: a merge that was cut short leaves
/// such a file, which makes sense only with its log. REQUIRES: this process has no other connection to it.
std::optional<FileAlone> read_file_alone(const std::string& path);

}  // namespace meshdict
