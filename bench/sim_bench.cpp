// The simulator with the real codec, hashing and trace: delivered frames (copies included) a second of real time, on
// one core.

#include <benchmark/benchmark.h>

#include <string>

#include "sim/plan/plan.h"
#include "sim/world/world.h"

namespace meshdict::sim {
namespace {

Plan busy_mesh(std::uint32_t nodes, std::uint64_t broadcasts_per_second, Duration busy) {
  Plan plan;
  plan.name = "busy mesh";
  plan.nodes.resize(nodes);
  for (std::uint32_t i = 0; i < nodes; ++i)
    plan.nodes[i].name = "n" + std::to_string(i);
  plan.join = Join::kRandom;
  plan.join_count = 2;
  Workload workload;
  for (NodeIndex i = 0; i < nodes; ++i)
    workload.nodes.push_back(i);
  workload.broadcasts_per_second = broadcasts_per_second;
  workload.from = 30s;
  workload.until = 30s + busy;
  plan.workloads.push_back(workload);
  plan.quiet = 5s;
  return plan;
}

void run_mesh(benchmark::State& state, const Plan& plan) {
  std::uint64_t delivered = 0;
  std::uint64_t events = 0;
  for (auto _ : state) {
    const RunResult result = run_plan(plan, 1);
    if (!result.passed()) state.SkipWithError(result.violations.front().what.c_str());
    delivered += result.counters.network.delivered;
    events += result.events;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(delivered));
  state.counters["events/s"] = benchmark::Counter(static_cast<double>(events), benchmark::Counter::kIsRate);
}

void simulate_3_nodes(benchmark::State& state) {
  run_mesh(state, busy_mesh(3, 20'000, 10s));
}
BENCHMARK(simulate_3_nodes)->Unit(benchmark::kMillisecond);

/// 1,000 broadcasts to 100 nodes, as the scenario storm_100.yaml sends them.
void simulate_100_nodes(benchmark::State& state) {
  run_mesh(state, busy_mesh(100, 100, 10s));
}
BENCHMARK(simulate_100_nodes)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace meshdict::sim
