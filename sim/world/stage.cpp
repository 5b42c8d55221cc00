#include "sim/world/stage.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <variant>

#include "core/base/random.h"
#include "sim/machines/guests.h"
#include "sim/plan/limits.h"
#include "sim/trace/describe.h"

namespace meshdict::sim {
namespace {

/// All that the plan says of links, its own and its steps'.
std::vector<const LinkPlan*> links_of(const Plan& plan) {
  std::vector<const LinkPlan*> links = {&plan.links};
  for (const Step& step : plan.steps)
    if (const auto* link = std::get_if<LinkStep>(&step.action)) links.push_back(&link->link);
  for (const SitePlan& site : plan.sites)
    links.push_back(&site.inside);
  for (const SiteLink& link : plan.site_links)
    links.push_back(&link.link);
  return links;
}

/// The slowest frame of the run. Between sites a step leaves in force what it does not say.
Duration slowest_link(const Plan& plan) {
  LinkPlan worst = plan.links;
  Duration slowest{};
  for (const LinkPlan* link : links_of(plan)) {
    slowest = std::max(slowest, link->slowest());
    worst.latency.high = std::max(worst.latency.high, link->latency.high);
    worst.jitter.high = std::max(worst.jitter.high, link->jitter.high);
    worst.gather = std::max(worst.gather, link->gather);
  }
  return plan.sites.empty() ? slowest : worst.slowest();
}

/// How long after its beginning a step is over.
Duration extent_of(const Step& step) {
  if (const auto* expect = std::get_if<ExpectStep>(&step.action)) {
    return expect->what->holds == Holds::kNow ? Duration{} : expect->what->span.high;
  }
  const auto* set = std::get_if<SetStep>(&step.action);
  return set != nullptr && set->waited ? set->within : Duration{};
}

Duration end_of(const Plan& plan) {
  Duration last{};
  for (const Step& step : plan.steps)
    if (!step.when) last = std::max(last, step.at.low + extent_of(step));
  return std::max(last, plan.programs_until) + plan.quiet;
}

// Over the longest path, with the slowest links that the plan has. Limited bandwidth leaves no bound: such plans are judged at
// the end.
Duration broadcast_bound_of(const Plan& plan, Duration end) {
  const auto hops = static_cast<std::int64_t>(std::min(plan.nodes.size(), sim_limits::kMaxPath));
  return has_limited_lines(plan) ? end : 2s + slowest_link(plan) * hops;
}

// Behind what a plan expects and does not find.
std::string place_of(const Plan& plan, const Step& step) {
  return step.line > 0 ? fmt::format(" ({}:{})", plan.name, step.line) : std::string();
}

}  // namespace

bool has_limited_lines(const Plan& plan) {
  return std::ranges::any_of(links_of(plan), [](const LinkPlan* link) { return link->bandwidth > 0; }) ||
         std::ranges::any_of(plan.steps,
                             [](const Step& step) { return std::holds_alternative<SlowReaderStep>(step.action); });
}

std::string text_of(const CountRange& range) {
  if (range.low == range.high) return std::to_string(range.low);
  if (range.high == std::numeric_limits<std::uint64_t>::max()) return fmt::format("at least {}", range.low);
  return fmt::format("{} to {}", range.low, range.high);
}

Stage::Stage(const Plan& plan_run, std::uint64_t seed_run, const RunOptions& options_given, NetworkUser& user)
    : plan(plan_run),
      seed(seed_run),
      options(options_given),
      end(end_of(plan)),
      slowest_round_trip(2 * slowest_link(plan)),
      broadcast_bound(broadcast_bound_of(plan, end)),
      queue(derive_seed(seed, "ties")),
      reach(plan.nodes.empty() ? NodePlan() : plan.nodes.front()),
      network(seed, plan.nodes.size(), plan.links, queue, user, counters.faults, reach),
      addresses(plan.nodes),
      transcript(options.transcript),
      findings(queue, &transcript, plan.check, options.most_violations),
      hosts(plan.nodes.size()),
      triggers(plan, identities, addresses, queue),
      moments(plan, hosts),
      broadcasts(hosts, network, queue, findings),
      whispers(hosts, queue, counters.faults, plan.check, slowest_link(plan), findings),
      records(hosts, network, queue, identities, plan.check, findings),
      leases(hosts, queue, identities, plan.check, slowest_link(plan), findings),
      losses(hosts, queue, identities, plan.check, findings),
      claims(hosts, counters.faults, plan.check, slowest_link(plan), findings),
      measures(queue, hosts, reach) {
  network.set_sites(plan);
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

bool Stage::alive(NodeIndex node) const {
  return up(node) || (guests != nullptr && guests->runs(node));
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
  findings.add("expect", std::move(nodes), what + place_of(plan, step), step.line);
}

void Stage::end_run(std::string_view property, std::vector<std::string> nodes, std::string what) {
  if (std::exchange(over, true)) return;
  findings.add(property, std::move(nodes), std::move(what));
}

void Stage::changes_nothing(const Step& step, const std::string& why) {
  if (step.may_idle) return;
  ++counters.idle_steps;
  const std::string line = fmt::format("{} at {} s changes nothing: {}{}", verb(step.action),
                                       seconds_text(step.when ? now() : step.at.low), why, place_of(plan, step));
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
