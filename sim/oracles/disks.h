#pragma once
// "disk": what a node shows of a key is what its disk has of it after each commit, and nothing else is there.

#include <optional>
#include <string>

#include "sim/oracles/oracle.h"

namespace meshdict::sim {

/// How a node's record of a key, or all of them, and its disk differ. Nothing for a disk that keeps nothing.
std::optional<std::string> difference_to_disk(const Host& host, const std::string& key);
std::optional<std::string> difference_to_disk(const Host& host);

}  // namespace meshdict::sim
