// Many runs of one plan, and what is reported of a run.

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "sim/plan/plan_yaml.h"
#include "sim/runs/report.h"
#include "sim/runs/runner.h"

namespace meshdict::test {
namespace {

using namespace sim;

TEST(Runner, ThreadsGiveTheSameResultsInTheSameOrder) {
  const auto plan = load_plan("nodes: 3\nworkload: {sets_per_second: 5, from: 5s, until: 8s}\nquiet: 20s\n", "p");
  ASSERT_TRUE(plan.has_value());
  const auto traces = [&](unsigned jobs, std::uint64_t last) {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> list;
    run_seeds([&](std::uint64_t seed) { return expand(*plan, seed); }, {.first = 3, .count = 38}, jobs, {},
              [&](const RunResult& result) {
                list.emplace_back(result.seed, result.trace);
                return result.seed != last;
              });
    return list;
  };
  const auto all = traces(1, 0);
  EXPECT_EQ(all.size(), 38U);
  EXPECT_EQ(traces(3, 0), all);
  const std::vector first_five(all.begin(), all.begin() + 5);
  EXPECT_EQ(traces(1, 7), first_five);
  EXPECT_EQ(traces(3, 7), first_five);
}

TEST(Report, TheLastLineHasItsForm) {
  RunResult result;
  result.plan = "f.yaml";
  result.seed = 7;
  result.events = 12;
  result.simulated = 1500ms;
  result.trace = 0xAB;
  EXPECT_EQ(result_line(result), "seed=7 events=12 simulated=1.500000 trace=00000000000000ab PASS");
  result.violation_count = 1;
  result.violations.push_back({"S1", 2s, {"ana", "bob"}, "differ"});
  sim::Plan plan;
  plan.name = "f.yaml";
  EXPECT_EQ(violations_text(result),
            "violated S1 at 2.000000 s, ana bob: differ\nreplay: meshdict-sim run f.yaml --seed 7\n");
  EXPECT_TRUE(result_line(result).ends_with("FAIL"));
}

}  // namespace
}  // namespace meshdict::test
