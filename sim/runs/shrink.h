#pragma once
// From a plan that fails to a small one that fails in the same way.
//
// Delta debugging (A. Zeller and R. Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", IEEE TSE 28(2),
// 2002) over steps, after nodes, and before times and settings, again and again until nothing gives way: then no single
// node and no single step can go. A run is a function of plan and seed, and what a step draws does not depend on other
// steps; so a smaller plan is mostly the same run with less in it.

#include <cstdint>
#include <functional>

#include "sim/plan/plan.h"

namespace meshdict::sim {

/// Whether a plan still fails as the first one did.
using Fails = std::function<bool(const Plan&)>;

struct Shrunk {
  Plan plan;
  std::uint64_t tries = 0;  ///< calls of `fails`
};

/// Calls `fails` at most `most_tries` times. REQUIRES: fails(plan), and plan is what draw_plan() returns.
Shrunk shrink(Plan plan, const Fails& fails, std::uint64_t most_tries);

}  // namespace meshdict::sim
