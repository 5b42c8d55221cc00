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

  /// Sets pairs of nodes whose lines are not as `first`. REQUIRES: no other function was called before; all jitters are fixed.
  void set_sites(const Plan& plan);
  /// Changes lines from now on; of several changes for a pair the latest counts. False when it should end a change that does
  /// not exist.
  bool set(const LinkStep& link);
  /// The line of a new connection. A pair always has the same distance, however often it connects. Counts as faults how the
  /// line differs from what it was at first.
  [[nodiscard]] Line between(NodeIndex a, NodeIndex b);
  /// Whether any line has ever been too slow for a connection to come up within the core's deadlines; below, whether the line
  /// between two nodes is fast enough for that now.
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
  // In each field the slowest that any line has had.
  LinkPlan slowest_;
  bool ever_too_slow_ = false;
  std::vector<LinkStep> links_;
  // By node; empty without sites.
  std::vector<std::uint32_t> site_of_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, LinkPlan> sites_;
};

}  // namespace meshdict::sim
