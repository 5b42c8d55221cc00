#pragma once
// Partitions and cuts: which nodes of the virtual network reach which.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/plan/fault.h"
#include "sim/plan/plan.h"

namespace meshdict::sim {

class Borders {
 public:
  /// All are in one group at first, and nothing is cut.
  explicit Borders(std::size_t nodes) : groups_(nodes, 0) {}

  /// groups[i] of node i; nodes of different groups do not reach each other.
  void set_groups(std::vector<std::uint32_t> groups);
  /// False when there is such a cut already.
  bool cut(const CutStep& what);
  void mend(const MendStep& what);
  void mend_all() { cuts_.clear(); }

  /// Whether the present groups divide the nodes as these would.
  [[nodiscard]] bool is_divided_as(const std::vector<std::uint32_t>& groups) const;
  [[nodiscard]] std::uint32_t group(NodeIndex node) const { return groups_[node]; }
  /// Whether what `from` sends reaches `to`.
  [[nodiscard]] bool passes(NodeIndex from, NodeIndex to) const;
  /// The fault that is in the way. REQUIRES: !passes(from, to).
  [[nodiscard]] Fault between(NodeIndex from, NodeIndex to) const;
  /// Whether there is a partition or, with `cuts`, a cut; below, whether there is a cut that `sides` would mend.
  [[nodiscard]] bool is_divided(bool cuts) const;
  [[nodiscard]] bool is_cut() const { return !cuts_.empty(); }
  [[nodiscard]] bool is_cut(const MendStep& sides) const;

 private:
  static bool mends(const MendStep& what, const CutStep& cut);

  struct Cut {
    CutStep step;
    std::vector<bool> from;  // by node
    std::vector<bool> to;
  };

  std::vector<std::uint32_t> groups_;
  std::vector<Cut> cuts_;
};

}  // namespace meshdict::sim
