#include "sim/commands/explore.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <variant>

#include "sim/commands/console.h"
#include "sim/commands/output_file.h"
#include "sim/explore/explore.h"
#include "sim/explore/explore_yaml.h"
#include "sim/plan/yaml/plan.h"
#include "sim/runs/report.h"
#include "sim/trace/trace.h"

namespace meshdict::sim {
namespace {

std::string progress_text(const ExploreCounts& counts, double seconds) {
  return fmt::format("{} states, {} terminals, {:.0f} states a second", counts.states, counts.terminals,
                     static_cast<double>(counts.states) / seconds);
}

/// "under 'arbiter'" where there is a rule to choose.
std::string under_rule(const Exploration& exploration) {
  const auto* const plan = std::get_if<SmallPlan>(&exploration.plan);
  return plan == nullptr ? std::string() : fmt::format(" under '{}'", name_of(plan->rule));
}

/// `exploration` is given the way to it.
int report_violation(Exploration& exploration, const ExploreResult& result, const ExploreOptions& options) {
  const std::string& path = options.out;
  for (const std::string& wrong : result.wrongs)
    fmt::print("violated: {}\n", visible_text(wrong));
  std::vector<std::string> heading = {
      fmt::format("Found by exploring {}{}. At its end:", options.file, under_rule(exploration))};
  heading.insert(heading.end(), result.wrongs.begin(), result.wrongs.end());
  std::ofstream file(path, std::ios::binary);
  exploration.choices = result.tape;
  file << to_yaml(exploration, heading);
  if (!file.flush()) return complain(not_written(path));
  fmt::print("{} choices, replay: meshdict-sim run {}\n", result.tape.size(), shell_word(path));
  return kViolated;
}

std::optional<std::string> text_of_file(const std::string& path) {
  std::ostringstream text;
  std::ifstream file(path, std::ios::binary);
  if (file) text << file.rdbuf();
  if (!file || !text) return std::nullopt;
  return text.str();
}

template <typename World>
int replay_choices(const typename World::Plan& plan, const std::vector<Choice>& choices, const std::string& file);

}  // namespace

int explore_command(const ExploreOptions& options) {
  const std::array<GivenFile, 1> read = {{{"FILE", options.file}}};
  const std::array<GivenFile, 1> written = {{{"--out", options.out}}};
  if (const auto mistake = check_outputs(read, written)) return complain("explore: " + *mistake);
  const auto text = text_of_file(options.file);
  if (!text) return complain(options.file + ": cannot be read, expected an exploration in YAML");
  auto exploration = load_exploration(*text, options.file);
  if (!exploration) {
    if (load_plan_file(options.file)) return complain(options.file + ": is a plan: this is for `meshdict-sim run`");
    return complain_of(exploration.error());
  }
  auto* const links = std::get_if<SmallPlan>(&exploration->plan);
  if (!options.policy.empty()) {
    if (links == nullptr) return complain(options.file + ": explores claims: --policy is for connections");
    const auto& names = rule_names();
    links->rule = static_cast<Rule>(std::ranges::find(names, options.policy) - names.begin());
  }
  LiveLine live;
  const auto show = [&](const ExploreCounts& counts) {
    if (live.due()) live.show(progress_text(counts, live.seconds()));
  };
  const ExploreLimits limits{.states = options.states, .bytes = options.megabytes << 20};
  const ExploreResult result =
      std::visit([&](const auto& plan) { return explore(plan, limits, show); }, exploration->plan);
  live.clear();
  int code = kPass;
  if (!result.wrongs.empty()) {
    code = report_violation(*exploration, result, options);
  } else if (!result.stopped.empty()) {
    code = kBadInput;
    fmt::print("not all was visited: {}; make the world smaller, or see --states and --megabytes\n", result.stopped);
  }
  const ExploreCounts& counts = result.counts;
  const char* const verdict = code == kPass ? "PASS" : code == kViolated ? "FAIL" : "INCOMPLETE";
  if (links != nullptr) fmt::print("policy={} ", name_of(links->rule));
  fmt::print("states={} transitions={} terminals={} depth={} cycles={} {}\n", counts.states, counts.transitions,
             counts.terminals, counts.depth, counts.cycles, verdict);
  return code;
}

std::optional<int> replay_exploration(const std::string& file, bool alone) {
  const auto text = text_of_file(file);
  if (!text || !is_exploration(*text)) return std::nullopt;
  const auto exploration = load_exploration(*text, file);
  if (!exploration) return complain_of(exploration.error());
  if (const auto& choices = exploration->choices; !choices.empty()) {
    const auto* const links = std::get_if<SmallPlan>(&exploration->plan);
    if (links != nullptr) return replay_choices<SmallWorld>(*links, choices, file);
    return replay_choices<ClaimWorld>(std::get<ClaimPlan>(exploration->plan), choices, file);
  }
  const std::string what = file + ": has no 'choices' to replay: this is for `meshdict-sim explore`";
  if (alone) return complain(what);
  fmt::print(stderr, "left out: {}\n", visible_text(what));
  return kPass;
}

namespace {

template <typename World>
int replay_choices(const typename World::Plan& plan, const std::vector<Choice>& choices, const std::string& file) {
  World world(plan);
  TraceHash hash;
  for (const Choice& choice : choices) {
    const std::vector<Choice> possible = world.choices();
    if (std::ranges::find(possible, choice) == possible.end()) {
      return complain(fmt::format("{}: '{}' cannot happen there", file, text_of(plan.nodes, choice)));
    }
    const std::string what = world.describe(choice);
    fmt::print("{} {}{}{}\n", seconds_text(world.now()), text_of(plan.nodes, choice), what.empty() ? "" : ": ", what);
    world.apply(choice);
    hash.add(world.digest());
  }
  if (!world.at_rest() && !world.choices().empty()) fmt::print("the world is not at rest: more would happen\n");
  const std::vector<std::string> wrongs = world.wrongs();
  for (const std::string& wrong : wrongs)
    fmt::print("violated: {}\n", wrong);
  fmt::print("seed=1 events={} simulated={} trace={:016x} {}\n", choices.size(), seconds_text(world.now()),
             hash.value(), wrongs.empty() ? "PASS" : "FAIL");
  return wrongs.empty() ? kPass : kViolated;
}

}  // namespace
}  // namespace meshdict::sim
