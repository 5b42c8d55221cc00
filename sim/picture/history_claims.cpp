#include "sim/picture/history_claims.h"

#include <algorithm>
#include <limits>
#include <optional>
#include "core/base/parse_number.h"
#include "sim/plan/limits.h"

namespace meshdict::sim {
namespace {}  // namespace

void ClaimTracker::count(std::size_t place, Duration at, bool one_more) {
  Claim& claim = claims_[place];
  const std::uint32_t before = claim.shown.empty() ? 0 : claim.shown.back().second;
  const std::uint32_t now = one_more ? before + 1 : before - 1;
  const bool same_moment = !claim.shown.empty() && claim.shown.back().first == at;
  if (same_moment || claim.shown.size() >= sim_limits::kMaxOfClaim) {
    claim.shown.back().second = now;
  } else {
    claim.shown.emplace_back(at, now);
  }
  claim.until = at;
}

// "= <value> of <owner> epoch <n>[ until <seconds>]", "deleted of ..." or "gone".
void ClaimTracker::record(NodeIndex node, NameIndex key, Words words, Duration at,
                          const std::map<std::string, NodeIndex, std::less<>>& nodes) {
  std::optional<std::size_t> place;
  if (words.skip("=")) {
    const std::string value = words.next().value_or("");
    const std::string owner = words.skip("of") ? words.next().value_or("") : "";
    const auto epoch = words.skip("epoch") ? parse_number<std::uint64_t>(words.next().value_or("")) : std::nullopt;
    const auto until = words.skip("until") ? parse_seconds(words.next().value_or("")) : std::nullopt;
    const auto [known, is_new] = places_.try_emplace({key, owner, epoch.value_or(0)}, claims_.size());
    place = known->second;
    const auto owner_node = nodes.find(owner);
    if (is_new) {
      Claim& claim = claims_.emplace_back();
      claim.key = key;
      claim.owner = owner;
      claim.owner_node = owner_node == nodes.end() ? kNobody : owner_node->second;
      claim.epoch = epoch.value_or(0);
      claim.from = at;
    }
    Claim& claim = claims_[*place];
    if (until) {
      auto& bound = claim.owner_node == node ? claim.trusted_until : claim.held_until;
      bound = std::max(bound.value_or(Duration{}), *until);
    }
    const bool is_news = claim.owner_node == node || claim.values.empty();
    if (is_news && claim.values.size() < sim_limits::kMaxOfClaim) {
      if (claim.values.empty() || claim.values.back().second != value) claim.values.emplace_back(at, value);
    }
  }
  const auto before = shown_.find({node, key});
  if (before != shown_.end()) {
    if (place == before->second) return;
    count(before->second, at, false);
    shown_.erase(before);
  }
  if (place) {
    count(*place, at, true);
    shown_.emplace(std::pair(node, key), *place);
  }
}

void ClaimTracker::down(NodeIndex node, Duration at) {
  const auto first = shown_.lower_bound({node, 0});
  const auto last = shown_.upper_bound({node, std::numeric_limits<NameIndex>::max()});
  for (auto shown = first; shown != last; ++shown)
    count(shown->second, at, false);
  shown_.erase(first, last);
}

void ClaimTracker::finish(Duration end) {
  for (const auto& [place, claim] : shown_)
    claims_[claim].until = end;
}

}  // namespace meshdict::sim
