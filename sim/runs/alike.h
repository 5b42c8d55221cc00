#pragma once
// Whether two runs fail alike.

#include <optional>
#include <vector>

#include "sim/oracles/oracle.h"

namespace meshdict::sim {

/// Violations of the same promise are alike, whichever nodes broke it. Failed expectations are alike when the step is the same,
/// what it demands is the same, and no other node fails it. The number or value that was seen instead does not matter, nor do
/// the names of keys.
bool is_alike(const Violation& one, const Violation& other);

/// The first of `violations` that is.
std::optional<Violation> find_alike(const std::vector<Violation>& violations, const Violation& other);

}  // namespace meshdict::sim
