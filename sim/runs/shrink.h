#pragma once
// From a plan that fails to a small one that fails in the same way.
//
// Delta debugging (A. Zeller and R. Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", IEEE TSE 28(2),
// 2002): first nodes are taken away, then steps, then times, settings and values are made smaller; again and again until
// nothing more can go, not even a single node or step. A run is a function of plan and seed, and what a step draws does not
// depend on other steps, so a smaller plan is mostly the same run with less in it.
//
// Steps stay behind the moment when the mesh has formed, if the plan still fails that way: what happens before is mostly
// another failure.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "sim/plan/plan.h"

namespace meshdict::sim {

/// The first of several plans that still fails as the original does; nothing when none does.
using FirstThatFails = std::function<std::optional<std::size_t>(std::span<const Plan> plans)>;

struct ShrinkLimits {
  /// At most so many plans are tried.
  std::uint64_t most_tries = 0;
  /// Plans that are looked at together. The result is the same for any number, but for the limits.
  std::size_t at_once = 1;
  /// Whether to stop now with the smallest plan so far.
  std::function<bool()> enough = [] { return false; };
  /// When the mesh of a plan has formed.
  std::function<Duration(const Plan&)> formed_at = [](const Plan&) { return Duration(); };
};

struct Shrunk {
  Plan plan;
  std::uint64_t tries = 0;
  /// Whether nothing more can go; otherwise a limit was met.
  bool complete = false;
};

/// REQUIRES: the plan fails, and is what draw_plan() returns.
Shrunk shrink(Plan plan, const FirstThatFails& fails, const ShrinkLimits& limits);

}  // namespace meshdict::sim
