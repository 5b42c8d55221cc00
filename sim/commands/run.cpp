#include "sim/commands/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <utility>

#include "sim/commands/console.h"
#include "sim/commands/explore.h"
#include "sim/commands/output_file.h"
#include "sim/plan/yaml/plan.h"
#include "sim/plan/yaml/writer.h"
#include "sim/runs/runner.h"
#include "sim/trace/trace.h"
#include "sim/world/world.h"

namespace meshdict::sim {
namespace {

/// Delivered frames a second of wall-clock time: on stderr and only when asked for, since it is never the same twice.
class Stopwatch {
 public:
  void report(bool wanted, std::uint64_t delivered) const {
    if (!wanted) return;
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin_;
    fmt::print(stderr, "{} frames delivered in {:.3f} s: {:.0f} a second\n", delivered, took.count(),
               static_cast<double>(delivered) / took.count());
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

void print_result(const RunResult& result, const RunCommandOptions& options) {
  fmt::print("{}", violations_text(result, options.shown));
  if (options.json) fmt::print("{}\n", result_json(result));
  fmt::print("{}\n", result_line(result));
}

int run_one(const Plan& plan, const RunCommandOptions& options, std::FILE* transcript) {
  const Stopwatch watch;
  const RunResult result = run_plan(
      plan, options.seed,
      {.programs = options.programs, .transcript = transcript, .most_violations = most_violations(options.shown)});
  fmt::print("{}", effects_text(result));
  print_result(result, options);
  watch.report(options.rate, result.counters.network.delivered);
  return result.passed() ? kPass : kViolated;
}

int run_range(const Plan& plan, const SeedRange& seeds, const RunCommandOptions& options) {
  const Stopwatch watch;
  LiveLine live;
  std::uint64_t done = 0;
  std::uint64_t failed = 0;
  std::uint64_t events = 0;
  std::uint64_t delivered = 0;
  Duration simulated{};
  TraceHash all;
  const RunOf run = [&](std::uint64_t seed) {
    return run_plan(plan, seed, {.programs = options.programs, .most_violations = most_violations(options.shown)});
  };
  const auto name = [&](std::uint64_t) { return plan.name; };
  run_seeds(run, each_of(all_of(seeds)), runner_options(options.how, name), [&](const RunResult& result) {
    events += result.events;
    delivered += result.counters.network.delivered;
    simulated += result.simulated;
    all.add(result.trace);
    if (!result.passed()) {
      ++failed;
      live.clear();
      print_result(result, options);
    } else if (options.json) {
      fmt::print("{}\n", result_json(result));
    }
    ++done;
    if (live.due()) live.show(fmt::format("{}/{} seeds, {} failed", done, seeds.count(), failed));
    return true;
  });
  live.clear();
  watch.report(options.rate, delivered);
  fmt::print("seeds={}..{} passed={} failed={} events={} simulated={} traces={:016x} {}\n", seeds.first, seeds.last,
             seeds.count() - failed, failed, events, seconds_text(simulated), all.value(),
             failed == 0 ? "PASS" : "FAIL");
  return failed == 0 ? kPass : kViolated;
}

/// Files of one run do not go with several, and are none that is read; error text.
std::optional<std::string> check_files(const RunCommandOptions& options) {
  const std::array<GivenFile, 4> written = {{{"--plan", options.plan_out},
                                             {"--trace", options.trace},
                                             {"--html", options.pictures.html},
                                             {"--perfetto", options.pictures.perfetto}}};
  for (const auto& [option, name] : written) {
    if (name.empty()) continue;
    if (options.seeds) return fmt::format("{}: goes with --seed, it is of one run", option);
    if (options.files.size() > 1) return fmt::format("{}: goes with one FILE, it is of one run", option);
  }
  std::vector<GivenFile> plans;
  plans.reserve(options.files.size());
  for (const std::string& file : options.files)
    plans.push_back({"FILE", file});
  return check_outputs(plans, written);
}

}  // namespace

int run_command(const RunCommandOptions& options) {
  if (const auto mistake = check_files(options)) return complain(*mistake);
  int worst = kPass;
  std::vector<Plan> plans;
  bool good = true;
  for (const std::string& file : options.files) {
    if (const auto code = replay_exploration(file, options.files.size() == 1)) {
      worst = std::max(worst, *code);
      good = good && *code != kBadInput;
      continue;
    }
    auto plan = load_plan_file(file);
    if (const auto missing = plan ? missing_program(*plan, options.programs) : std::nullopt) {
      good = false;
      complain(*missing);
      continue;
    }
    if (plan) {
      if (!options.check.empty()) plan->check = options.check;
      plans.push_back(*std::move(plan));
      continue;
    }
    good = false;
    complain_of(plan.error());
  }
  if (!good) return kBadInput;
  if (plans.empty()) return worst;

  if (!options.plan_out.empty()) {
    const auto written = write_text(options.plan_out, to_yaml(expand(plans.front(), options.seed)));
    if (!written) return complain("--plan: " + written.error());
  }
  auto files = RunFiles::open(options.trace, options.pictures);
  if (!files) return complain(files.error());
  for (const Plan& plan : plans) {
    if (plans.size() > 1) fmt::print("{}\n", visible_text(plan.name));
    const int code =
        options.seeds ? run_range(plan, *options.seeds, options) : run_one(plan, options, files->transcript());
    worst = std::max(worst, code);
  }
  if (const auto written = files->finish(); !written) return complain(written.error());
  return worst;
}

}  // namespace meshdict::sim
