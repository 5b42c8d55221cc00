#include "store/sqlite_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <tuple>
#include <utility>

#include "store/database_file.h"
#include "store/disk_room.h"
#include "store/store_limits.h"

namespace meshdict {
namespace {

/// Holds the database while it is made, so that meshdict.db is complete from its first moment.
constexpr std::string_view kUnfinished = "meshdict.db.new";

/// Pages: on a small disk, or where the files of this process may not be long, a part of what there is.
int longest_log(const std::string& directory, const WaterMarks& files) {
  constexpr auto kMuch = ~std::uint64_t{0};
  const std::uint64_t bytes = std::min(
      {free_bytes(directory).value_or(kMuch), file_size_limit().value_or(kMuch), files.bounded() ? files.most : kMuch});
  const std::uint64_t pages =
      std::min<std::uint64_t>(bytes / store_limits::kLogPart / 4'096, store_limits::kMergePages);
  return std::max(static_cast<int>(pages), store_limits::kLeastMergePages);
}

constexpr std::uint64_t log_bytes(int pages) {
  return std::uint64_t{4'096} * static_cast<std::uint64_t>(pages);
}

std::string log_size_limit(int merge_pages) {
  return fmt::format("PRAGMA journal_size_limit = {};", 2 * log_bytes(merge_pages));
}

std::string settings(Durability durability, int merge_pages) {
  // Debian's SQLite overwrites what is deleted unless told otherwise: that costs a tenth of the writes and is not asked for.
  // The limit of the log's size counts when it is begun anew: one large turn does not leave a large file for ever.
  return fmt::format(
      "PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF;"
      "PRAGMA secure_delete = OFF; PRAGMA cache_size = -{}; PRAGMA synchronous = {}; {}",
      store_limits::kCacheKiB, durability == Durability::kAlways ? "FULL" : "NORMAL", log_size_limit(merge_pages));
}

std::string schema() {
  LogMark mark = LogMark().next();
  mark.open = false;
  return fmt::format(
      "BEGIN EXCLUSIVE;"
      "CREATE TABLE entries(tab INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY(tab, key))"
      " STRICT, WITHOUT ROWID;"
      "INSERT INTO entries VALUES({}, CAST('{}' AS BLOB), CAST('{}' AS BLOB));"
      "PRAGMA application_id = {}; PRAGMA user_version = {};"
      "COMMIT;",
      kMarkTable, kMarkKey, mark.encode(), kApplicationId, kSchema);
}

/// Runs a statement that gives no rows. After an error it is left as it is, for the error's text.
bool run(SqliteStatement& statement) {
  const bool done = statement.step() == SQLITE_DONE;
  if (done) statement.reset();
  return done;
}

}  // namespace

std::expected<std::unique_ptr<SqliteStore>, StoreError> SqliteStore::open(const std::string& directory,
                                                                          Durability durability,
                                                                          const WaterMarks& files) {
  auto locked = DataDirectory::open(directory);
  if (!locked) return std::unexpected(std::move(locked.error()));
  std::unique_ptr<SqliteStore> store(new SqliteStore(std::move(*locked), durability));
  store->longest_file_ = file_size_limit();
  store->merge_pages_ = longest_log(store->directory_->path(), files);
  const auto found = inspect_database(*store->directory_);
  if (!found) return std::unexpected(found.error());
  if (*found == FoundDatabase::kNone) {
    if (auto created = store->create_file(); !created) return std::unexpected(std::move(created.error()));
  }
  std::optional<FileAlone> alone;
  if (*found != FoundDatabase::kNone) alone = read_file_alone(store->directory_->file(kDatabaseFile));
  if (const auto complete = check_log_is_there(*store->directory_, *found, alone); !complete) {
    return std::unexpected(complete.error());
  }
  if (auto opened = store->open_files(alone); !opened) {
    // SQLite begins a log at its first look. While the file is ours it can be taken away again: nobody else uses it.
    if (*found != FoundDatabase::kWithLog && !store->database_.is_busy()) {
      std::error_code trouble;
      std::filesystem::remove(store->directory_->file(kLogFile), trouble);
    }
    return std::unexpected(std::move(opened.error()));
  }
  return store;
}

SqliteStore::~SqliteStore() {
  disconnect();
}

std::expected<void, StoreError> SqliteStore::open_files(const std::optional<FileAlone>& alone) {
  auto opened = connect(database_);
  if (opened) opened = check_mark(alone);
  if (opened) opened = check_content();
  if (opened) opened = prepare_statements();
  if (opened) opened = start_log_keeper();
  // Where there is none, a full disk is found out by a commit that fails.
  if (opened) has_room_ = reserve_.take(directory_->path()) != Reserve::Taken::kNoRoom;
  return opened;
}

std::expected<void, StoreError> SqliteStore::create_file() {
  const std::string unfinished = directory_->file(kUnfinished);
  for (const char* rest : {"", "-wal", "-journal"}) {
    std::error_code trouble;
    std::filesystem::remove(unfinished + rest, trouble);
  }
  // For its owner only, and so is the log, which SQLite makes like its file.
  const FileDescriptor file(::open(unfinished.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) {
    const int code = errno;
    return std::unexpected(
        directory_->error(trouble_of(code), fmt::format("{} cannot be made: {}", kUnfinished, system_text(code))));
  }
  SqliteDatabase made;
  // Such a file can be made shorter, piece by piece. That is chosen before it holds anything.
  const bool good = made.open(unfinished, SqliteDatabase::IfAbsent::kMake) == SQLITE_OK &&
                    made.run("PRAGMA auto_vacuum = INCREMENTAL") == SQLITE_OK &&
                    made.run(settings(Durability::kAlways, merge_pages_).c_str()) == SQLITE_OK &&
                    made.ask("PRAGMA journal_mode = WAL") == "wal" && made.run(schema().c_str()) == SQLITE_OK &&
                    made.truncate_log() == SQLITE_OK;
  if (!good) {
    return std::unexpected(directory_->error(made.trouble(), fmt::format("{}: {}", kUnfinished, made.what())));
  }
  made = {};
  if (std::rename(unfinished.c_str(), directory_->file(kDatabaseFile).c_str()) != 0) {
    const int code = errno;
    return std::unexpected(directory_->error(
        trouble_of(code),
        fmt::format("{} cannot be renamed to {}: {}", kUnfinished, kDatabaseFile, system_text(code))));
  }
  created_ = true;
  return directory_->sync();
}

std::expected<void, StoreError> SqliteStore::connect(SqliteDatabase& database) {
  const auto good = [&] {
    if (database.open(directory_->file(kDatabaseFile), SqliteDatabase::IfAbsent::kFail) != SQLITE_OK) return false;
    // Until close(), and so until the file has been found good, nothing is merged by the end of a connection.
    database.leave_log_at_close();
    database.count_log_pages(log_pages_);
    if (database.run(settings(durability_, merge_pages_).c_str()) != SQLITE_OK) return false;
    // The first look at the file: takes it for this process, and finds what is in the log.
    if (database.run("BEGIN IMMEDIATE; COMMIT") != SQLITE_OK) return false;
    database.set_busy_wait(store_limits::kBusyWait);
    return true;
  };
  if (good()) return {};
  return std::unexpected(directory_->error(database.trouble(), fmt::format("{}: {}", kDatabaseFile, database.what())));
}

std::expected<void, StoreError> SqliteStore::check_content() {
  const std::string verdict = database_.ask("PRAGMA quick_check(1)");
  if (verdict.empty()) return std::unexpected(database_error());
  if (verdict == "ok") return {};
  return std::unexpected(directory_->error(
      StoreTrouble::kDamaged, fmt::format("{}: it is damaged: {}; {}", kDatabaseFile, verdict, kAboutDamage)));
}

std::expected<void, StoreError> SqliteStore::check_mark(const std::optional<FileAlone>& alone) {
  mark_ = read_mark(database_);
  created_ |= database_.ask("SELECT EXISTS(SELECT 1 FROM entries WHERE tab <> 255)") == "0";
  return check_log_fits(*directory_, mark_, alone);
}

std::expected<void, StoreError> SqliteStore::prepare_statements() {
  const auto prepare = [this](SqliteStatement& statement, std::string_view sql) {
    statement = database_.prepare(sql);
    return static_cast<bool>(statement);
  };
  const bool good = prepare(begin_, "BEGIN IMMEDIATE") && prepare(end_, "COMMIT") &&
                    prepare(put_, "INSERT OR REPLACE INTO entries(tab, key, value) VALUES(?1, ?2, ?3)") &&
                    prepare(erase_, "DELETE FROM entries WHERE tab = ?1 AND key = ?2") &&
                    prepare(load_, "SELECT key, value FROM entries WHERE tab = ?1 ORDER BY key");
  if (!good) return std::unexpected(database_error());
  return {};
}

std::expected<void, StoreError> SqliteStore::start_log_keeper() {
  SqliteDatabase second;
  if (auto connected = connect(second); !connected) return connected;
  // The log is made by the first look at the file and stays until close(), so its descriptor stays good.
  FileDescriptor log;
  for (const auto& [name, descriptor] : {std::pair(kLogFile, &log), std::pair(kDatabaseFile, &file_)}) {
    *descriptor = FileDescriptor(::open(directory_->file(name).c_str(), O_RDWR | O_CLOEXEC));
    if (*descriptor) continue;
    const std::string why = system_text(errno);
    return std::unexpected(
        directory_->error(StoreTrouble::kUnusable, fmt::format("{} cannot be opened: {}", name, why)));
  }
  log_keeper_ = std::make_unique<LogKeeper>(merge_pages_, std::move(second), std::move(log), file_.get());
  return directory_->sync();
}

std::expected<void, StoreError> SqliteStore::load(Table table, const Visitor& visit) {
  if (failure_) return std::unexpected(*failure_);
  load_.bind(1, static_cast<std::int64_t>(table));
  int code = load_.step();
  for (; code == SQLITE_ROW; code = load_.step())
    visit(load_.blob(0), load_.blob(1));
  const bool complete = code == SQLITE_DONE;
  StoreError error = complete ? StoreError{} : database_error();
  load_.reset();
  if (!complete) return std::unexpected(std::move(error));
  return {};
}

void SqliteStore::put(Table table, std::string_view key, std::string_view value) {
  stage(table, key, value, Change::kPut);
}

void SqliteStore::erase(Table table, std::string_view key) {
  stage(table, key, {}, Change::kErase);
}

void SqliteStore::stage(Table table, std::string_view key, std::string_view value, Change change) {
  const std::size_t key_at = bytes_.size();
  bytes_.append(key).append(value);
  staged_.push_back({table, change, key_at, key_at + key.size(), bytes_.size()});
}

std::string_view SqliteStore::key(const Staged& write) const {
  return std::string_view(bytes_).substr(write.key_at, write.value_at - write.key_at);
}

std::expected<void, StoreError> SqliteStore::commit() {
  if (!failure_) {
    if (auto failed = log_keeper_->failure()) failure_ = directory_->error(StoreTrouble::kUnusable, *failed);
  }
  if (!failure_ && !staged_.empty()) {
    const LogKeeper::Writing writing(*log_keeper_);
    const bool first = std::exchange(is_first_, false);
    // The file catches up with a log that was left, so that the next mark follows the one in the file.
    if (first) begins_log_ = merge_into_file();
    auto applied = write_staged();
    // The log has its mark, and is to be found after a power failure, before the file says that there is one.
    if (applied && first && mark_.open && directory_->sync()) begins_log_ = merge_into_file();
    if (!applied) failure_ = std::move(applied.error());
  }
  drop_staged();
  if (failure_) return std::unexpected(*failure_);
  if (has_room_ && !file_may_grow()) lack_room();
  if (!files_are_full_ && file_marks_.bounded() && file_marks_.is_full(file_bytes(), false)) {
    files_are_full_ = true;
    room_asked_ = std::chrono::steady_clock::now();
  }
  if (!has_room()) ask_for_room();
  if (backup_) backup_->begin();
  return {};
}

std::expected<void, std::string> SqliteStore::begin_backup(const std::string& name, BackupDone done) {
  if (failure_) return std::unexpected(failure_->what);
  if (backup_ && !backup_->is_over()) return std::unexpected("another backup is under way: wait until that has ended");
  auto file = UnfinishedFile::create(name);
  if (!file) return std::unexpected(std::move(file.error()));
  SqliteDatabase source;
  if (auto connected = connect(source); !connected) return std::unexpected(connected.error().what);
  backup_ = std::make_unique<OnlineBackup>(std::move(source), *log_keeper_, std::move(*file), std::move(done));
  return {};
}

void SqliteStore::end_backup(const std::string& why) {
  if (backup_) backup_->end_reading(why);
}

void SqliteStore::ask_for_room() {
  const auto now = std::chrono::steady_clock::now();
  if (now - room_asked_ < store_limits::kAskForRoomEvery) return;
  room_asked_ = now;
  make_room();
  has_room_ = file_may_grow() && (reserve_ || has_room_for_reserve());
  files_are_full_ = file_marks_.is_full(file_bytes(), files_are_full_);
}

void SqliteStore::limit_files(const WaterMarks& marks, bool were_full) {
  file_marks_ = marks;
  files_are_full_ = marks.is_full(file_bytes(), were_full);
}

std::uint64_t SqliteStore::file_bytes() const {
  if (!directory_) return 0;
  std::uint64_t bytes = 0;
  for (const std::string_view name : {kDatabaseFile, kLogFile}) {
    struct stat file{};
    if (::stat(directory_->file(name).c_str(), &file) == 0) bytes += static_cast<std::uint64_t>(file.st_size);
  }
  return bytes;
}

bool SqliteStore::has_room_for_reserve() {
  const Reserve::Taken taken = reserve_.take(directory_->path());
  if (taken != Reserve::Taken::kUnsupported) return taken == Reserve::Taken::kYes;
  return free_bytes(directory_->path()).value_or(0) >= static_cast<std::uint64_t>(store_limits::kLeastReserveBytes);
}

void SqliteStore::lack_room() {
  has_room_ = false;
  room_asked_ = std::chrono::steady_clock::now();
}

bool SqliteStore::file_may_grow() const {
  if (!longest_file_) return true;
  struct stat file{};
  if (::fstat(file_.get(), &file) != 0) return true;
  // By two merges of the log: one is perhaps under way.
  return static_cast<std::uint64_t>(file.st_size) + 2 * log_bytes(merge_pages_) <= *longest_file_;
}

void SqliteStore::make_room() {
  const LogKeeper::Writing writing(*log_keeper_);
  for (int round = 0; round < store_limits::kGivenBackRounds; ++round) {
    if (!shorten_log() || !give_back_some()) return;
  }
  shorten_log();
}

bool SqliteStore::give_back_some() {
  if (database_.ask("PRAGMA freelist_count") == "0") return false;
  const std::string sql = fmt::format("PRAGMA incremental_vacuum({})", store_limits::kGivenBackPages);
  if (run(begin_) && database_.run(sql.c_str()) == SQLITE_OK && run(end_)) return true;
  roll_back();
  return false;
}

bool SqliteStore::shorten_log() {
  if (backup_) backup_->end_reading("the disk that holds the node's data is full");
  if (database_.restart_log() != SQLITE_OK) return false;
  // The mark below is that of the log that begins now, whichever thread merged the last one: a second mark would not follow the
  // file's.
  static_cast<void>(log_keeper_->take_restarted());
  // What begins the log anew also cuts it. At no moment is there none: the next start would ask for it.
  const LogMark mark = mark_;
  database_.run("PRAGMA journal_size_limit = 0");
  const bool good = run(begin_) && write_mark(mark_.next()) && run(end_);
  database_.run(log_size_limit(merge_pages_).c_str());
  begins_log_ = !good;
  log_keeper_->committed(log_pages_, false);
  if (good) return true;
  mark_ = mark;
  roll_back();
  return false;
}

std::expected<void, StoreError> SqliteStore::write_staged() {
  const LogMark mark = mark_;
  const bool begins_log = begins_log_;
  auto applied = apply_staged();
  // First with the room of the reserve, and then with that of the log, which a merge empties.
  for (const bool last : {false, true}) {
    if (applied || !disk_is_full_) return applied;
    if (!reserve_.give_up() && !last) continue;
    lack_room();
    mark_ = mark;
    begins_log_ = begins_log;
    if (last && !shorten_log()) return applied;
    applied = apply_staged();
  }
  return applied;
}

std::expected<void, StoreError> SqliteStore::apply_staged() {
  // Neighbours in the tree are written together; among writes of one key, the last stands last.
  std::ranges::stable_sort(staged_, [this](const Staged& left, const Staged& right) {
    return std::tuple(left.table, key(left)) < std::tuple(right.table, key(right));
  });
  begins_log_ |= log_keeper_->take_restarted();
  bool good = run(begin_) && (!std::exchange(begins_log_, false) || write_mark(mark_.next()));
  for (std::size_t i = 0; good && i < staged_.size(); ++i) {
    const bool overtaken =
        i + 1 < staged_.size() && staged_[i].table == staged_[i + 1].table && key(staged_[i]) == key(staged_[i + 1]);
    good = overtaken || apply(staged_[i]);
  }
  if (good && run(end_)) {
    log_keeper_->committed(log_pages_, durability_ == Durability::kInterval);
    return {};
  }
  StoreError error = database_error();
  disk_is_full_ = database_.is_full();
  roll_back();
  return std::unexpected(std::move(error));
}

void SqliteStore::roll_back() {
  for (SqliteStatement* statement : {&begin_, &end_, &put_, &erase_})
    statement->reset();
  if (database_.in_transaction()) database_.run("ROLLBACK");
}

bool SqliteStore::write_mark(const LogMark& mark) {
  const std::string value = mark.encode();
  put_.bind(1, kMarkTable);
  put_.bind(2, kMarkKey);
  put_.bind(3, std::string_view(value));
  mark_ = mark;
  return run(put_);
}

bool SqliteStore::merge_into_file() {
  // Nothing is lost when this fails, for example because there is no room: the log has it, and it is merged later.
  int merged = 0;
  return database_.merge_log(merged) == SQLITE_OK;
}

bool SqliteStore::apply(const Staged& write) {
  SqliteStatement& statement = write.change == Change::kErase ? erase_ : put_;
  statement.bind(1, static_cast<std::int64_t>(write.table));
  statement.bind(2, key(write));
  if (write.change == Change::kPut)
    statement.bind(3, std::string_view(bytes_).substr(write.value_at, write.end - write.value_at));
  return run(statement);
}

void SqliteStore::drop_staged() {
  staged_.clear();
  bytes_.clear();
  if (bytes_.capacity() <= store_limits::kKeptBytes) return;
  bytes_ = {};
  staged_ = {};
}

std::expected<void, StoreError> SqliteStore::close() {
  if (!directory_) return {};
  backup_.reset();
  log_keeper_.reset();
  std::expected<void, StoreError> outcome;
  // A log with a failed write behind it stays as it is: the next start replays what is whole in it.
  if (!failure_) {
    LogMark closed = mark_;
    closed.open = false;
    reserve_.give_up();
    if ((!mark_.open || write_mark(closed)) && database_.truncate_log() == SQLITE_OK) {
      database_.merge_log_at_close();
    } else if (!database_.is_full()) {
      // Else the log stays, and the next start reads it, as after a kill.
      outcome = std::unexpected(database_error());
    }
  }
  disconnect();
  if (!failure_) failure_ = directory_->error(StoreTrouble::kUnusable, "the store has been closed");
  directory_.reset();
  return outcome;
}

void SqliteStore::disconnect() {
  backup_.reset();
  log_keeper_.reset();
  // Statements go before their database.
  for (SqliteStatement* statement : {&begin_, &end_, &put_, &erase_, &load_})
    *statement = {};
  database_ = {};
  // After the last connection: with it end the process's locks on the file (fcntl(2)).
  file_ = {};
}

StoreError SqliteStore::database_error() const {
  return directory_->error(database_.trouble(), fmt::format("{}: {}", kDatabaseFile, database_.what()));
}

}  // namespace meshdict
