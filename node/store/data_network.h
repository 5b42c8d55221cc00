#pragma once
// Which network the records of a data directory belong to: a node that starts with another one's would carry them over.

#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "core/engine/engine.h"
#include "core/env/store.h"
#include "store/sqlite_store.h"

namespace meshdict {

/// The entry of kMeta that holds the network.
inline constexpr std::string_view kMetaNetwork = "network";

/// Stages the network of `config` in a store that names none. Error when the store names another network, or cannot be read;
/// then nothing has been staged. REQUIRES: nothing is staged.
std::expected<void, StoreError> claim_for_network(Store& store, const EngineConfig& config);

/// For a node that cannot make sense of what its directory holds: adds to the error which directory that is, and what to do.
StoreError about_content(const std::string& directory, const StoreError& error);

/// SqliteStore::open(), and then claim_for_network(). A directory that is refused is left as it is.
std::expected<std::unique_ptr<SqliteStore>, StoreError> open_for_network(const std::string& directory,
                                                                         Durability durability,
                                                                         const EngineConfig& config,
                                                                         const WaterMarks& files = {});

}  // namespace meshdict
