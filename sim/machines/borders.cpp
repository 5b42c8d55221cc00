#include "sim/machines/borders.h"

#include <algorithm>
#include <cassert>
#include <map>
#include <utility>

namespace meshdict::sim {

void Borders::set_groups(std::vector<std::uint32_t> groups) {
  assert(groups.size() == groups_.size());
  groups_ = std::move(groups);
}

bool Borders::cut(const CutStep& what) {
  const bool is_new = std::ranges::none_of(cuts_, [&](const Cut& cut) {
    return cut.step.from == what.from && cut.step.to == what.to && cut.step.one_way == what.one_way;
  });
  if (!is_new) return false;
  Cut cut{.step = what, .from = std::vector<bool>(groups_.size(), false), .to = cut.from};
  for (const NodeIndex node : what.from)
    cut.from[node] = true;
  for (const NodeIndex node : what.to)
    cut.to[node] = true;
  cuts_.push_back(std::move(cut));
  return true;
}

bool Borders::mends(const MendStep& what, const CutStep& cut) {
  return cut.from == what.from && cut.to == what.to && what.one_way.value_or(cut.one_way) == cut.one_way;
}

void Borders::mend(const MendStep& what) {
  std::erase_if(cuts_, [&](const Cut& cut) { return mends(what, cut.step); });
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

bool Borders::is_divided_as(const std::vector<std::uint32_t>& groups) const {
  assert(groups.size() == groups_.size());
  std::map<std::uint32_t, std::uint32_t> theirs;  // by ours
  std::map<std::uint32_t, std::uint32_t> ours;
  for (std::size_t node = 0; node < groups.size(); ++node) {
    if (theirs.try_emplace(groups_[node], groups[node]).first->second != groups[node]) return false;
    if (ours.try_emplace(groups[node], groups_[node]).first->second != groups_[node]) return false;
  }
  return true;
}

bool Borders::is_divided(bool cuts) const {
  return (cuts && !cuts_.empty()) ||
         std::ranges::any_of(groups_, [&](std::uint32_t group) { return group != groups_[0]; });
}

bool Borders::is_cut(const MendStep& sides) const {
  return std::ranges::any_of(cuts_, [&](const Cut& cut) { return mends(sides, cut.step); });
}

}  // namespace meshdict::sim
