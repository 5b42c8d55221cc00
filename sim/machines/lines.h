#pragma once
// What the line between two nodes is like, by the plan and the steps that have changed it.

#include <cstdint>
#include <map>
#include <utility>
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

  /// Pairs of nodes that are not as `first`. REQUIRES: before any call of the others; all jitters are fixed.
  void set_sites(const Plan& plan);
  /// From now on; the latest that fits a pair counts. False when it is to end one that there is not.
  bool set(const LinkStep& link);
  /// One pair has one distance, however often it connects. Counts how it differs from what lines were at first.
  [[nodiscard]] Line between(NodeIndex a, NodeIndex b);
  /// Whether any line has ever been too slow for a connection to come up within the core's deadlines; and whether that
  /// between two nodes is as fast as that needs now.
  [[nodiscard]] bool ever_too_slow() const { return ever_too_slow_; }
  [[nodiscard]] bool carries(NodeIndex a, NodeIndex b) const;

 private:
  static constexpr std::uint32_t kNoSite = ~std::uint32_t{0};

  [[nodiscard]] const LinkPlan& at_first(NodeIndex a, NodeIndex b) const;
  [[nodiscard]] LinkPlan plan_of(NodeIndex one, NodeIndex other) const;
  void note_slowness(const LinkPlan& link);
  [[nodiscard]] Line line_of(const LinkPlan& link, NodeIndex one, NodeIndex other) const;

  std::uint64_t seed_;
  FaultCounts& faults_;
  LinkPlan first_;
  // The slowest of each.
  LinkPlan slowest_;
  bool ever_too_slow_ = false;
  std::vector<LinkStep> links_;
  // By node; empty without sites.
  std::vector<std::uint32_t> site_of_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, LinkPlan> sites_;
};

}  // namespace meshdict::sim
