// Every scenario and every swarm plan gives the same run under every compiler, optimisation level and sanitizer: trace
// hashes are compared with those of golden/trace_hashes.txt and golden/swarm_hashes.txt. These files change only when the
// core, the simulator, a scenario or the drawing of plans changes what happens; then
//
//     MESHDICT_UPDATE_GOLDEN=1 build/release/proptests/determinism_test
//
// writes them anew, and the commit says why. proptests/compiler_matrix compares a thousand swarm plans.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/sha256.h"
#include "sim/plan/yaml/plan.h"
#include "sim/plan/yaml/writer.h"
#include "sim/swarm/swarm.h"
#include "sim/world/world.h"

namespace meshdict::test {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kSeeds = 3;
constexpr std::uint64_t kSwarmSeeds = 50;
/// Of a scenario with so many nodes one seed is enough: it takes a second, and more under a sanitizer.
constexpr std::size_t kManyNodes = 100;
/// No plans of a run; their counts of states are pinned in explore_test.cpp.
constexpr std::string_view kExploration = "explore_";

std::string run_all() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(MESHDICT_SCENARIOS)) {
    const bool exploration = entry.path().stem().string().starts_with(kExploration);
    if (entry.path().extension() == ".yaml" && !exploration) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::string lines = "# scenario, seed, events, trace hash; determinism_test.cpp tells how this is made\n";
  for (const fs::path& file : files) {
    const auto plan = sim::load_plan_file(file.string());
    if (!plan) {
      ADD_FAILURE() << plan.error().front();
      continue;
    }
    // Nothing that fewer nodes do not do too.
    if (plan->nodes.size() > kManyNodes) continue;
    const std::string name = file.stem().string();
    for (std::uint64_t seed = 1; seed <= (plan->nodes.size() == kManyNodes ? 1 : kSeeds); ++seed) {
      const sim::RunResult result = sim::run_plan(*plan, seed);
      lines += fmt::format("{} {} {} {:016x}\n", name, seed, result.events, result.trace);
    }
  }
  return lines;
}

std::string run_swarm() {
  std::string lines =
      "# swarm seed, its plan's SHA-256 (first 8 bytes), events, trace hash; determinism_test.cpp tells how this is "
      "made\n";
  for (std::uint64_t seed = 1; seed <= kSwarmSeeds; ++seed) {
    const sim::Plan plan = sim::swarm_plan(seed);
    const sim::RunResult result = sim::run_plan(plan, seed);
    lines +=
        fmt::format("{} {:016x} {} {:016x}\n", seed, sha256(sim::to_yaml(plan)).prefix(), result.events, result.trace);
  }
  return lines;
}

void compare_with_golden(const std::string& found, const fs::path& file) {
  if (std::getenv("MESHDICT_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(file) << found;
    return;
  }
  std::ostringstream golden;
  golden << std::ifstream(file).rdbuf();
  EXPECT_EQ(found, golden.str())
      << "the first lines of determinism_test.cpp tell how to write it anew, when the change is meant";
}

TEST(Determinism, ScenariosGiveTheGoldenTraces) {
  compare_with_golden(run_all(), fs::path(MESHDICT_GOLDEN) / "trace_hashes.txt");
}

TEST(Determinism, SwarmPlansGiveTheGoldenTraces) {
  compare_with_golden(run_swarm(), fs::path(MESHDICT_GOLDEN) / "swarm_hashes.txt");
}

}  // namespace
}  // namespace meshdict::test
