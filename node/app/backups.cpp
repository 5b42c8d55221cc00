#include "app/backups.h"

#include <fmt/format.h>

#include <asio/post.hpp>
#include <utility>

namespace meshdict {
namespace {

void tell(Log& log, const std::string& path, const BackupOutcome& outcome) {
  if (outcome) {
    log.write(LogLevel::kInfo, fmt::format("the backup '{}' is complete", printable(path)));
  } else {
    log.write(LogLevel::kWarn,
              fmt::format("no backup '{}' was made: {}", printable(path), printable(outcome.error(), 400)));
  }
}

}  // namespace

BackupMaker backups_of(SqliteStore& store, asio::io_context& io, Log& log) {
  return [&](const std::string& path, std::function<void(BackupOutcome)> done) -> BackupOutcome {
    return store.begin_backup(path, [&io, &log, path, told = std::move(done)](BackupOutcome outcome) {
      // From here on in the loop.
      asio::post(io, [&log, path, told, end = std::move(outcome)] {
        tell(log, path, end);
        told(end);
      });
    });
  };
}

}  // namespace meshdict
