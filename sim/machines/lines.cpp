#include "sim/machines/lines.h"

#include <algorithm>
#include <cassert>

#include "sim/machines/mixing.h"

namespace meshdict::sim {

Lines::Lines(std::uint64_t seed, const LinkPlan& first, FaultCounts& faults)
    : seed_(seed), faults_(faults), first_(first), default_(first) {
  assert(first.jitter.fixed());
}

void Lines::set(const LinkStep& link) {
  assert(link.link.jitter.fixed());
  if (link.a == kNobody) {
    default_ = link.link;
    links_.clear();
  } else {
    links_.push_back(link);
  }
}

Line Lines::between(NodeIndex one, NodeIndex other) {
  const NodeIndex a = std::min(one, other);
  const NodeIndex b = std::max(one, other);
  const LinkPlan* link = &default_;
  for (const LinkStep& step : links_) {
    const bool fits =
        step.b == kNobody ? step.a == a || step.a == b : std::min(step.a, step.b) == a && std::max(step.a, step.b) == b;
    if (fits) link = &step.link;
  }
  if (link->latency != first_.latency) ++faults_[Fault::kLatency];
  if (link->jitter != first_.jitter) ++faults_[Fault::kJitter];
  if (link->bandwidth != first_.bandwidth) ++faults_[Fault::kBandwidth];
  const std::uint64_t pair = mix64(seed_ ^ (std::uint64_t{a} << 32 | b));
  return {.latency = Duration(spread(pair, link->latency.low.count(), link->latency.high.count())),
          .jitter = link->jitter.low,
          .bandwidth = link->bandwidth,
          .piece = link->piece,
          .gather = link->gather};
}

}  // namespace meshdict::sim
