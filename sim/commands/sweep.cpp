#include "sim/commands/sweep.h"

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <utility>

#include "sim/commands/console.h"
#include "sim/commands/output_file.h"
#include "sim/plan/yaml/plan.h"
#include "sim/runs/junit.h"
#include "sim/runs/summary.h"
#include "sim/runs/sweep_file.h"
#include "sim/swarm/swarm.h"
#include "sim/trace/trace.h"
#include "sim/world/world.h"

namespace meshdict::sim {
namespace {

std::string progress_text(const Summary& summary, std::uint64_t resumed, std::uint64_t all, double seconds) {
  const auto left = static_cast<double>(all - summary.runs());
  const double rate = static_cast<double>(summary.runs() - resumed) / seconds;
  return fmt::format("{}/{} seeds, {} failed, {:.0f} seeds/s, {:.0f} s left", summary.runs(), all, summary.failed(),
                     rate, left / rate);
}

/// Where results go, a line each: into a new file, or behind those of one that a sweep has left.
class Lines {
 public:
  /// Error text. Of a file that is resumed, `take` gets what is in it, and a torn line is cut off.
  static std::expected<Lines, std::string> open(const SweepOptions& options, const TakeTally& take);

  /// False when that cannot be done.
  bool write(const std::string& line) {
    if (!file_) return true;
    const std::string with_end = line + "\n";
    return std::fwrite(with_end.data(), 1, with_end.size(), file_.get()) == with_end.size();
  }
  [[nodiscard]] std::optional<std::string> trouble() const {
    if (!file_ || all_written(file_.get())) return std::nullopt;
    return fmt::format("{}: {}", option_, not_written(name_));
  }

 private:
  static std::expected<void, std::string> take_up(const std::string& name, const TakeTally& take);

  std::string option_;
  std::string name_;
  FilePointer file_{nullptr, &std::fclose};
};

std::expected<void, std::string> Lines::take_up(const std::string& name, const TakeTally& take) {
  std::error_code trouble;
  if (!std::filesystem::exists(name, trouble)) return {};
  const auto found = read_sweep_file(name, take);
  if (!found) return std::unexpected(found.error());
  if (!found->torn) return {};
  fmt::print(stderr, "{}: the last line is torn, its seed is run again\n", visible_text(name));
  std::filesystem::resize_file(name, found->whole_bytes, trouble);
  if (trouble) return std::unexpected(fmt::format("cannot write '{}': {}", name, trouble.message()));
  return {};
}

std::expected<Lines, std::string> Lines::open(const SweepOptions& options, const TakeTally& take) {
  Lines lines;
  const bool resumes = !options.resume.empty();
  lines.name_ = resumes ? options.resume : options.json_lines;
  if (lines.name_.empty()) return lines;
  lines.option_ = resumes ? "--resume" : "--json-lines";
  if (resumes) {
    if (const auto taken = take_up(lines.name_, take); !taken) return std::unexpected("--resume: " + taken.error());
  }
  auto file = open_output(lines.name_, resumes ? Opening::kAppended : Opening::kEmptied);
  if (!file) return std::unexpected(fmt::format("{}: {}", lines.option_, file.error()));
  lines.file_ = *std::move(file);
  // A sweep that is killed leaves those before it.
  std::setvbuf(lines.file_.get(), nullptr, _IOLBF, BUFSIZ);
  return lines;
}

class Sweep {
 public:
  Sweep(const SweepOptions& options, std::optional<Plan> plan) : options_(options), plan_(std::move(plan)) {
    part_ = {.seeds = options.seeds, .shard = options.shard, .check = {}};
    for (const Property property : options.check)
      part_.check.emplace_back(name_of(property));
  }

  int run();

 private:
  [[nodiscard]] RunResult run_seed(std::uint64_t seed) const;
  std::expected<void, std::string> take_up(const Tally& run);
  bool add(const RunResult& result);
  [[nodiscard]] bool is_enough() const { return most_failures() > 0 && summary_.failed() >= most_failures(); }
  [[nodiscard]] std::uint64_t most_failures() const { return options_.stop_at_first ? 1 : options_.most_failures; }

