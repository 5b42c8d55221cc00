#include "sim/machines/lines.h"

#include <algorithm>
#include <cassert>
#include <iterator>

#include "core/limits.h"
#include "sim/machines/mixing.h"

namespace meshdict::sim {
namespace {

/// A dial takes one round trip, and both hellos one more behind it.
bool is_fast_enough(Duration flight) {
  return 2 * flight <= limits::kDialDeadline && 4 * flight <= limits::kHelloDeadline;
}

}  // namespace

Lines::Lines(std::uint64_t seed, const LinkPlan& first, FaultCounts& faults)
    : seed_(seed), faults_(faults), first_(first), slowest_(first), ever_too_slow_(!is_fast_enough(first.slowest())) {
  assert(first.jitter.fixed());
}

/// Between sites a step leaves in force what it does not say: there it counts with what may be.
void Lines::note_slowness(const LinkPlan& link) {
  slowest_.latency.high = std::max(slowest_.latency.high, link.latency.high);
  slowest_.jitter.high = std::max(slowest_.jitter.high, link.jitter.high);
  slowest_.gather = std::max(slowest_.gather, link.gather);
  ever_too_slow_ = ever_too_slow_ || !is_fast_enough((site_of_.empty() ? link : slowest_).slowest());
}

void Lines::set_sites(const Plan& plan) {
  if (plan.sites.empty()) return;
  site_of_.assign(plan.nodes.size(), kNoSite);
  for (std::size_t site = 0; site < plan.sites.size(); ++site) {
    const auto number = static_cast<std::uint32_t>(site);
    for (const NodeIndex node : plan.sites[site].nodes)
      site_of_[node] = number;
    sites_.emplace(std::pair(number, number), plan.sites[site].inside);
    note_slowness(plan.sites[site].inside);
  }
  for (const SiteLink& link : plan.site_links) {
    const auto [a, b] = std::minmax(link.a, link.b);
    sites_.emplace(std::pair(static_cast<std::uint32_t>(a), static_cast<std::uint32_t>(b)), link.link);
    note_slowness(link.link);
  }
}

bool Lines::set(const LinkStep& link) {
  assert(link.link.jitter.fixed());
  note_slowness(link.link);
  if (!link.over) {
    links_.push_back(link);
    return true;
  }
  const auto is_same = [&](const LinkStep& other) {
    return other.a == link.a && other.b == link.b && other.link == link.link;
  };
  const auto last = std::find_if(links_.rbegin(), links_.rend(), is_same);
  if (last == links_.rend()) return false;
  links_.erase(std::next(last).base());
  return true;
}

const LinkPlan& Lines::at_first(NodeIndex a, NodeIndex b) const {
  if (std::max(a, b) >= site_of_.size()) return first_;
  const auto found = sites_.find(std::minmax(site_of_[a], site_of_[b]));
  return found == sites_.end() ? first_ : found->second;
}

LinkPlan Lines::plan_of(NodeIndex one, NodeIndex other) const {
  const NodeIndex a = std::min(one, other);
  const NodeIndex b = std::max(one, other);
  const LinkPlan& first = at_first(a, b);
  const auto fits = [&](const LinkStep& step) {
    if (step.a == kNobody) return true;
    return step.b == kNobody ? step.a == a || step.a == b
                             : std::min(step.a, step.b) == a && std::max(step.a, step.b) == b;
  };
  const auto latest = std::find_if(links_.rbegin(), links_.rend(), fits);
  if (latest == links_.rend()) return first;
  if (&first == &first_) return latest->link;
  LinkPlan link = first;
  if (latest->said.latency) link.latency = latest->link.latency;
  if (latest->said.jitter) link.jitter = latest->link.jitter;
  if (latest->said.bandwidth) link.bandwidth = latest->link.bandwidth;
  if (latest->said.piece) link.piece = latest->link.piece;
  if (latest->said.gather) link.gather = latest->link.gather;
  return link;
}

Line Lines::line_of(const LinkPlan& link, NodeIndex one, NodeIndex other) const {
  const std::uint64_t pair = mix64(seed_ ^ (std::uint64_t{std::min(one, other)} << 32 | std::max(one, other)));
  return {.latency = Duration(spread(pair, link.latency.low.count(), link.latency.high.count())),
          .jitter = link.jitter.low,
          .bandwidth = link.bandwidth,
          .piece = link.piece,
          .gather = link.gather};
}

Line Lines::between(NodeIndex one, NodeIndex other) {
  const LinkPlan& first = at_first(one, other);
  const LinkPlan link = plan_of(one, other);
  if (link.latency != first.latency) ++faults_[Fault::kLatency];
  if (link.jitter != first.jitter) ++faults_[Fault::kJitter];
  if (link.bandwidth != first.bandwidth) ++faults_[Fault::kBandwidth];
  return line_of(link, one, other);
}

bool Lines::carries(NodeIndex a, NodeIndex b) const {
  if (!ever_too_slow_) return true;
  const Line line = line_of(plan_of(a, b), a, b);
  return is_fast_enough(line.latency + line.jitter + line.gather);
}

}  // namespace meshdict::sim
