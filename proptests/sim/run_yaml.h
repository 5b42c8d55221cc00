#pragma once
// Runs a plan that a test has as text.

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "sim/plan/yaml/plan.h"
#include "sim/world/world.h"

namespace meshdict::test {

/// Expects that it is a plan.
inline sim::RunResult run_yaml(const std::string& yaml, std::uint64_t seed = 1) {
  const auto plan = sim::load_plan(yaml, "f.yaml");
  EXPECT_TRUE(plan.has_value()) << (plan ? "" : plan.error().front());
  return plan ? sim::run_plan(*plan, seed) : sim::RunResult();
}

}  // namespace meshdict::test
