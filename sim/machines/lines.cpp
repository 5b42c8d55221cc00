#include "sim/machines/lines.h"

#include <algorithm>
#include <cassert>

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
    : seed_(seed), faults_(faults), first_(first), default_(first), ever_too_slow_(!is_fast_enough(first.slowest())) {
  assert(first.jitter.fixed());
}

void Lines::set(const LinkStep& link) {
  assert(link.link.jitter.fixed());
  ever_too_slow_ = ever_too_slow_ || !is_fast_enough(link.link.slowest());
  if (link.a == kNobody) {
    default_ = link.link;
    links_.clear();
  } else {
    links_.push_back(link);
  }
}

const LinkPlan& Lines::plan_of(NodeIndex one, NodeIndex other) const {
  const NodeIndex a = std::min(one, other);
  const NodeIndex b = std::max(one, other);
  const LinkPlan* link = &default_;
  for (const LinkStep& step : links_) {
    const bool fits =
        step.b == kNobody ? step.a == a || step.a == b : std::min(step.a, step.b) == a && std::max(step.a, step.b) == b;
    if (fits) link = &step.link;
  }
  return *link;
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
  const LinkPlan& link = plan_of(one, other);
  if (link.latency != first_.latency) ++faults_[Fault::kLatency];
  if (link.jitter != first_.jitter) ++faults_[Fault::kJitter];
  if (link.bandwidth != first_.bandwidth) ++faults_[Fault::kBandwidth];
  return line_of(link, one, other);
}

bool Lines::carries(NodeIndex a, NodeIndex b) const {
  if (!ever_too_slow_) return true;
  const Line line = line_of(plan_of(a, b), a, b);
  return is_fast_enough(line.latency + line.jitter + line.gather);
}

}  // namespace meshdict::sim
