#include "store/database_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <string>

namespace meshdict {
namespace {

constexpr std::string_view kJournalFile = "meshdict.db-journal";
constexpr std::string_view kMagic{"SQLite format 3\0", 16};
constexpr std::size_t kHeader = 100;
constexpr std::size_t kLogHeader = 32;
/// The smallest page of any database: what is shorter is none.
constexpr std::uint64_t kShortestFile = 512;
/// Of a log whose checksums are of little-endian words; with the lowest bit set they are big-endian.
constexpr std::uint32_t kLogMagic = 0x377F0682;

/// The beginning of a file that may be written.
struct Beginning {
  std::string bytes;
  std::uint64_t file_size = 0;
};

std::uint32_t big_endian(std::string_view bytes, std::size_t at) {
  std::uint32_t number = 0;
  for (std::size_t i = at; i < at + 4; ++i)
    number = number << 8 | static_cast<std::uint8_t>(bytes[i]);
  return number;
}

/// The first `size` bytes, fewer if the file is shorter.
std::expected<Beginning, StoreError> read_beginning(const DataDirectory& directory, std::string_view name,
                                                    std::size_t size) {
  const auto trouble = [&](std::string_view what) {
    return std::unexpected(
        directory.error(StoreTrouble::kUnusable, fmt::format("{} {}: {}", name, what, system_text(errno))));
  };
  const FileDescriptor file(::open(directory.file(name).c_str(), O_RDWR | O_CLOEXEC));
  if (!file) return trouble("cannot be written");
  struct stat found{};
  if (::fstat(file.get(), &found) != 0) return trouble("cannot be read");
  Beginning beginning{std::string(size, '\0'), static_cast<std::uint64_t>(found.st_size)};
  const ssize_t got = ::pread(file.get(), beginning.bytes.data(), size, 0);
  if (got < 0) return trouble("cannot be read");
  beginning.bytes.resize(static_cast<std::size_t>(got));
  return beginning;
}

StoreError damaged(const DataDirectory& directory, std::string_view name, std::string_view how) {
  return directory.error(StoreTrouble::kDamaged, fmt::format("{}: it is damaged: {}; {}", name, how, kAboutDamage));
}

std::expected<void, StoreError> check_file(const DataDirectory& directory) {
  const auto beginning = read_beginning(directory, kDatabaseFile, kHeader);
  if (!beginning) return std::unexpected(beginning.error());
  const std::string& header = beginning->bytes;
  if (beginning->file_size < kShortestFile || header.size() < kHeader) {
    return std::unexpected(
        damaged(directory, kDatabaseFile, fmt::format("it is only {} bytes long", beginning->file_size)));
  }
  if (!header.starts_with(kMagic)) {
    return std::unexpected(damaged(directory, kDatabaseFile, "it does not begin as a SQLite database"));
  }
  if (big_endian(header, 68) != kApplicationId) {
    return std::unexpected(
        directory.error(StoreTrouble::kForeign,
                        fmt::format("{} is a database of another program; choose another directory", kDatabaseFile)));
  }
  const std::uint32_t schema = big_endian(header, 60);
  if (schema > kSchema) {
    return std::unexpected(directory.error(
        StoreTrouble::kForeign,
        fmt::format(
            "{} is of a newer meshdict: its schema is {}, and this version knows {} at the most; use that version",
            kDatabaseFile, schema, kSchema)));
  }
  // Schema 1 is the first: there is none to migrate from. A later one adds its steps to SqliteStore::open().
  if (schema < kSchema) {
    return std::unexpected(damaged(directory, kDatabaseFile, fmt::format("there is no schema {}", schema)));
  }
  if (header[18] != 2 || header[19] != 2) {
    return std::unexpected(directory.error(
        StoreTrouble::kForeign,
        fmt::format(
            "{} is not in write-ahead mode, as copies sometimes are; run: sqlite3 {} 'PRAGMA journal_mode = WAL'",
            kDatabaseFile, kDatabaseFile)));
  }
  return {};
}

/// The sum that the header of a log ends with, over all before it.
bool log_header_is_whole(std::string_view header) {
  const std::uint32_t magic = big_endian(header, 0);
  if ((magic | 1U) != (kLogMagic | 1U)) return false;
  std::array<std::uint32_t, 2> sum{};
  for (std::size_t at = 0; at < 24; at += 8) {
    std::array words{big_endian(header, at), big_endian(header, at + 4)};
    if (magic == kLogMagic) words = {__builtin_bswap32(words[0]), __builtin_bswap32(words[1])};
    sum[0] += words[0] + sum[1];
    sum[1] += words[1] + sum[0];
  }
  return sum == std::array{big_endian(header, 24), big_endian(header, 28)};
}

std::expected<void, StoreError> check_log(const DataDirectory& directory) {
  const auto beginning = read_beginning(directory, kLogFile, kLogHeader);
  if (!beginning) return std::unexpected(beginning.error());
  // A log gets frames only after its header has been synced: one that is no longer than that holds nothing.
  if (beginning->file_size <= kLogHeader || log_header_is_whole(beginning->bytes)) return {};
  return std::unexpected(damaged(directory, kLogFile, "its header makes no sense"));
}

}  // namespace

bool log_holds_something(const DataDirectory& directory) {
  const auto beginning = read_beginning(directory, kLogFile, kLogHeader);
  return !beginning || beginning->file_size > kLogHeader;
}

std::expected<FoundDatabase, StoreError> inspect_database(const DataDirectory& directory) {
  const auto file = directory.has(kDatabaseFile);
  const auto log = directory.has(kLogFile);
  const auto journal = directory.has(kJournalFile);
  for (const auto* found : {&file, &log, &journal}) {
    if (!*found) return std::unexpected(found->error());
  }
  if (*journal) {
    return std::unexpected(directory.error(
        StoreTrouble::kForeign,
        fmt::format(
            "{} is there, which meshdict does not make: another program has changed {}; open it with sqlite3 to "
            "roll that back",
            kJournalFile, kDatabaseFile)));
  }
  if (!*file && *log) {
    return std::unexpected(directory.error(
        StoreTrouble::kDamaged,
        fmt::format("{} is missing, but its log {} is there; {}", kDatabaseFile, kLogFile, kAboutDamage)));
  }
  if (!*file) return FoundDatabase::kNone;
  auto checked = check_file(directory);
  if (checked && *log) checked = check_log(directory);
  if (!checked) return std::unexpected(std::move(checked.error()));
  return *log ? FoundDatabase::kWithLog : FoundDatabase::kAlone;
}

}  // namespace meshdict
