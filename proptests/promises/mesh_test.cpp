// Random meshes in the simulator keep their promises: after operations and faults of any kind, and quiet, all nodes
// hold the same, everybody was told what was lost, each broadcast arrived once, each pair has one connection. The
// oracles in sim/ judge.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "proptests/sim/plan_gen.h"
#include "sim/runs/report.h"
#include "sim/world/world.h"

namespace meshdict::test {
namespace {

constexpr RunOptions kWithSanityChecks{.transcript = nullptr, .sanity_every = 20};

void holds(const Plan& plan, std::uint64_t seed) {
  const RunResult result = run_plan(plan, seed, kWithSanityChecks);
  if (!result.passed()) RC_FAIL(violations_text(result));
}

RC_GTEST_PROP(Mesh, KeepsItsPromisesWithoutFaults, ()) {
  const Plan plan = *any_plan(6, false);
  holds(plan, *rc::gen::arbitrary<std::uint64_t>());
}

RC_GTEST_PROP(Mesh, KeepsItsPromisesThroughFaults, ()) {
  const Plan plan = *any_plan(6, true);
  holds(plan, *rc::gen::arbitrary<std::uint64_t>());
}

RC_GTEST_PROP(Mesh, RunsTheSameTwice, ()) {
  const Plan plan = *any_plan(5, true);
  const auto seed = *rc::gen::arbitrary<std::uint64_t>();
  const RunResult first = run_plan(plan, seed);
  const RunResult second = run_plan(plan, seed);
  RC_ASSERT(first.trace == second.trace);
  RC_ASSERT(first.events == second.events);
}

}  // namespace
}  // namespace meshdict::test
