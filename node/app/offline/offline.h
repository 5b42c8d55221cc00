#pragma once
// What the program does with a data directory while no node uses it: check, restore, export, import.
//
// 1. Each takes the lock of the directory: never beside a running node.
// 2. What was found or done goes to stdout, in short lines; an error to stderr, one line that names the path and says what to do.

#include <cstdint>
#include <string>

#include "core/engine/engine.h"
#include "core/env/store.h"
#include "store/sqlite_store.h"

namespace meshdict {

enum class OfflineTask : std::uint8_t { kNone, kCheck, kRestore, kExport, kImport };

struct OfflineOptions {
  OfflineTask task = OfflineTask::kNone;
  std::string file;     ///< that is read or written; of kExport and kImport "-" is standard output or input
  bool as_new = false;  ///< of kRestore
};

/// What it works on, as a node would.
struct DataPlace {
  std::string directory;
  Durability durability = Durability::kAlways;
  EngineConfig config;
};

/// For the operator, of a task that wants a directory for itself.
std::string describe_for_task(const StoreError& error);

/// The exit code: 0 when all is well, 1 for damage and for whatever could not be done. REQUIRES: there is a task.
int run_offline(const OfflineOptions& offline, const DataPlace& place);

}  // namespace meshdict
