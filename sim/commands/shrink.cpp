#include "sim/commands/shrink.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <memory>
#include <utility>

#include "sim/commands/command_line.h"
#include "sim/commands/console.h"
#include "sim/commands/output_file.h"
#include "sim/commands/seeds.h"
#include "sim/plan/limits.h"
#include "sim/plan/yaml/plan.h"
#include "sim/plan/yaml/writer.h"
#include "sim/runs/alike.h"
#include "sim/runs/report.h"
#include "sim/runs/shrink.h"
#include "sim/runs/worker.h"
#include "sim/swarm/swarm.h"
#include "sim/trace/trace.h"
#include "sim/world/world.h"

namespace meshdict::sim {
namespace {

using Clock = std::chrono::steady_clock;

volatile std::sig_atomic_t interrupted = 0;

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
    if (const auto missing = missing_program(*plan, options.programs)) {
      complain("shrink: " + *missing);
      return std::nullopt;
    }
    subject = {.plan = *std::move(plan), .seed = options.seed.value_or(1)};
  }
  if (!options.check.empty()) subject.plan.check = options.check;
  subject.plan = draw_plan(subject.plan, subject.seed);
  std::ranges::stable_sort(subject.plan.steps, {}, [](const Step& step) { return step.at.low; });
  return subject;
}

/// Runs the plan's nodes with nothing to do until each has a neighbour: how long that took, in whole seconds; 0: they have not.
RunResult watch_forming(Plan plan, std::uint64_t seed, const GuestMaker* programs) {
  plan.steps.clear();
  plan.check.clear();
  const Plan drawn = expand(plan, seed);
  World world(drawn, seed, {.programs = programs});
  RunResult result;
  for (Duration time = 1s; time <= sim_limits::kMaxForming; time += 1s) {
    world.run_until(time);
    const bool formed = std::ranges::all_of(
        world.hosts(), [](const auto& host) { return host->up() && !host->engine().neighbours().empty(); });
    if (!formed) continue;
    result.simulated = time;
    break;
  }
  return result;
}

class ShrinkRun {
 public:
  ShrinkRun(const Subject& subject, const ShrinkOptions& options)
      : subject_(subject), options_(options), seed_(subject.seed), seeds_{subject.seed} {}

  /// How the plan as it came fails; nothing when it passes.
  [[nodiscard]] std::optional<Violation> first_violation() {
    const auto begin = Clock::now();
    const auto worker = begin_run(subject_.plan, subject_.seed);
    const RunResult result = result_of_only(*worker, sim_limits::kMaxPatience);
    const auto took = std::chrono::ceil<std::chrono::milliseconds>(Clock::now() - begin);
    patience_ = std::clamp(10 * took, sim_limits::kMinPatience, sim_limits::kMaxPatience);
    if (result.violations.empty()) return std::nullopt;
    violation_ = result.violations.front();
    return violation_;
  }

  Shrunk shrink() {
    Plan start = subject_.plan;
    for (const Property property : all_properties())
      if (violation_.property == name_of(property)) start.check = {property};
    const std::uint64_t most = options_.tries;
    Shrunk shrunk = shrink_on(std::move(start), most);
    if (!shrunk.complete) return shrunk;
    // A test of a file starts at seed 1; so does the plan, when it fails there, too.
    for (std::uint64_t seed = 1; seed <= options_.other_seeds; ++seed) {
      if (seed != subject_.seed) seeds_.insert(seed == 1 ? seeds_.begin() : seeds_.end(), seed);
    }
    if (seeds_.size() == 1) return shrunk;
    first_fit({&shrunk.plan, 1});
    const std::uint64_t tries = shrunk.tries;
    shrunk = shrink_on(std::move(shrunk.plan), most - tries);
    shrunk.tries += tries;
    return shrunk;
  }

  /// With which the plan fails now, and how.
  [[nodiscard]] std::uint64_t seed() const { return seed_; }
  [[nodiscard]] const Violation& violation() const { return violation_; }
  void clear() { live_.clear(); }
  [[nodiscard]] double seconds() const { return live_.seconds(); }
  /// Why it is not as small as it could be.
  [[nodiscard]] std::string why_over() const {
    return interrupted != 0 ? "interrupted" : is_late() ? "stopped by --for" : "stopped by --tries";
  }

  /// What a run of the plan must last: its promises at the end are those of the faults that are left.
  [[nodiscard]] Plan with_quiet(Plan plan) const {
    if (!subject_.swarm) return plan;
    plan.quiet = std::chrono::ceil<std::chrono::seconds>(settle_bound(plan));
    return plan;
  }

 private:
  [[nodiscard]] bool is_late() const {
    return options_.time && live_.seconds() >= std::chrono::duration<double>(*options_.time).count();
  }

  Shrunk shrink_on(Plan plan, std::uint64_t most) {
    const FirstThatFails fails = [this](std::span<const Plan> plans) { return first_fit(plans); };
    return sim::shrink(std::move(plan), fails,
                       {.most_tries = most,
                        .at_once = options_.jobs,
                        .enough = [this] { return interrupted != 0 || is_late(); },
                        .formed_at = [this](const Plan& one) { return formed_at(one); }});
  }

  std::unique_ptr<Worker> begin_run(const Plan& plan, std::uint64_t seed) const {
    const RunOf run = [&](std::uint64_t with) {
      return run_plan(with_quiet(plan), with, {.programs = options_.programs});
    };
    auto worker = std::make_unique<Worker>(run, share_of_memory(options_.jobs));
    worker->give({&seed, 1});
    return worker;
  }

