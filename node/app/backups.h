#pragma once
// Backups that clients ask for: begun in the loop, made on a thread of the store, told in the log.

#include <asio/io_context.hpp>

#include "app/log/log.h"
#include "app/resp/service.h"
#include "store/sqlite_store.h"

namespace meshdict {

/// All three outlive what it returns, and are used by the thread of `io` alone.
BackupMaker backups_of(SqliteStore& store, asio::io_context& io, Log& log);

}  // namespace meshdict
