#pragma once
// Whether two runs fail alike.

#include <optional>
#include <vector>

#include "sim/oracles/oracle.h"

namespace meshdict::sim {

/// A promise is broken alike by whomever. Of what a plan expects, the step must be the same, what it demands, and nobody else may
/// fail it; whatever number or value was seen instead, if any was, and whatever keys are called.
bool is_alike(const Violation& one, const Violation& other);

/// The first of `violations` that is.
std::optional<Violation> find_alike(const std::vector<Violation>& violations, const Violation& other);

}  // namespace meshdict::sim
