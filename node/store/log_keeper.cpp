#include "store/log_keeper.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "core/env/limits.h"
#include "store/data_directory.h"
#include "store/database_file.h"
#include "store/store_limits.h"

namespace meshdict {

using store_limits::kMergeRounds;
using store_limits::kWaitPages;
using store_limits::kWriteOutBytes;

namespace {

/// By errno.
std::string not_synced(std::string_view file) {
  return fmt::format("{} cannot be synced to the disk: {}; look at the disk and start again", file, system_text(errno));
}

}  // namespace

LogKeeper::LogKeeper(int merge_pages, SqliteDatabase database, FileDescriptor log, int file)
    : merge_pages_(merge_pages),
      database_(std::move(database)),
      log_(std::move(log)),
      file_(file),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

void LogKeeper::committed(int pages, bool sync_due) {
  const std::lock_guard lock(mutex_);
  const bool crossed = pages_ < merge_pages_ && pages >= merge_pages_;
  pages_ = pages;
  sync_due_ |= sync_due;
  if (crossed) wake_.notify_one();
}

bool LogKeeper::take_restarted() {
  const std::lock_guard lock(mutex_);
  return std::exchange(restarted_, false);
}

std::optional<std::string> LogKeeper::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

void LogKeeper::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!failure_) {
    wake_.wait_for(lock, stop, env_limits::kSyncEvery, [this] { return merge_due(); });
    if (stop.stop_requested()) return;
    const bool sync = std::exchange(sync_due_, false);
    const bool merge = merge_due();
    merging_ = merge;
    lock.unlock();
    auto failed = sync ? sync_log() : std::nullopt;
    if (merge && !failed) failed = merge_log();
    lock.lock();
    failure_ = std::move(failed);
    // The writer's next commit tells anew: a merge that another kept from its end is tried again then.
    if (merge) pages_ = 0;
    merging_ = false;
    merged_.notify_all();
  }
}

std::optional<std::string> LogKeeper::sync_log() const {
  if (::fdatasync(log_.get()) == 0) return std::nullopt;
  return not_synced(kLogFile);
}

std::optional<std::string> LogKeeper::merge_log() {
  // Without room, too, the log waits: the writer finds out by itself when it finds none.
  const auto failed = [this](int code) { return code != 0 && !database_.is_busy() && !database_.is_full(); };
  int code = 0;
  int merged = 0;
  for (int round = 0; round < kMergeRounds && !failed(code) && pages() - merged > kWaitPages; ++round) {
    code = database_.merge_log(merged);
    if (failed(code)) break;
    // Else it would all have to be synced at the end, while the writer waits.
    write_out_file();
    if (!database_.sync_file()) return not_synced(kDatabaseFile);
  }
  if (!failed(code)) code = restart_log();
  if (!failed(code)) return std::nullopt;
  return fmt::format("{}: {}", kDatabaseFile, database_.what());
}

/// Gives the disk what has been merged piece by piece (sync_file_range(2)). What fails here fails at the sync, too.
void LogKeeper::write_out_file() const {
  constexpr unsigned kWriteAndWait = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
  const off_t size = ::lseek(file_, 0, SEEK_END);
  for (off_t at = 0; at < size; at += kWriteOutBytes) {
    if (::sync_file_range(file_, at, kWriteOutBytes, kWriteAndWait) != 0) return;
  }
}

int LogKeeper::restart_log() {
  std::unique_lock lock(mutex_);
  restarting_ = true;
  turn_.wait(lock, [this] { return !writing_; });
  lock.unlock();
  const int code = database_.restart_log();
  lock.lock();
  restarting_ = false;
  restarted_ |= code == 0;
  turn_.notify_one();
  return code;
}

void LogKeeper::begin_writing() {
  std::unique_lock lock(mutex_);
  turn_.wait(lock, [this] { return !restarting_; });
  writing_ = true;
}

void LogKeeper::end_writing() {
  const std::lock_guard lock(mutex_);
  writing_ = false;
  turn_.notify_one();
}

void LogKeeper::begin_unmerged() {
  std::unique_lock lock(mutex_);
  unmerged_ = true;
  merged_.wait(lock, [this] { return !merging_; });
}

void LogKeeper::end_unmerged() {
  const std::lock_guard lock(mutex_);
  unmerged_ = false;
  if (merge_due()) wake_.notify_one();
}

int LogKeeper::pages() const {
  const std::lock_guard lock(mutex_);
  return pages_;
}

}  // namespace meshdict
