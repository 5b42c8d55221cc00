#include "store/log_mark.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <cassert>

namespace meshdict {
namespace {

constexpr std::size_t kIdLength = 16;
constexpr std::string_view kOpen = "open";
constexpr std::string_view kClosed = "closed";
constexpr const char* kAskMark = "SELECT value FROM entries WHERE tab = 255 AND key = CAST('log' AS BLOB)";
static_assert(kMarkTable == 255 && kMarkKey == "log");

}  // namespace

LogMark LogMark::next() const {
  std::uint64_t drawn = 0;
  const auto got = getrandom(&drawn, sizeof drawn, 0);
  assert(got == sizeof drawn);
  return {.id = fmt::format("{:016x}", drawn), .previous = id, .open = true};
}

std::string LogMark::encode() const {
  return fmt::format("{} {} {}", open ? kOpen : kClosed, id, previous);
}

LogMark LogMark::decode(std::string_view bytes) {
  const std::size_t first = bytes.find(' ');
  const std::size_t second = first == std::string_view::npos ? first : bytes.find(' ', first + 1);
  if (second != first + 1 + kIdLength) return {};
  return {.id = std::string(bytes.substr(first + 1, kIdLength)),
          .previous = std::string(bytes.substr(second + 1)),
          .open = bytes.substr(0, first) == kOpen};
}

LogMark read_mark(SqliteDatabase& database) {
  return LogMark::decode(database.ask(kAskMark));
}

std::optional<FileAlone> read_file_alone(const std::string& path) {
  SqliteDatabase alone;
  if (alone.open_without_log(path) != 0) return std::nullopt;
  const std::string some = alone.ask("SELECT EXISTS(SELECT 1 FROM entries)");
  if (some.empty()) return std::nullopt;
  FileAlone found{.mark = read_mark(alone), .empty = some == "0"};
  if (found.mark.id.empty() && alone.failed()) return std::nullopt;
  return found;
}

std::expected<void, StoreError> check_log_is_there(const DataDirectory& directory, FoundDatabase found,
                                                   const std::optional<FileAlone>& alone) {
  if (!alone || found == FoundDatabase::kNone) return {};
  const bool has_log = found == FoundDatabase::kWithLog && log_holds_something(directory);
  // A file from before there were marks is never empty beside nothing, but for the first moments of a node.
  const bool wants_log = alone->mark.open || (alone->mark.id.empty() && alone->empty);
  if (has_log || !wants_log) return {};
  return std::unexpected(directory.error(
      StoreTrouble::kDamaged,
      fmt::format(
          "{} has not been closed, and its log {} is {}: what was written last is in that; put it back, or move "
          "the directory away to begin as a new node",
          kDatabaseFile, kLogFile, found == FoundDatabase::kWithLog ? "empty" : "missing")));
}

std::expected<void, StoreError> check_log_fits(const DataDirectory& directory, const LogMark& mark,
                                               const std::optional<FileAlone>& alone) {
  if (!alone || mark.fits(alone->mark)) return {};
  return std::unexpected(directory.error(
      StoreTrouble::kDamaged,
      fmt::format(
          "{} is not the log of {}: they are of different nodes or times; put the two back that belong together, "
          "or move the directory away to begin as a new node",
          kLogFile, kDatabaseFile)));
}

}  // namespace meshdict
