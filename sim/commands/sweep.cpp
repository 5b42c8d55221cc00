#include "sim/commands/sweep.h"

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <optional>
#include <utility>

#include "sim/commands/command_line.h"
#include "sim/commands/console.h"
#include "sim/commands/output_file.h"
#include "sim/plan/plan_yaml.h"
#include "sim/plan/writer.h"
#include "sim/runs/report.h"
#include "sim/runs/summary.h"
#include "sim/swarm/swarm.h"

namespace meshdict::sim {
namespace {

SeedSequence part_of(const SeedRange& seeds, const Shard& shard) {
  const std::uint64_t skipped = shard.index - 1;
  if (skipped >= seeds.count()) return {.first = seeds.first, .count = 0, .step = shard.count};
  return {.first = seeds.first + skipped,
          .count = (seeds.count() - skipped + shard.count - 1) / shard.count,
          .step = shard.count};
}

std::string progress_text(const Summary& summary, std::uint64_t all, double seconds) {
  const auto done = static_cast<double>(summary.runs());
  const double rate = done / seconds;
  return fmt::format("{}/{} seeds, {} failed, {:.0f} seeds/s, {:.0f} s left", summary.runs(), all, summary.failed(),
                     rate, (static_cast<double>(all) - done) / rate);
}

}  // namespace

int sweep_command(const SweepOptions& options) {
  if (options.swarm == !options.file.empty()) return complain("sweep: expected either FILE or --swarm");
  std::optional<Plan> written;
  if (!options.swarm) {
    auto loaded = load_plan_file(options.file);
    if (!loaded) return complain_of(loaded.error());
    written = *std::move(loaded);
  }
  const PlanOf plan_of = [&](std::uint64_t seed) {
    Plan plan = expand(written ? *written : swarm_plan(seed), seed);
    if (!options.check.empty()) plan.check = options.check;
    return plan;
  };
  FilePointer lines(nullptr, &std::fclose);
  if (!options.json_lines.empty()) {
    lines.reset(std::fopen(options.json_lines.c_str(), "w"));
    if (!lines) return complain("--json-lines: " + not_written(options.json_lines));
    // A run that ends the program, by an assert, leaves those before it.
    std::setvbuf(lines.get(), nullptr, _IOLBF, BUFSIZ);
  }
  const SeedSequence seeds = part_of(options.seeds, options.shard);
  Summary summary;
  LiveLine live;
  run_seeds(plan_of, seeds, options.jobs, {}, [&](const RunResult& result) {
    summary.add(result);
    if (lines) std::fputs((result_json(result) + "\n").c_str(), lines.get());
    if (!result.passed()) {
      live.clear();
      fmt::print("{}{}\n", violations_text(result), result_line(result));
      std::fflush(stdout);
    }
    if (live.due()) live.show(progress_text(summary, seeds.count, live.seconds()));
    return result.passed() || !options.stop_at_first;
  });
  live.clear();
  if (lines && !all_written(lines.get())) return complain("--json-lines: " + not_written(options.json_lines));
  fmt::print("{}", summary.text());
  fmt::print(stderr, "{:.1f} s, {:.1f} seeds/s\n", live.seconds(),
             static_cast<double>(summary.runs()) / live.seconds());
  return summary.failed() == 0 ? kPass : kViolated;
}

int summarize_command(const std::vector<std::string>& files) {
  Summary summary;
  for (const std::string& file : files) {
    std::ifstream in(file);
    if (!in) return complain(fmt::format("{}: cannot be read, expected what 'sweep --json-lines' has written", file));
    std::string line;
    for (std::uint64_t number = 1; std::getline(in, line); ++number) {
      if (const auto added = summary.add_json(line); !added) {
        return complain(fmt::format("{}:{}: is no result of a run, expected what 'sweep --json-lines' has written: {}",
                                    file, number, added.error()));
      }
    }
  }
  fmt::print("{}", summary.text());
  return summary.failed() == 0 ? kPass : kViolated;
}

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
    std::ofstream out(options.plan_out, std::ios::binary);
    out << to_yaml(plan);
    if (!out.flush()) return complain("--plan: " + not_written(options.plan_out));
  }
  auto files = RunFiles::open(options.trace, options.pictures);
  if (!files) return complain(files.error());
  const RunResult result = run_plan(plan, *seed, {.transcript = files->transcript()});
  fmt::print("{}{}\n", violations_text(result), result_line(result));
  if (const auto written = files->finish(); !written) return complain(written.error());
  return result.passed() ? kPass : kViolated;
}

}  // namespace meshdict::sim
