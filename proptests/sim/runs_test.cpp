// Many runs, each in one of several processes: what ends a process is a result as well.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sim/plan/yaml/plan.h"
#include "sim/runs/report.h"
#include "sim/runs/result_bytes.h"
#include "sim/runs/runner.h"
#include "sim/runs/summary.h"

namespace meshdict::test {
namespace {

using namespace sim;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Runner, ProcessesGiveTheSameResultsInTheSameOrder) {
  const auto plan = load_plan("nodes: 3\nworkload: {sets_per_second: 5, from: 5s, until: 8s}\nquiet: 20s\n", "p");
  ASSERT_TRUE(plan.has_value());
  const auto traces = [&](unsigned jobs, std::uint64_t last) {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> list;
    run_seeds([&](std::uint64_t seed) { return run_plan(*plan, seed); }, each_of({.first = 3, .count = 38}),
              {.jobs = jobs},
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

/// Of every hundred seeds one asserts, one has no end, and one takes all memory.
RunResult broken_core(std::uint64_t seed) {
  if (seed % 100 == 17) std::abort();
  // A loop without any effect a compiler may leave out.
  for (volatile bool endless = seed % 100 == 42; endless;) {
  }
  std::vector<std::unique_ptr<char[]>> memory;
  while (seed % 100 == 77 && can_bound_memory())
    memory.push_back(std::make_unique_for_overwrite<char[]>(64 << 20));
  return {.plan = "p",
          .seed = seed,
          .events = seed,
          .simulated = {},
          .trace = seed * 3,
          .violations = {},
          .violation_count = 0,
          .idle_steps = {},
          .counters = {}};
}

Summary summary_of_broken_core(unsigned jobs, const std::vector<std::uint64_t>& firsts, std::uint64_t step) {
  Summary summary;
  for (const std::uint64_t first : firsts) {
    const SeedSequence part{.first = first, .count = (300 - first) / step + 1, .step = step};
    run_seeds(broken_core, each_of(part),
              {.jobs = jobs, .patience = 300ms, .megabytes = 512, .plan_of = [](auto) { return std::string("p"); }},
              [&](const RunResult& result) {
                summary.add(result);
                return true;
              });
  }
  return summary;
}

TEST(Runner, ASeedThatEndsItsProcessOrHasNoEndOrTakesAllMemoryIsAResult) {
  const Summary summary = summary_of_broken_core(1, {1}, 1);
  EXPECT_EQ(summary.runs(), 300U);
  EXPECT_EQ(summary.failed(), can_bound_memory() ? 9U : 6U);
  EXPECT_THAT(summary.text(),
              HasSubstr("crash in 3 runs: seeds 17, 117, 217\n  seed 17: the program ended: Aborted\n"));
  EXPECT_THAT(summary.text(),
              HasSubstr("no end in 3 runs: seeds 42, 142, 242\n  seed 42: had not ended after 0.3 s\n"));
  if (can_bound_memory()) {
    EXPECT_THAT(summary.text(),
                HasSubstr("memory in 3 runs: seeds 77, 177, 277\n  seed 77: needed more than 512 MiB\n"));
  }
}

// A machine that is busy with other things lets a seed wait, and that is not the seed's fault.
TEST(Runner, ASeedThatWaitsHasTenTimesAsLong) {
  std::vector<std::uint64_t> failed;
  run_seeds(
      [](std::uint64_t seed) {
        std::this_thread::sleep_for(seed == 2 ? std::chrono::hours(1) : std::chrono::milliseconds(500));
        return broken_core(0);
      },
      each_of({.first = 1, .count = 3}), {.jobs = 1, .patience = 100ms},
      [&](const RunResult& result) {
        if (!result.passed()) failed.push_back(result.seed);
        return true;
      });
  EXPECT_THAT(failed, ElementsAre(2));
}

TEST(Runner, OneProcessOrSeveralOrShardsGiveOneSummary) {
  const std::string text = summary_of_broken_core(1, {1}, 1).text();
  EXPECT_EQ(summary_of_broken_core(3, {1}, 1).text(), text);
  EXPECT_EQ(summary_of_broken_core(2, {3, 1, 2}, 3).text(), text);
}

// Results that were not told yet when a process ends are not lost, and their seeds are not to blame.
TEST(Runner, OnlyTheSeedUnderWayIsToBlame) {
  std::map<std::uint64_t, std::uint64_t> runs;
  std::vector<std::uint64_t> failed;
  run_seeds(
      [](std::uint64_t seed) -> RunResult {
        if (seed == 1'900) ::raise(SIGKILL);
        return broken_core(0);
      },
      each_of({.first = 1, .count = 3'000}), {.jobs = 2},
      [&](const RunResult& result) {
        ++runs[result.seed];
        if (!result.passed()) failed.push_back(result.seed);
        return true;
      });
  EXPECT_EQ(runs.size(), 3'000U);
  EXPECT_TRUE(std::ranges::all_of(runs, [](const auto& run) { return run.second == 1; }));
  EXPECT_THAT(failed, ElementsAre(1'900));
}

TEST(Runner, WhatAProcessSaysLastIsTold) {
  std::string what;
  run_seeds([](std::uint64_t) -> RunResult { throw std::runtime_error("the floor gave way"); }, each_of({}), {},
            [&](const RunResult& result) {
              what = result.violations.at(0).what;
              return true;
            });
  EXPECT_EQ(what, "the program ended: Aborted; what():  the floor gave way");
}

TEST(Runner, AResultComesAsItWas) {
  const auto plan = load_plan(
      "nodes: [ana, bob]\nsteps:\n- {at: 1s, heal: {}}\n- {at: 5s, expect: {node: ana, key: k, value: v}}\n"
      "- {at: 6s, crash: {node: ana}}\n",
      "p");
  ASSERT_TRUE(plan.has_value());
  const RunResult result = run_plan(*plan, 3);
  const RunResult again = result_of_bytes(result_bytes(result));
  EXPECT_EQ(result_json(again), result_json(result));
  EXPECT_EQ(violations_text(again), violations_text(result));
  EXPECT_EQ(again.violations.at(0).line, 4U);
  EXPECT_THAT(violations_text(again), HasSubstr("heal at 1.000000 s changes nothing"));
}

RunResult result_with(const std::vector<std::string>& properties) {
  RunResult result;
  result.plan = "f.yaml";
  result.seed = 7;
  for (const std::string& property : properties) {
    ++result.violation_count;
    result.violations.push_back(
        {.property = property, .at = result.violation_count * 1s, .nodes = {"ana"}, .what = "w"});
  }
  return result;
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
  result.violations.push_back({.property = "S1", .at = 2s, .nodes = {"ana", "bob"}, .what = "differ"});
  EXPECT_EQ(violations_text(result),
            "violated S1 at 2.000000 s, ana bob: differ\nreplay: meshdict-sim run f.yaml --seed 7\n");
  EXPECT_TRUE(result_line(result).ends_with("FAIL"));
}

TEST(Report, TheFirstOfEachPromiseComesFirst) {
  const std::vector<std::string> many(8, "S1");
  std::vector<std::string> properties = many;
  properties.insert(properties.end(), {"S2", "expect", "S2"});
  const RunResult result = result_with(properties);
  EXPECT_EQ(violations_text(result),
            "violated S1 at 1.000000 s, ana: w\n"
            "violated S2 at 9.000000 s, ana: w\n"
            "violated expect at 10.000000 s, ana: w\n"
            "violated S1 at 2.000000 s, ana: w\n"
            "violated S1 at 3.000000 s, ana: w\n"
            "violated S1 at 4.000000 s, ana: w\n"
            "violated S1 at 5.000000 s, ana: w\n"
            "... and 3 more of S1 (--all-violations)\n"
            "violated S2 at 11.000000 s, ana: w\n"
            "replay: meshdict-sim run f.yaml --seed 7\n");
  EXPECT_THAT(violations_text(result, Shown::kAll), HasSubstr("violated S1 at 8.000000 s, ana: w\nviolated S2 at 11"));
}

// A hundred of one promise leave room for the first of another.
TEST(Report, TheFirstOfEachPromiseIsKept) {
  std::string yaml = "nodes: [ana, bob]\njoin: none\nsteps:\n";
  for (int i = 0; i < 150; ++i)
    yaml += "- {at: 5s, expect: {node: ana, key: k, value: v}}\n";
  const auto plan = load_plan(yaml + "quiet: 20s\n", "p");
  ASSERT_TRUE(plan.has_value());
  const RunResult some = run_plan(*plan, 1);
  EXPECT_EQ(some.violations.size(), 102U) << "C1 and connected";
  EXPECT_THAT(violations_text(some), HasSubstr("more that were not kept"));
  const RunResult all = run_plan(*plan, 1, {.most_violations = most_violations(Shown::kAll)});
  EXPECT_EQ(all.violations.size(), all.violation_count);
}

}  // namespace
}  // namespace meshdict::test
