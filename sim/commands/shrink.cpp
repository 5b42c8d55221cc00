#include "sim/commands/shrink.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <utility>

#include "sim/commands/command_line.h"
#include "sim/commands/console.h"
#include "sim/commands/output_file.h"
#include "sim/plan/limits.h"
#include "sim/plan/plan_yaml.h"
#include "sim/plan/writer.h"
#include "sim/runs/apart.h"
#include "sim/runs/report.h"
#include "sim/runs/shrink.h"
#include "sim/swarm/swarm.h"
#include "sim/trace/trace.h"

namespace meshdict::sim {
namespace {

struct Subject {
  Plan plan;
  std::uint64_t seed = 1;
  bool swarm = false;
};

/// Nothing when it cannot be read; it has been said why.
std::optional<Subject> load(const ShrinkOptions& options) {
  Subject subject;
  if (const auto seed = parse_seed(options.what)) {
    if (options.seed) {
      complain("shrink: --seed goes with a FILE");
      return std::nullopt;
    }
    subject = {.plan = swarm_plan(*seed), .seed = *seed, .swarm = true};
  } else {
    auto plan = load_plan_file(options.what);
    if (!plan) {
      complain_of(plan.error());
      return std::nullopt;
    }
    subject = {.plan = *std::move(plan), .seed = options.seed.value_or(1)};
  }
  if (!options.check.empty()) subject.plan.check = options.check;
  subject.plan = draw_plan(subject.plan, subject.seed);
  std::ranges::stable_sort(subject.plan.steps, {}, [](const Step& step) { return step.at.low; });
  return subject;
}

/// Whether two runs fail alike: what an expectation is about must be the same, too, or any that is in vain would do.
bool is_alike(const Failure& one, const Failure& other) {
  return one.property == other.property && (one.property != "expect" || one.what == other.what);
}

class ShrinkRun {
 public:
  ShrinkRun(const Subject& subject, std::uint64_t most_tries) : subject_(subject), most_tries_(most_tries) {}

  /// How the plan as it came fails; nothing when it passes.
  [[nodiscard]] std::optional<Failure> first_failure() {
    const auto begin = std::chrono::steady_clock::now();
    auto failures = run_apart(subject_.plan, subject_.seed, sim_limits::kMaxPatience);
    const auto took = std::chrono::ceil<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
    patience_ = std::clamp(10 * took, sim_limits::kMinPatience, sim_limits::kMaxPatience);
    if (failures.empty()) return std::nullopt;
    failure_ = failures.front();
    return failure_;
  }

  Shrunk shrink() {
    Plan start = subject_.plan;
    for (const Property property : all_properties())
      if (failure_.property == name_of(property)) start.check = {property};
    return sim::shrink(std::move(start), [this](const Plan& plan) { return fails(plan, subject_.seed); }, most_tries_);
  }

  /// A file's test starts at seed 1; so does the plan, when it fails there, too.
  [[nodiscard]] std::uint64_t seed_of(const Plan& plan) { return fails(plan, 1) ? 1 : subject_.seed; }
  /// As it fails now.
  [[nodiscard]] const Failure& failure() const { return failure_; }
  void clear() { live_.clear(); }
  [[nodiscard]] double seconds() const { return live_.seconds(); }

  /// What a run of the plan must last: its promises at the end are those of the faults that are left.
  [[nodiscard]] Plan with_quiet(Plan plan) const {
    if (!subject_.swarm) return plan;
    plan.quiet = std::chrono::ceil<std::chrono::seconds>(settle_bound(plan));
    return plan;
  }

 private:
  bool fails(const Plan& plan, std::uint64_t seed) {
    ++tries_;
    if (live_.due()) {
      live_.show(fmt::format("{} tries, {} nodes, {} entries", tries_, plan.nodes.size(), plan.steps.size()));
    }
    for (const Failure& failure : run_apart(with_quiet(plan), seed, patience_)) {
      if (!is_alike(failure, failure_)) continue;
      failure_ = failure;
      return true;
    }
    return false;
  }

  const Subject& subject_;
  const std::uint64_t most_tries_;
  std::uint64_t tries_ = 0;
  std::chrono::milliseconds patience_ = sim_limits::kMaxPatience;
  Failure failure_;
  LiveLine live_;
};

std::string failure_text(const Failure& failure) {
  std::string text = fmt::format("violates {}", failure.property);
  if (failure.at > Duration{}) text += fmt::format(" at {} s", seconds_text(failure.at));
  if (!failure.nodes.empty()) text += ", " + failure.nodes;
  return text + ": " + failure.what;
}

/// Lines of a YAML comment, of at most some 110 characters. What would end a line is shown instead.
std::string comment(const std::string& what) {
  const std::string text = visible_text(what);
  std::string lines = "#";
  std::size_t width = 1;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    if (width + 1 + end - at > 110 && width > 1) {
      lines += "\n#";
      width = 1;
    }
    lines += " " + text.substr(at, end - at);
    width += 1 + end - at;
    at = end + 1;
  }
  return lines + "\n";
}

}  // namespace

int shrink_command(const ShrinkOptions& options) {
  const std::array<GivenFile, 1> read = {{{"FILE", options.what}}};
  const std::array<GivenFile, 1> written = {{{"--out", options.out}}};
  if (const auto mistake = check_outputs(read, written)) return complain("shrink: " + *mistake);
  const auto subject = load(options);
  if (!subject) return kBadInput;
  ShrinkRun run(*subject, options.tries);
  if (const auto failure = run.first_failure(); !failure) {
    return complain(
        fmt::format("shrink: {} passes with seed {}, expected one that fails", subject->plan.name, subject->seed));
  } else {
    fmt::print("{}\n", visible_text(fmt::format("{} with seed {} {}", subject->plan.name, subject->seed,
                                                failure_text(*failure))));
  }
  Shrunk shrunk = run.shrink();
  const std::uint64_t seed = run.seed_of(shrunk.plan);
  run.clear();
  shrunk.plan = run.with_quiet(std::move(shrunk.plan));
  const std::string sizes =
      fmt::format("{} nodes and {} entries, of {} and {}", shrunk.plan.nodes.size(), shrunk.plan.steps.size(),
                  subject->plan.nodes.size(), subject->plan.steps.size());
  const std::string command = fmt::format("meshdict-sim run {} --seed {}", shell_word(options.out), seed);

  std::ofstream out(options.out, std::ios::binary);
  out << comment(fmt::format("With seed {} this {}", seed, failure_text(run.failure())))
      << comment(fmt::format("Shrunk from {}, seed {}: {}.", subject->plan.name, subject->seed, sizes))
      << comment(command) << to_yaml(shrunk.plan);
  if (!out.flush()) return complain("--out: " + not_written(options.out));
  fmt::print("{}: {}, after {} tries\nreplay: {}\n", visible_text(options.out), sizes, shrunk.tries, command);
  fmt::print(stderr, "{:.1f} s\n", run.seconds());
  return kPass;
}

}  // namespace meshdict::sim
