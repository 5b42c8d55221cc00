#include "sim/world/stage.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "core/base/random.h"
#include "sim/plan/limits.h"
#include "sim/trace/describe.h"

namespace meshdict::sim {
namespace {

// The slowest frame of the run.
Duration slowest_link(const Plan& plan) {
  Duration slowest = plan.links.slowest();
  for (const Step& step : plan.steps) {
    if (const auto* link = std::get_if<LinkStep>(&step.action)) {
      slowest = std::max(slowest, link->link.slowest());
    }
  }
  return slowest;
}

Duration end_of(const Plan& plan) {
  return (plan.steps.empty() ? Duration{} : plan.steps.back().at.low) + plan.quiet;
}

// Over the longest path, with the slowest links that the plan has. Limited bandwidth leaves no bound: such plans are judged at
// the end.
Duration broadcast_bound_of(const Plan& plan, Duration end) {
  bool limited = plan.links.bandwidth > 0;
  for (const Step& step : plan.steps) {
    if (const auto* link = std::get_if<LinkStep>(&step.action)) limited = limited || link->link.bandwidth > 0;
    limited = limited || std::holds_alternative<SlowReaderStep>(step.action);
  }
  const auto hops = static_cast<std::int64_t>(std::min(plan.nodes.size(), sim_limits::kMaxPath));
  return limited ? end : 2s + slowest_link(plan) * hops;
}

// Behind what a plan expects and does not find.
std::string place_of(const Plan& plan, const Step& step) {
  return step.line > 0 ? fmt::format(" ({}:{})", plan.name, step.line) : std::string();
}

}  // namespace

Stage::Stage(const Plan& plan_run, std::uint64_t seed_run, const RunOptions& options_given, NetworkUser& user)
    : plan(plan_run),
      seed(seed_run),
      options(options_given),
      end(end_of(plan)),
      slowest_round_trip(2 * slowest_link(plan)),
      broadcast_bound(broadcast_bound_of(plan, end)),
      queue(derive_seed(seed, "ties")),
      network(seed, plan.nodes.size(), plan.links, queue, user, counters.faults),
      addresses(plan.nodes),
      transcript(options.transcript),
      findings(queue, &transcript, plan.check),
      hosts(plan.nodes.size()),
      broadcasts(hosts, network, queue, findings),
      records(hosts, network, queue, identities, plan.check, findings),
      claims(hosts, counters.faults, plan.check, slowest_link(plan), findings) {
  if (!transcript.enabled()) return;
  std::string names;
  for (const NodePlan& node : plan.nodes)
    names += " " + node.name;
  transcript.remark(
      fmt::format("{}\n# plan {} seed {}\n# nodes{}", kTranscriptTitle, word_text(plan.name), seed, names));
}

bool Stage::checks(Property property) const {
  return std::ranges::find(plan.check, property) != plan.check.end();
}

std::string Stage::known_as(const NodeId& id) const {
  const auto node = identities.find(id);
  return node == identities.end() ? std::string(id.brief()) : name(node->second);
}

void Stage::mark(Mark what, NodeIndex node, std::uint64_t detail) {
  hash.add(queue.now());
  hash.add(static_cast<std::uint64_t>(what) << 32 | node);
  hash.add(detail);
}

void Stage::fail(const Step& step, std::vector<std::string> nodes, const std::string& what) {
  findings.add("expect", std::move(nodes), what + place_of(plan, step));
}

void Stage::changes_nothing(const Step& step, const std::string& why) {
  if (step.may_idle) return;
  ++counters.idle_steps;
  const std::string line = fmt::format("{} at {} s changes nothing: {}{}", verb(step.action), seconds_text(step.at.low),
                                       why, place_of(plan, step));
  if (transcript.enabled()) transcript.line(now(), "-", line);
  // What nobody wrote down is only counted.
  if (step.line > 0 && idle_steps.size() < sim_limits::kMaxIdleSteps) idle_steps.push_back(line);
  if (plan.strict) fail(step, {}, fmt::format("{} changes nothing: {}", verb(step.action), why));
}

bool Stage::usable(const Step& step, NodeIndex node, bool required) {
  if (up(node) && !hosts[node]->still()) return true;
  ++counters.skipped;
  const std::string why = up(node) ? "stands still" : "is down";
  if (required) {
    fail(step, {name(node)}, fmt::format("{}: the node {}", verb(step.action), why));
  } else {
    changes_nothing(step, fmt::format("{} {}", name(node), why));
  }
  return false;
}

}  // namespace meshdict::sim