  Duration formed_at(const Plan& plan) const {
    const RunOf run = [&](std::uint64_t with) { return watch_forming(plan, with, options_.programs); };
    Worker worker(run, share_of_memory(1));
    worker.give({&seed_, 1});
    return result_of_only(worker, patience_).simulated;
  }

  /// The first of the plans that fails alike with one of the seeds; that is the seed from now on.
  std::optional<std::size_t> first_fit(std::span<const Plan> plans) {
    const std::size_t all = plans.size() * seeds_.size();
    for (std::size_t done = 0; done < all; done += options_.jobs) {
      const std::size_t count = std::min<std::size_t>(options_.jobs, all - done);
      std::vector<std::unique_ptr<Worker>> workers;
      for (std::size_t i = done; i < done + count; ++i)
        workers.push_back(begin_run(plans[i / seeds_.size()], seeds_[i % seeds_.size()]));
      for (std::size_t i = 0; i < count; ++i) {
        show_progress(plans.front());
        const RunResult result = result_of_only(*workers[i], patience_);
        const auto found = find_alike(result.violations, violation_);
        if (!found || interrupted != 0) continue;
        violation_ = *found;
        seed_ = seeds_[(done + i) % seeds_.size()];
        return (done + i) / seeds_.size();
      }
    }
    return std::nullopt;
  }

  void show_progress(const Plan& plan) {
    ++runs_;
    if (!live_.due()) return;
    live_.show(fmt::format("{} runs, {} nodes, {} entries", runs_, plan.nodes.size(), plan.steps.size()));
  }

  const Subject& subject_;
  const ShrinkOptions& options_;
  std::uint64_t seed_;
  // To be tried, in this order.
  std::vector<std::uint64_t> seeds_;
  std::uint64_t runs_ = 0;
  std::chrono::milliseconds patience_ = sim_limits::kMaxPatience;
  Violation violation_;
  LiveLine live_;
};

std::string violation_text(const Violation& violation) {
  const bool is_promise = failure_text(violation.property) != violation.property;
  const std::string what = where_and_what(violation);
  return is_promise ? "violates " + violation.property + " " + what
                    : "fails: " + failure_line(violation.property, what);
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

/// Which faults are left: of a plan from which nothing more can go, each is necessary.
std::string faults_text(const Plan& plan, bool complete) {
  static constexpr std::array<std::string_view, 8> kNoFaults = {"set",     "delete",     "broadcast", "whisper",
                                                                "connect", "disconnect", "start",     "expect"};
  std::vector<std::string> faults;
  for (const Step& step : plan.steps) {
    const std::string_view word = verb(step.action);
    if (std::ranges::find(kNoFaults, word) == kNoFaults.end()) faults.emplace_back(word);
  }
  if (faults.empty()) return complete ? "It needs no fault." : "It has no fault.";
  return fmt::format("{} {} fault{}: {}.{}", complete ? "It needs" : "It has", faults.size(),
                     faults.size() == 1 ? "" : "s", fmt::join(faults, ", "),
                     complete ? " Without any one of them it passes." : "");
}

int write_result(const ShrinkOptions& options, const Subject& subject, ShrinkRun& run, Shrunk shrunk) {
  shrunk.plan = run.with_quiet(std::move(shrunk.plan));
  const std::string sizes = fmt::format("{} nodes and {} entries, of {} and {}", shrunk.plan.nodes.size(),
                                        shrunk.plan.steps.size(), subject.plan.nodes.size(), subject.plan.steps.size());
  const std::string command = fmt::format("meshdict-sim run {} --seed {}", shell_word(options.out), run.seed());
  const std::string text =
      comment(fmt::format("With seed {} this {}", run.seed(), violation_text(run.violation()))) +
      comment(faults_text(shrunk.plan, shrunk.complete)) +
      comment(fmt::format("Shrunk from {}, seed {}: {}.", subject.plan.name, subject.seed, sizes)) + comment(command) +
      to_yaml(shrunk.plan);
  if (const auto written = write_text(options.out, text); !written) return complain("--out: " + written.error());
  fmt::print("{}: {}, after {} tries{}\n{}\nreplay: {}\n", visible_text(options.out), sizes, shrunk.tries,
             shrunk.complete ? "" : ", " + run.why_over(), faults_text(shrunk.plan, shrunk.complete), command);
  fmt::print(stderr, "{:.1f} s\n", run.seconds());
  return kPass;
}

}  // namespace

int shrink_command(const ShrinkOptions& options) {
  const std::array<GivenFile, 1> read = {{{"FILE", options.what}}};
  const std::array<GivenFile, 1> outputs = {{{"--out", options.out}}};
  if (const auto mistake = check_outputs(read, outputs)) return complain("shrink: " + *mistake);
  const auto subject = load(options);
  if (!subject) return kBadInput;
  if (const auto trouble = check_writable("--out", options.out)) return complain(*trouble);
  struct sigaction note_it = {};
  note_it.sa_handler = [](int) { interrupted = 1; };
  // A person who asks twice does not want to wait.
  note_it.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &note_it, nullptr);
  ::sigaction(SIGTERM, &note_it, nullptr);
  ShrinkRun run(*subject, options);
  const auto first = run.first_violation();
  if (!first) {
    return complain(
        fmt::format("shrink: {} passes with seed {}, expected one that fails", subject->plan.name, subject->seed));
  }
  fmt::print("{} with seed {} {}\n", visible_text(subject->plan.name), subject->seed, violation_text(*first));
  std::fflush(stdout);
  Shrunk shrunk = run.shrink();
  run.clear();
  return write_result(options, *subject, run, std::move(shrunk));
}

}  // namespace meshdict::sim
