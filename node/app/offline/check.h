#pragma once
// Whether a node could be started on a data directory, and what is wrong with each record that keeps it from that.

#include <expected>
#include <string>
#include <vector>

#include "core/env/store.h"

namespace meshdict {

struct CheckedData {
  std::vector<std::string> lines;  ///< what was found, damage too
  std::string advice;              ///< what to do about the damage; empty: there is none
};

/// Error: it cannot be read at all, or a node uses it.
std::expected<CheckedData, StoreError> check_data(const std::string& directory);

}  // namespace meshdict
