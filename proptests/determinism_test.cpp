// Every scenario gives the same run under every compiler, optimisation level and sanitizer: its trace hashes are
// compared with golden/trace_hashes.txt. That file changes only when the core, the simulator or a scenario changes what
// happens; then
//
//     MESHDICT_UPDATE_GOLDEN=1 build/release/proptests/determinism_test
//
// writes it anew, and the commit says why.

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

#include "sim/plan_yaml.h"
#include "sim/world.h"

namespace meshdict::test {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kSeeds = 3;
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
    if (plan->nodes.size() > kManyNodes) continue;  // nothing that fewer nodes do not do too
    const std::string name = file.stem().string();
    for (std::uint64_t seed = 1; seed <= (plan->nodes.size() == kManyNodes ? 1 : kSeeds); ++seed) {
      const sim::RunResult result = sim::run_plan(*plan, seed);
      lines += fmt::format("{} {} {} {:016x}\n", name, seed, result.events, result.trace);
    }
  }
  return lines;
}

TEST(Determinism, ScenariosGiveTheGoldenTraces) {
  const std::string found = run_all();
  if (std::getenv("MESHDICT_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(MESHDICT_GOLDEN) << found;
    return;
  }
  std::ostringstream golden;
  golden << std::ifstream(MESHDICT_GOLDEN).rdbuf();
  EXPECT_EQ(found, golden.str())
      << "the first lines of determinism_test.cpp tell how to write it anew, when the change is meant";
}

}  // namespace
}  // namespace meshdict::test
