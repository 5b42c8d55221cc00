// The swarm comes to both sides of each threshold of the core, and none is missing in the table.

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

#include "sim/plan/thresholds.h"
#include "sim/runs/report.h"
#include "sim/runs/runner.h"
#include "sim/runs/summary.h"
#include "sim/swarm/swarm.h"

namespace meshdict::sim {
namespace {

std::set<std::string> constants_of_the_core() {
  std::ifstream file(MESHDICT_LIMITS);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::regex declaration(R"(inline constexpr [\w:]+ k(\w+) =)");
  std::set<std::string> names;
  for (std::sregex_iterator it(text.begin(), text.end(), declaration), end; it != end; ++it)
    names.insert((*it)[1]);
  return names;
}

TEST(Thresholds, EachConstantOfTheCoreHasOneOrAReasonWhyNot) {
  const std::set<std::string> constants = constants_of_the_core();
  ASSERT_GT(constants.size(), 80U);
  std::set<std::string> known;
  for (const Threshold& threshold : thresholds())
    known.insert(std::string(threshold.constant));
  for (const Unmeasured& unmeasured : unmeasured()) {
    EXPECT_TRUE(known.insert(std::string(unmeasured.constant)).second) << unmeasured.constant << " stands twice";
    EXPECT_TRUE(constants.contains(std::string(unmeasured.constant))) << unmeasured.constant << " is not in limits.h";
    EXPECT_FALSE(unmeasured.why.empty());
  }
  for (const std::string& constant : constants)
    EXPECT_TRUE(known.contains(constant)) << "k" << constant << " of limits.h is not in sim/plan/thresholds.cpp";
}

TEST(Thresholds, CountsBothSidesOfEach) {
  Reach reach{NodePlan()};
  for (const auto seconds : {1, 4, 5, 6})
    reach.saw(Quantity::kDialling, std::chrono::seconds(seconds));
  const auto at = std::ranges::find(thresholds(), "DialDeadline", &Threshold::constant) - thresholds().begin();
  EXPECT_EQ(reach.crossings()[static_cast<std::size_t>(at)], (Crossing{.below = 2, .above = 1}));
}

TEST(Swarm, ComesToBothSidesOfEachThreshold) {
  Summary summary;
  std::string failures;
  run_seeds([](std::uint64_t seed) { return run_plan(swarm_plan(seed), seed); }, each_of({.first = 1, .count = 2'000}),
            {.jobs = 2},
            [&](const RunResult& result) {
              summary.add(result);
              if (!result.passed()) failures += violations_text(result);
              return true;
            });
  EXPECT_EQ(failures, "");
  for (std::size_t i = 0; i < kThresholds; ++i) {
    const Crossing& runs = summary.runs_near(i);
    EXPECT_TRUE(is_crossed(thresholds()[i], runs))
        << thresholds()[i].constant << ": " << runs.below << " runs below, " << runs.above << " beyond";
  }
}

}  // namespace
}  // namespace meshdict::sim
