#include "sim/commands/replay.h"

#include <fmt/format.h>

#include <array>

#include "sim/commands/command_line.h"
#include "sim/commands/console.h"
#include "sim/commands/output_file.h"
#include "sim/plan/yaml/writer.h"
#include "sim/swarm/swarm.h"
#include "sim/world/world.h"

namespace meshdict::sim {

int replay_command(const ReplayOptions& options) {
  const auto seed = parse_seed(options.what);
  if (!seed) return complain(fmt::format("replay: {}; for a file: meshdict-sim run FILE --seed N", seed.error()));
  Plan plan = swarm_plan(*seed);
  if (!options.check.empty()) plan.check = options.check;
  const std::array<GivenFile, 4> outputs = {{{"--plan", options.plan_out},
                                             {"--trace", options.trace},
                                             {"--html", options.pictures.html},
                                             {"--perfetto", options.pictures.perfetto}}};
  if (const auto mistake = check_outputs({}, outputs)) return complain("replay: " + *mistake);
  if (!options.plan_out.empty()) {
    if (const auto written = write_text(options.plan_out, to_yaml(plan)); !written) {
      return complain("--plan: " + written.error());
    }
  }
  auto files = RunFiles::open(options.trace, options.pictures);
  if (!files) return complain(files.error());
  const RunResult result =
      run_plan(plan, *seed, {.transcript = files->transcript(), .most_violations = most_violations(options.shown)});
  fmt::print("{}{}\n", violations_text(result, options.shown), result_line(result));
  if (const auto written = files->finish(); !written) return complain(written.error());
  return result.passed() ? kPass : kViolated;
}

}  // namespace meshdict::sim
