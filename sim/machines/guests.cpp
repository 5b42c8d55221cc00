#include "sim/machines/guests.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/nearest.h"

namespace meshdict::sim {

bool has_programs(const Plan& plan) {
  return std::ranges::any_of(plan.nodes, [](const NodePlan& node) { return !node.program.empty(); });
}

std::optional<std::string> missing_program(const Plan& plan, const GuestMaker* maker) {
  const std::vector<std::string> names = maker == nullptr ? std::vector<std::string>() : maker->names();
  for (const NodePlan& node : plan.nodes) {
    if (node.program.empty() || std::ranges::find(names, node.program) != names.end()) continue;
    const std::string wrong = fmt::format("{}: node '{}' runs the program '{}'", plan.name, node.name, node.program);
    if (names.empty()) {
      return fmt::format("{}, and meshdict-sim has none: run the plan with the command that was built with it", wrong);
    }
    const auto meant = nearest(node.program, names);
    return fmt::format("{}, which is not there, expected {}", wrong,
                       meant ? fmt::format("'{}'", *meant) : fmt::format("one of {}", fmt::join(names, ", ")));
  }
  return std::nullopt;
}

}  // namespace meshdict::sim
