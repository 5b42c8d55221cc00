#include "store/online_backup.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <system_error>
#include <utility>

#include "store/database_copy.h"
#include "store/store_limits.h"

namespace meshdict {

OnlineBackup::OnlineBackup(SqliteDatabase source, LogKeeper& keeper, UnfinishedFile file, BackupDone done)
    : source_(std::move(source)), keeper_(keeper), file_(std::move(file)), done_(std::move(done)) {}

OnlineBackup::~OnlineBackup() {
  end_reading("the node stops");
  if (thread_.joinable()) thread_.join();
}

void OnlineBackup::begin() {
  if (thread_.joinable() || is_over()) return;
  {
    const std::lock_guard lock(mutex_);
    reading_ = true;
  }
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    // None is to be had now (ulimit -u).
    {
      const std::lock_guard lock(mutex_);
      reading_ = false;
      over_ = true;
    }
    const UnfinishedFile gone(std::move(file_));
    done_(std::unexpected(fmt::format("there is no thread to be had: {}", error.what())));
  }
}

bool OnlineBackup::is_over() const {
  const std::lock_guard lock(mutex_);
  return over_;
}

void OnlineBackup::end_reading(const std::string& why) {
  std::unique_lock lock(mutex_);
  if (!reading_) return;
  given_up_ = why;
  changed_.wait(lock, [this] { return !reading_; });
}

void OnlineBackup::run() {
  auto outcome = copy();
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  done_(std::move(outcome));
}

std::expected<void, std::string> OnlineBackup::copy() {
  auto copied = copy_moment();
  {
    const std::lock_guard lock(mutex_);
    reading_ = false;
  }
  changed_.notify_all();
  if (copied) copied = finish_copy(file_, "");
  if (copied) copied = file_.keep();
  if (!copied) {
    // Taken away before anybody is told.
    const UnfinishedFile gone(std::move(file_));
  }
  return copied;
}

std::expected<void, std::string> OnlineBackup::copy_moment() {
  const LogKeeper::Unmerged unmerged(keeper_);
  // The first look is what the transaction sees until its end.
  if (source_.run("BEGIN") != SQLITE_OK ||
      source_.ask("SELECT count(*) FROM (SELECT 1 FROM entries LIMIT 1)").empty()) {
    return std::unexpected(source_.what());
  }
  auto copied = copy_pages(source_, file_, [this] { return may_go_on(); });
  source_.run("COMMIT");
  source_ = {};
  return copied;
}

std::expected<void, std::string> OnlineBackup::may_go_on() const {
  if (keeper_.pages() > store_limits::kMostLogPages) {
    return std::unexpected(fmt::format(
        "the node's log has grown to {} MiB meanwhile: the disk is too slow for both; try again when less is "
        "written, or to another disk",
        keeper_.pages() / 256));
  }
  const std::lock_guard lock(mutex_);
  if (given_up_) return std::unexpected(*given_up_);
  return {};
}

}  // namespace meshdict
