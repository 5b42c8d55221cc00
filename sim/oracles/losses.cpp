#include "sim/oracles/losses.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/oracles/leases.h"
#include "sim/oracles/records.h"
#include "sim/trace/trace.h"

namespace meshdict::sim {

LossOracle::LossOracle(const Hosts& hosts, const EventQueue& world, const Identities& identities,
                       const std::vector<Property>& check, Findings& findings)
    : hosts_(hosts),
      world_(world),
      identities_(identities),
      on_(std::ranges::find(check, Property::kS8) != check.end()),
      findings_(findings) {}

bool LossOracle::judges(NodeIndex node) const {
  return on_ && hosts_[node]->plan().leasing == Leasing::kOn;
}

LossOracle::Claim* LossOracle::find(Claims& claims, const Version& version) {
  // Mostly it is the last.
  const auto found = std::find_if(claims.rbegin(), claims.rend(), [&](const Claim& claim) {
    return claim.epoch == version.epoch && claim.start == version.claim_start && claim.owner == version.owner;
  });
  return found == claims.rend() ? nullptr : &*found;
}

LossOracle::Claim& LossOracle::note(Claims& claims, const Version& version) {
  claims.push_back({.epoch = version.epoch,
                    .start = version.claim_start,
                    .owner = version.owner,
                    .boot = version.boot,
                    .first_write = version.written,
                    .made_at = world_.now()});
  return claims.back();
}

void LossOracle::acknowledged(NodeIndex node, const std::string& key) {
  if (!judges(node)) return;
  const auto& records = hosts_[node]->engine().dictionary().records();
  const auto found = records.find(key);
  if (found == records.end()) return;
  const Version& version = found->second.version;
  Claims& claims = claims_[key];
  Claim* claim = find(claims, version);
  if (claim == nullptr) claim = &note(claims, version);
  if (version.kind == RecordKind::kTombstone) claim->deleted_at = world_.now();
  claim->given_up = gives_up(version);
}

LossOracle::Claims LossOracle::at_epoch(const Claims& claims, Epoch epoch) {
  // From the lowest on: of those that stand at an epoch all but the last in order may be issued again at the next.
  std::map<Epoch, Claims> by_epoch;
  for (const Claim& claim : claims)
    if (claim.epoch <= epoch) by_epoch[claim.epoch].push_back(claim);
  Claims stand;
  Epoch at{};
  while (!by_epoch.empty() || !stand.empty()) {
    Claims above;
    for (const Claim& claim : stand) {
      const bool has_beaten = std::ranges::any_of(stand, [&](const Claim& rival) {
        const Version mine{.claim_start = claim.start, .owner = claim.owner};
        const Version other{.claim_start = rival.start, .owner = rival.owner};
        return rival.owner != claim.owner && order_of_claims(mine, other) > 0;
      });
      if (has_beaten) above.push_back(claim);
    }
    stand = std::move(above);
    at = stand.empty() && !by_epoch.empty() ? by_epoch.begin()->first : next(at);
    if (at > epoch) return {};
    for (Claim& claim : stand)
      claim.epoch = at;
    if (const auto made = by_epoch.extract(at); !made.empty())
      std::ranges::move(made.mapped(), std::back_inserter(stand));
    if (at == epoch) return stand;
  }
  return {};
}

bool LossOracle::was_wrong(const NodeId& owner) const {
  const auto node = identities_.find(owner);
  if (node == identities_.end()) return true;
  const Host& host = *hosts_[node->second];
  return std::ranges::any_of(
      hosts_, [&](const auto& other) { return largest_difference(host.clock(), other->clock()) > host.plan().skew; });
}

bool LossOracle::has_right(const Claims& claims, const Version& version, const NodePlan& plan) const {
  const auto is_it = [&](const Claim& claim) {
    return claim.start == version.claim_start && claim.owner == version.owner;
  };
  if (std::ranges::any_of(at_epoch(claims, version.epoch), is_it)) return true;
  if (was_wrong(version.owner)) return true;
  if (version.epoch <= Epoch{1}) return false;
  const bool anew = std::ranges::none_of(claims, is_it);
  const Duration margin = plan.skew;
  return std::ranges::any_of(at_epoch(claims, Epoch{std::to_underlying(version.epoch) - 1}), [&](const Claim& below) {
    // A value that was written after a deletion of long ago is issued again above that.
    if (!anew)
      return below.deleted_at && world_.now() - *below.deleted_at > plan.horizon - 2 * plan.skew - plan.horizon / 10;
    if (below.owner == version.owner) return below.boot < version.boot;
    const Duration later = std::chrono::milliseconds(version.written.unix_ms() - below.first_write.unix_ms());
    return below.deleted_at.has_value() || below.given_up || later > plan.lease + margin;
  });
}

void LossOracle::changed(NodeIndex node, const std::string& key) {
  if (!judges(node)) return;
  const auto& records = hosts_[node]->engine().dictionary().records();
  const auto found = records.find(key);
  if (found == records.end()) return;
  const Version& version = found->second.version;
  Claims& claims = claims_[key];
  if (find(claims, version) != nullptr) return;
  if (!cloned_.contains(version.owner) && !has_right(claims, version, hosts_[node]->plan())) {
    findings_.add(
        name_of(Property::kS8), {hosts_[node]->plan().name},
        fmt::format("'{}', epoch {}, is claimed by {} since {}: no client wrote that, and it has beaten no rival "
                    "of the epoch before, nor was that free",
                    key, std::to_underlying(version.epoch), version.owner.brief(), version.claim_start.bits));
  }
  note(claims, version);
}

void LossOracle::breaks(NodeIndex node, const std::string& key) {
  broken_.insert({key, hosts_[node]->engine().id()});
}

void LossOracle::broken(NodeIndex node, const LeaseBroken& broken) {
  if (!judges(node) || cloned_.contains(broken.by)) return;
  // Its own operator's deed it hears of in the call that does it.
  if (broken.by == hosts_[node]->engine().id() || broken_.contains({broken.key, broken.by})) return;
  findings_.add(
      name_of(Property::kS8), {hosts_[node]->plan().name},
      fmt::format("it was told that an operator of {} has taken '{}', and none has", broken.by.brief(), broken.key));
}

void LossOracle::conflict(NodeIndex node, const Conflict& conflict) {
  if (!judges(node)) return;
  const Version& lost = conflict.losing;
  const Version& won = conflict.winning;
  const auto wrong = [&](const std::string& what) {
    findings_.add(name_of(Property::kS8), {hosts_[node]->plan().name},
                  fmt::format("its loss of '{}' was told, {}", conflict.key, what));
  };
  if (naive_compare(won, lost, Leasing::kOn) <= 0) return wrong("and the winner is not larger");
  if (won.owner == lost.owner || cloned_.contains(lost.owner) || won.epoch <= lost.epoch) return;
  // In order, by the times of the writes and by the true time of a clock that was never set.
  const Host& host = *hosts_[node];
  const NodePlan& plan = host.plan();
  const Duration later = std::chrono::milliseconds(won.written.unix_ms() - lost.written.unix_ms());
  const bool is_over = later > plan.lease + 2 * plan.skew && !was_wrong(lost.owner) &&
                       host.clock().largest_ppm() <= kMostDriftPpm &&
                       host.clock().lowest_offset() == host.clock().highest_offset();
  if (is_over) wrong("and its lease was over when the winner claimed the key");
}

}  // namespace meshdict::sim
