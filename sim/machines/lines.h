#pragma once
// What the line between two nodes is like, by the plan and the steps that have changed it.

#include <cstdint>
#include <vector>

#include "core/base/time.h"
#include "sim/plan/fault.h"
#include "sim/plan/plan.h"

namespace meshdict::sim {

/// Of one connection; see LinkPlan.
struct Line {
  Duration latency{};
  Duration jitter{};
  std::uint64_t bandwidth = 0;
  std::uint64_t piece = 0;
  Duration gather{};
};

class Lines {
 public:
  /// REQUIRES: the jitter of `first`, and of all that is set, is fixed. `faults` outlives it.
  Lines(std::uint64_t seed, const LinkPlan& first, FaultCounts& faults);

  /// From now on; the latest that fits a pair counts.
  void set(const LinkStep& link);
  /// One pair has one distance, however often it connects. Counts how it differs from what lines were at first.
  [[nodiscard]] Line between(NodeIndex a, NodeIndex b);
  /// Whether any line has ever been too slow for a connection to come up within the core's deadlines; and whether that
  /// between two nodes is as fast as that needs now.
  [[nodiscard]] bool ever_too_slow() const { return ever_too_slow_; }
  [[nodiscard]] bool carries(NodeIndex a, NodeIndex b) const;

 private:
  [[nodiscard]] const LinkPlan& plan_of(NodeIndex one, NodeIndex other) const;
  [[nodiscard]] Line line_of(const LinkPlan& link, NodeIndex one, NodeIndex other) const;

  std::uint64_t seed_;
  FaultCounts& faults_;
  LinkPlan first_;
  LinkPlan default_;
  bool ever_too_slow_ = false;
  std::vector<LinkStep> links_;
};

}  // namespace meshdict::sim
