#pragma once
// Reads plans from YAML.

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "sim/plan/plan.h"

namespace meshdict::sim {

/// Reads a plan (scenarios/README.md has every key). Otherwise the mistakes, each as "FILE:LINE:COLUMN: what was wrong,
/// expected ...".
std::expected<Plan, std::vector<std::string>> load_plan(const std::string& yaml, const std::string& file);

/// The same from a file; one that cannot be read is one mistake.
std::expected<Plan, std::vector<std::string>> load_plan_file(const std::string& path);

}  // namespace meshdict::sim
