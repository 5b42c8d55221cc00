#pragma once
// Runs a plan that a test has as text, with programs that it has as lambdas.

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "meshdict/sim/main.h"
#include "sim/plan/yaml/plan.h"
#include "sim/programs/program_maker.h"
#include "sim/world/world.h"

namespace meshdict::test {

inline sim::RunResult run_programs(const std::string& yaml, sim::Programs programs, std::uint64_t seed = 1,
                                   std::vector<sim::Oracle> oracles = {}) {
  const sim::ProgramMaker maker(std::move(programs), std::move(oracles));
  const auto plan = sim::load_plan(yaml, "f.yaml");
  EXPECT_TRUE(plan.has_value()) << (plan ? "" : plan.error().front());
  if (!plan) return {};
  const auto missing = sim::missing_program(*plan, &maker);
  EXPECT_FALSE(missing) << *missing;
  return sim::run_plan(*plan, seed, {.programs = &maker});
}

/// Of the first violation.
inline std::string wrong_in(const sim::RunResult& result) {
  if (result.violations.empty()) return "";
  const sim::Violation& first = result.violations.front();
  return first.property + ": " + first.what;
}

}  // namespace meshdict::test