  const SweepOptions& options_;
  std::optional<Plan> plan_;
  SweepPart part_;
  std::optional<Lines> lines_;
  SweepResults resumed_;
  Summary summary_;
  JunitReport junit_;
  std::uint64_t resumed_runs_ = 0;
  LiveLine live_;
  bool written_ = true;
};

RunResult Sweep::run_seed(std::uint64_t seed) const {
  Plan plan = expand(plan_ ? *plan_ : swarm_plan(seed), seed);
  if (!options_.check.empty()) plan.check = options_.check;
  return World(plan, seed, {.programs = options_.programs, .most_violations = most_violations(options_.shown)}).run();
}

std::expected<void, std::string> Sweep::take_up(const Tally& run) {
  const std::string plan = plan_ ? plan_->name : swarm_name(run.seed);
  if (!run.of || *run.of != part_ || run.plan != plan) {
    return std::unexpected(fmt::format("is of another sweep ({} of '{}') than this ({} of '{}')",
                                       run.of ? run.of->text() : "no seeds", run.plan, part_.text(), plan));
  }
  const auto added = resumed_.add(run);
  if (!added) return std::unexpected(added.error());
  if (!*added) return {};
  summary_.add(run);
  junit_.add(run);
  ++resumed_runs_;
  return {};
}

bool Sweep::add(const RunResult& result) {
  const Tally run = tally_of(result);
  summary_.add(run);
  if (!options_.junit.empty()) junit_.add(run);
  if (lines_) written_ = lines_->write(result_json(result, &part_));
  if (!result.passed()) {
    live_.clear();
    fmt::print("{}{}\n", violations_text(result, options_.shown), result_line(result));
    std::fflush(stdout);
  }
  if (live_.due()) live_.show(progress_text(summary_, resumed_runs_, part_.sequence().count, live_.seconds()));
  return written_ && !is_enough();
}

int Sweep::run() {
  auto lines = Lines::open(options_, [this](const Tally& run) { return take_up(run); });
  if (!lines) return complain(lines.error());
  if (!options_.json_lines.empty() || !options_.resume.empty()) lines_ = *std::move(lines);
  if (resumed_runs_ > 0) fmt::print(stderr, "{}: {} seeds are there\n", visible_text(options_.resume), resumed_runs_);
  const Seeds all = each_of(part_.sequence());
  const Seeds rest = [&]() -> std::optional<std::uint64_t> {
    while (const auto seed = all()) {
      if (!resumed_.has(*seed)) return seed;
    }
    return std::nullopt;
  };
  const std::string name = plan_ ? plan_->name : "swarm";
  if (!is_enough()) {
    run_seeds([this](std::uint64_t seed) { return run_seed(seed); }, rest,
              runner_options(options_.how, [&](std::uint64_t seed) { return plan_ ? plan_->name : swarm_name(seed); }),
              [this](const RunResult& result) { return add(result); });
  }
  live_.clear();
  if (lines_) {
    if (const auto trouble = lines_->trouble()) return complain(*trouble);
  }
  if (!options_.junit.empty()) {
    const auto written = write_text(options_.junit, junit_.text(fmt::format("{}, {}", name, part_.text())));
    if (!written) return complain("--junit: " + written.error());
  }
  fmt::print("{}", summary_.text());
  fmt::print(stderr, "{:.1f} s, {:.1f} seeds/s\n", live_.seconds(),
             static_cast<double>(summary_.runs() - resumed_runs_) / live_.seconds());
  return summary_.failed() == 0 ? kPass : kViolated;
}

std::string missing_text(const SweepResults::Missing& missing) {
  std::string text = fmt::format("{} of {} seeds are missing: {}{}", missing.count, missing.of,
                                 fmt::join(missing.first, ", "), missing.count > missing.first.size() ? ", ..." : "");
  if (!missing.parts.empty()) text += fmt::format("; {}", fmt::join(missing.parts, ", "));
  return text;
}

}  // namespace

int sweep_command(const SweepOptions& options) {
  if (options.swarm == !options.file.empty()) return complain("sweep: expected either FILE or --swarm");
  const std::array<GivenFile, 1> read = {{{"FILE", options.file}}};
  const std::array<GivenFile, 3> outputs = {
      {{"--json-lines", options.json_lines}, {"--resume", options.resume}, {"--junit", options.junit}}};
  if (const auto mistake = check_outputs(std::span(read).first(options.swarm ? 0 : 1), outputs)) {
    return complain("sweep: " + *mistake);
  }
  std::optional<Plan> plan;
  if (!options.swarm) {
    auto loaded = load_plan_file(options.file);
    if (!loaded) return complain_of(loaded.error());
    plan = *std::move(loaded);
    if (const auto missing = missing_program(*plan, options.programs)) return complain("sweep: " + *missing);
  }
  if (const auto trouble = check_writable("--junit", options.junit)) return complain(*trouble);
  return Sweep(options, std::move(plan)).run();
}

int summarize_command(const std::vector<std::string>& files, const std::string& junit) {
  std::vector<GivenFile> read;
  read.reserve(files.size());
  for (const std::string& file : files)
    read.push_back({"FILE", file});
  const std::array<GivenFile, 1> outputs = {{{"--junit", junit}}};
  if (const auto mistake = check_outputs(read, outputs)) return complain("summarize: " + *mistake);
  SweepResults results;
  Summary summary;
  JunitReport report;
  for (const std::string& file : files) {
    const auto found = read_sweep_file(file, [&](const Tally& run) -> std::expected<void, std::string> {
      const auto added = results.add(run);
      if (!added) return std::unexpected(added.error());
      if (!*added) return {};
      summary.add(run);
      report.add(run);
      return {};
    });
    if (!found) return complain("summarize: " + found.error());
    if (found->torn) fmt::print(stderr, "{}: the last line is torn, and left out\n", visible_text(file));
  }
  fmt::print("{}", summary.text());
  if (!junit.empty()) {
    if (const auto written = write_text(junit, report.text("sweep")); !written)
      return complain("--junit: " + written.error());
  }
  if (const auto missing = results.missing()) return complain(missing_text(*missing));
  return summary.failed() == 0 ? kPass : kViolated;
}

}  // namespace meshdict::sim
