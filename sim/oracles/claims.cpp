#include "sim/oracles/claims.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "core/limits.h"
#include "sim/oracles/leases.h"
#include "sim/oracles/records.h"
#include "sim/plan/limits.h"

namespace meshdict::sim {
namespace {

/// What may happen without voiding S5: it delays nothing beyond what is asked elsewhere.
constexpr std::array kHarmless = {Fault::kLatency,       Fault::kJitter,   Fault::kFragments, Fault::kJoinedReads,
                                  Fault::kCrossedDials,  Fault::kStorm,    Fault::kClockSkew, Fault::kClockForward,
                                  Fault::kClockBackward, Fault::kClockRate};

bool same_write(const Version& left, const Version& right) {
  return left.kind == right.kind && left.value_hash.bytes == right.value_hash.bytes &&
         left.written.bits == right.written.bits;
}

/// Tells what was written apart, value or deletion.
std::uint64_t content_of(const Version& version) {
  return version.kind == RecordKind::kTombstone ? 0 : version.value_hash.prefix();
}

int order_of_bytes(const std::string& left, const std::string& right) {
  const int common = std::memcmp(left.data(), right.data(), std::min(left.size(), right.size()));
  if (common != 0) return common;
  return left.size() < right.size() ? -1 : left.size() > right.size() ? 1 : 0;
}

}  // namespace

ClaimOracle::ClaimOracle(const Hosts& hosts, const FaultCounts& faults, const std::vector<Property>& check,
                         Duration slowest, Findings& findings)
    : hosts_(hosts), faults_(faults), check_(check), slowest_(slowest), findings_(findings) {}

bool ClaimOracle::checks(Property property) const {
  return std::ranges::find(check_, property) != check_.end();
}

void ClaimOracle::changed(NodeIndex node, const std::string& key) {
  const Host& host = *hosts_[node];
  if (!checks(Property::kS3) || host.plan().leasing == Leasing::kOff) return;
  const auto& records = host.engine().dictionary().records();
  const auto found = records.find(key);
  if (found == records.end()) return;
  const Version& version = found->second.version;
  const auto contents = contents_.find({key, version.owner});
  if (contents == contents_.end() || !contents->second.contains(content_of(version))) {
    findings_.add(name_of(Property::kS3), {name(node)},
                  fmt::format("'{}', epoch {}, is held as what {} wrote, and it never did", key,
                              std::to_underlying(version.epoch), version.owner.brief()));
    return;
  }
  if (cloned_.contains(version.owner)) return;
  auto& writes = writes_[{key, version.epoch, version.claim_start.bits, version.owner}];
  const auto [at, fresh] = writes.try_emplace({version.boot, version.sequence}, version);
  const auto report = [&](const std::string& what) {
    findings_.add(
        name_of(Property::kS3), {name(node)},
        fmt::format("'{}', epoch {}, of {}: {}", key, std::to_underlying(version.epoch), version.owner.brief(), what));
  };
  if (!fresh) {
    if (!same_write(at->second, version))
      report(fmt::format("two writes of sequence {}", std::to_underlying(version.sequence)));
    return;
  }
  // A holder that lost its last commit may issue the same write once more.
  // And one that also has a slow clock may begin its claim again at the same time: the boot decides then.
  const bool all_remembered = faults_[Fault::kPowerFailure] == 0 && faults_[Fault::kRestartWithIdentityOnly] == 0;
  const auto not_later = [&](const Version& earlier, const Version& later) {
    if (earlier.boot != later.boot && !all_remembered) return false;
    if (gives_up(earlier)) return true;
    if (gives_up(later)) return false;
    return later.written.bits < earlier.written.bits ||
           (later.written.bits == earlier.written.bits && !same_write(earlier, later));
  };
  const bool wrong = (at != writes.begin() && not_later(std::prev(at)->second, version)) ||
                     (std::next(at) != writes.end() && not_later(version, std::next(at)->second));
  if (wrong) report(fmt::format("the write of sequence {} is out of order", std::to_underlying(version.sequence)));
}

void ClaimOracle::acknowledged(NodeIndex node, const std::string& key) {
  if (keys_.size() < sim_limits::kMaxKeysForS5) keys_.insert(key);
  const Host& host = *hosts_[node];
  const Dictionary& dictionary = host.engine().dictionary();
  const auto found = dictionary.records().find(key);
  if (found != dictionary.records().end()) {
    contents_[{key, found->second.version.owner}].insert(content_of(found->second.version));
  }
  if (!checks(Property::kS4) || host.plan().leasing == Leasing::kOff) return;
  const auto view = dictionary.lease(key);
  if (!view || found == dictionary.records().end()) return;  // deleted
  const Version& version = found->second.version;
  const auto [resource, first] = resources_.try_emplace(key, Presented{view->fence, version});
  if (first) return;
  const Presented& seen = resource->second;
  const int by_fence = order_of_bytes(view->fence, seen.fence);
  const int by_claim = order_of_claims(version, seen.version);
  const auto sign = [](int order) { return order < 0 ? -1 : order > 0 ? 1 : 0; };
  if (sign(by_fence) != sign(by_claim)) {
    findings_.add(name_of(Property::kS4), {name(node)},
                  fmt::format("the fence of '{}' is {} than the largest so far, and its claim is {}", key,
                              by_fence < 0 ? "smaller" : "not smaller", by_claim < 0 ? "superseded" : "not"));
  }
  if (by_fence >= 0) resource->second = {view->fence, version};
}

bool ClaimOracle::undisturbed() const {
  return !disturbed_ && std::ranges::all_of(fault_infos(), [this](const FaultInfo& info) {
    return faults_[info.fault] == 0 || std::ranges::find(kHarmless, info.fault) != kHarmless.end();
  });
}

bool ClaimOracle::promises_hold() const {
  if (!undisturbed()) return false;
  for (const auto& host : hosts_) {
    const NodePlan& plan = host->plan();
    if (plan.leasing == Leasing::kOff || plan.settle < slowest_ * static_cast<std::int64_t>(hosts_.size()))
      return false;
    if (host->clock().largest_ppm() > kMostDriftPpm) return false;
    const bool far = std::ranges::any_of(
        hosts_, [&](const auto& other) { return largest_difference(host->clock(), other->clock()) > plan.skew; });
    if (far) return false;
  }
  return true;
}

/// For how long a path of links has joined two nodes, as these are now.
Duration ClaimOracle::joined_for(std::size_t one, std::size_t other) const {
  std::vector<Duration> reached(hosts_.size(), Duration::zero());
  reached[one] = Duration::max();
  for (bool more = true; more;) {
    more = false;
    for (std::size_t at = 0; at < hosts_.size(); ++at) {
      if (!hosts_[at]->up() || reached[at] == Duration::zero()) continue;
      for (const NeighbourView& neighbour : hosts_[at]->engine().neighbours()) {
        const auto found = std::ranges::find_if(
            hosts_, [&](const auto& host) { return host->up() && host->engine().id() == neighbour.id; });
        if (found == hosts_.end()) continue;
        Duration& there = reached[static_cast<std::size_t>(found - hosts_.begin())];
        const Duration by_here = std::min(reached[at], neighbour.connected_for);
        if (by_here <= there) continue;
        there = by_here;
        more = true;
      }
    }
  }
  return reached[other];
}

/// Whether the younger of two claims was made by one who could know of the other: their meshes had met, and had had the time
/// to compare what they hold.
bool ClaimOracle::have_met(const SettledClaim& one, const SettledClaim& other) const {
  return std::min(one.age, other.age) + limits::kSyncPatience < joined_for(one.host, other.host);
}

void ClaimOracle::look() {
  if (!calm_ || !checks(Property::kS5) || hosts_.size() > sim_limits::kMaxNodesForS5) return;
  calm_ = promises_hold();
  if (!calm_) return;
  for (const std::string& key : keys_) {
    std::vector<SettledClaim> settled;
    for (std::size_t i = 0; i < hosts_.size(); ++i) {
      const auto& host = hosts_[i];
      if (!host->up()) continue;
      const Dictionary& dictionary = host->engine().dictionary();
      const auto record = dictionary.find(key);
      if (!record || record->version.owner != host->engine().id()) continue;
      const auto view = dictionary.lease(key);
      if (!view || !view->ours || !view->held || view->state != LeaseState::kSettled) continue;
      const Duration began = std::chrono::milliseconds(record->version.claim_start.unix_ms());
      settled.push_back(
          {.host = i, .age = std::max(Duration::zero(), host->clock().wall().time_since_epoch() - began)});
    }
    std::set<std::size_t> holders;
    for (std::size_t i = 0; i < settled.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (have_met(settled[i], settled[j])) holders.insert({settled[i].host, settled[j].host});
      }
    }
    if (holders.empty()) continue;
    std::vector<std::string> names;
    names.reserve(holders.size());
    for (const std::size_t holder : holders)
      names.push_back(hosts_[holder]->plan().name);
    findings_.add(name_of(Property::kS5), names, fmt::format("all call themselves the settled holder of '{}'", key));
  }
}

}  // namespace meshdict::sim
