#include "sim/machines/borders.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace meshdict::sim {

void Borders::set_groups(std::vector<std::uint32_t> groups) {
  assert(groups.size() == groups_.size());
  groups_ = std::move(groups);
}

void Borders::cut(const CutStep& what) {
  Cut cut{.step = what, .from = std::vector<bool>(groups_.size(), false), .to = cut.from};
  for (const NodeIndex node : what.from)
    cut.from[node] = true;
  for (const NodeIndex node : what.to)
    cut.to[node] = true;
  cuts_.push_back(std::move(cut));
}

void Borders::mend(const MendStep& what) {
  std::erase_if(cuts_, [&](const Cut& cut) { return cut.step.from == what.from && cut.step.to == what.to; });
}

bool Borders::passes(NodeIndex from, NodeIndex to) const {
  if (groups_[from] != groups_[to]) return false;
  return std::ranges::none_of(cuts_, [&](const Cut& cut) {
    return (cut.from[from] && cut.to[to]) || (!cut.step.one_way && cut.from[to] && cut.to[from]);
  });
}

Fault Borders::between(NodeIndex from, NodeIndex to) const {
  if (groups_[from] != groups_[to]) return Fault::kPartition;
  return passes(to, from) ? Fault::kOneWayCut : Fault::kCut;
}

bool Borders::is_divided(bool cuts) const {
  return (cuts && !cuts_.empty()) ||
         std::ranges::any_of(groups_, [&](std::uint32_t group) { return group != groups_[0]; });
}

bool Borders::is_cut(const MendStep& sides) const {
  return std::ranges::any_of(cuts_,
                             [&](const Cut& cut) { return cut.step.from == sides.from && cut.step.to == sides.to; });
}

}  // namespace meshdict::sim
