#pragma once
// A data directory made of a backup.
//
// 1. A directory that holds a database, or a part of one, is refused and left as it is. The database appears in it only when it is whole.
// 2. What is taken: a file of MESH BACKUP, or meshdict.db of a node that has been stopped. A database that was not closed is refused, since
//    what was written last is in its log. The backup is only read.
// 3. As a new node, the directory keeps the records, but neither the id nor the boots: who starts it draws new ones. To that node the keys
//    are another's, who is gone: it reads them, and may write each when its lease has lapsed.

#include <cstdint>
#include <expected>
#include <string>

#include "core/env/store.h"

namespace meshdict {

enum class RestoreAs : std::uint8_t { kSameNode, kNewNode };

struct Restored {
  std::string records;  ///< their number, deletions included
  std::string node_id;  ///< of the node that was backed up
  std::string network;  ///< that the data belong to
};

/// Makes the directory when absent. Error: the path is that of what is wrong, or empty where `what` names it.
std::expected<Restored, StoreError> restore(const std::string& backup, const std::string& directory, RestoreAs as);

}  // namespace meshdict
