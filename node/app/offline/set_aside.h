#pragma once
// Damaged records of a data directory are set aside, so that they do not keep its node down.
//
// 1. What is taken out of the store is first in a file, synced: DIR/damaged-records.jsonl, for its owner only (mode 0600), one line of
//    JSON a record (key, what is wrong, all bytes that the store had). Lines are added at its end.
// 2. The keys are then unknown to the node, which gets their present records when it compares its set with a neighbour's, like any that
//    it has missed.
// 3. Only records: an id, a boot counter or a page of the database that makes no sense is still for a backup to mend.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "core/env/store.h"

namespace meshdict {

inline constexpr std::string_view kSetAsideFile = "damaged-records.jsonl";

/// Returns how many records there were. REQUIRES: nothing is staged.
std::expected<std::uint64_t, StoreError> set_damaged_aside(Store& store, const std::string& directory);

}  // namespace meshdict
