#include "sim/oracles/leases.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/limits.h"
#include "sim/oracles/records.h"
#include "sim/trace/trace.h"

namespace meshdict::sim {
namespace {

/// Times are sent in whole milliseconds, and a difference of two of them is off by less than one on either side.
constexpr Duration kRounding = 2ms;

/// Of what a lease is trusted shorter, and waited for longer, than it is: the skew and the drift over the whole.
struct Margin {
  Duration low{};
  Duration high{};
};
Margin margin_of(const NodePlan& plan) {
  const Duration drift(plan.lease / 1s * plan.drift_ppm * 9 / 8);
  // Whole eighths of seconds, and a reading's millisecond.
  return {plan.skew + drift, plan.skew + drift + Duration(10 * plan.drift_ppm) + kRounding};
}

bool is_value(const Version& version) {
  return version.kind == RecordKind::kValue;
}

}  // namespace

LeaseOracle::LeaseOracle(const Hosts& hosts, const EventQueue& world, const Identities& identities,
                         const std::vector<Property>& check, Duration slowest, Findings& findings)
    : hosts_(hosts),
      world_(world),
      identities_(identities),
      on_(std::ranges::find(check, Property::kLease) != check.end()),
      slowest_(slowest),
      findings_(findings),
      sights_(hosts.size()) {}

bool LeaseOracle::judges(NodeIndex node) const {
  return on_ && hosts_[node]->plan().leasing == Leasing::kOn;
}

std::optional<Duration> LeaseOracle::written_at(NodeIndex machine, const std::string& key, std::uint64_t stamp) const {
  const auto writers = writes_.find(key);
  if (writers == writes_.end()) return std::nullopt;
  const auto writes = writers->second.find(machine);
  if (writes == writers->second.end()) return std::nullopt;
  const auto& last = writes->second.last;
  const auto found = std::ranges::find(last, stamp, &Written::stamp);
  return found == last.end() ? std::nullopt : std::optional(found->at);
}

/// How far ahead of the true time any wall clock has been.
Duration LeaseOracle::highest_offset() const {
  Duration highest = Duration::min();
  for (const auto& host : hosts_)
    highest = std::max(highest, host->clock().highest_offset());
  return highest;
}

/// Of a record that the node sees first now, or whenever its clock was as far off as it is now.
std::optional<LeaseOracle::Ages> LeaseOracle::ages_at_sight(NodeIndex node, const std::string& key,
                                                            const Version& version) const {
  const auto owner = identities_.find(version.owner);
  if (owner == identities_.end()) return std::nullopt;
  const auto at = written_at(owner->second, key, version.written.bits);
  if (!at) return std::nullopt;
  const Duration true_age = world_.now() - *at;
  const Duration stamped = std::chrono::milliseconds(version.written.unix_ms()) - kEpoch.time_since_epoch();
  const Duration writers_error = stamped - *at;
  // A node's hybrid clock may be ahead of its wall clock, by the skew at the most, where another's was.
  const VirtualClock& clock = hosts_[node]->clock();
  const Duration lowest = clock.wall_offset();
  const Duration highest = std::min(lowest + hosts_[node]->plan().skew + kRounding, std::max(lowest, highest_offset()));
  return Ages{.low = std::max(Duration::zero(), true_age + lowest - writers_error - kRounding),
              .high = std::max(true_age, true_age + highest - writers_error + kRounding)};
}

std::optional<LeaseOracle::Ages> LeaseOracle::ages(NodeIndex node, const std::string& key,
                                                   const Version& version) const {
  if (sights_[node] == nullptr) return ages_at_sight(node, key, version);
  const auto sight = sights_[node]->find(key);
  if (sight == sights_[node]->end()) return std::nullopt;
  const Sight& seen = sight->second;
  if (seen.stamp != version.written.bits || seen.owner != version.owner) return std::nullopt;
  const Duration since = hosts_[node]->clock().monotonic() - seen.at;
  return Ages{.low = seen.ages.low + since, .high = seen.ages.high + since};
}

LeaseOracle::Foreseen LeaseOracle::foresee(NodeIndex node, const std::string& key) const {
  Foreseen foreseen;
  if (!judges(node)) return foreseen;
  const Host& host = *hosts_[node];
  const auto& records = host.engine().dictionary().records();
  const auto found = records.find(key);
  if (found == records.end() || !is_value(found->second.version)) {
    foreseen.outcome = Outcome::kOk;
    return foreseen;
  }
  foreseen.shown = found->second.version;
  if (!gives_up(foreseen.shown)) foreseen.age = ages(node, key, foreseen.shown);
  const auto owner = identities_.find(foreseen.shown.owner);
  if (owner != identities_.end()) foreseen.holder = owner->second;
  if (foreseen.shown.owner.text() == host.id().text()) {
    foreseen.holder = node;
    foreseen.outcome = Outcome::kOk;
    return foreseen;
  }
  if (gives_up(foreseen.shown)) foreseen.outcome = Outcome::kOk;
  if (!foreseen.age) return foreseen;
  // What a machine has written it may write again, whatever it calls itself since it restarted.
  if (foreseen.holder == node) {
    foreseen.outcome = Outcome::kOk;
    return foreseen;
  }
  const Margin margin = margin_of(host.plan());
  if (foreseen.age->high <= host.plan().lease + margin.low) foreseen.outcome = Outcome::kLeased;
  if (foreseen.age->low > host.plan().lease + margin.high) foreseen.outcome = Outcome::kOk;
  return foreseen;
}

std::optional<Duration> LeaseOracle::age_of_others_claim(NodeIndex node, const std::string& key) const {
  const auto& records = hosts_[node]->engine().dictionary().records();
  const auto found = records.find(key);
  if (found == records.end() || !is_value(found->second.version)) return std::nullopt;
  const auto owner = identities_.find(found->second.version.owner);
  if (owner == identities_.end() || owner->second == node) return std::nullopt;
  const auto at = written_at(owner->second, key, found->second.version.written.bits);
  if (!at) return std::nullopt;
  return world_.now() - *at;
}

void LeaseOracle::tried(NodeIndex node, const std::string& key, const Foreseen& foreseen, Outcome outcome,
                        std::optional<Duration> left) {
  if (outcome == Outcome::kOk) remember(node, key);
  if (!judges(node) || outcome == Outcome::kMissing) return;
  if (outcome == Outcome::kClock) return check_clock(node, key);
  if (foreseen.outcome != Outcome::kAny && foreseen.outcome != outcome) {
    findings_.add("lease", {name(node)},
                  fmt::format("a write of '{}' was {}", key,
                              outcome == Outcome::kOk ? "admitted during another's lease"
                                                      : "refused although nobody holds a lease"));
  }
  check_told(node, key, foreseen, outcome);
  if (left) check_left(node, key, foreseen, *left);
  if (outcome != Outcome::kOk) return;
  check_epoch(node, key, foreseen);
  check_holder(node, key, foreseen);
  check_renewal(node, key, foreseen);
}

/// Whether any two clocks differ by more, now.
bool LeaseOracle::are_apart(Duration by) const {
  const auto offset = [](const auto& host) { return host->clock().wall_offset(); };
  const auto [lowest, highest] = std::ranges::minmax_element(hosts_, {}, offset);
  return offset(*highest) - offset(*lowest) > by;
}

/// Rule 4.
void LeaseOracle::check_clock(NodeIndex node, const std::string& key) {
  const Duration skew = hosts_[node]->plan().skew;
  // A reading is off by half a round trip at the most.
  if (are_apart(skew - std::min(skew, slowest_))) return;
  constexpr Duration kReadAnew = 3 * limits::kReadClockEvery;
  if (last_apart_ && world_.now() - *last_apart_ < kReadAnew) return;
  findings_.add("lease", {name(node)}, fmt::format("a write of '{}' was refused for a clock that is right", key));
}

/// Rule 2, by the clocks.
void LeaseOracle::check_left(NodeIndex node, const std::string& key, const Foreseen& foreseen, Duration left) {
  const Host& host = *hosts_[node];
  told_[{node, key}] = {.owner = foreseen.shown.owner,
                        .stamp = foreseen.shown.written.bits,
                        .life = host.life(),
                        .until = host.clock().monotonic() + left};
  if (!foreseen.age) return;
  const Margin margin = margin_of(host.plan());
  const Duration least = host.plan().lease + margin.low - foreseen.age->high;
  const Duration most = std::max<Duration>(1ms, host.plan().lease + margin.high - foreseen.age->low);
  if (left >= std::max<Duration>(1ms, least) && left <= most) return;
  findings_.add("lease", {name(node)},
                fmt::format("a refusal of '{}' tells {} s left, and it is {} to {} s", key, seconds_text(left),
                            seconds_text(std::max<Duration>(1ms, least)), seconds_text(most)));
}

/// Rule 2, by what comes of the next write.
void LeaseOracle::check_told(NodeIndex node, const std::string& key, const Foreseen& foreseen, Outcome outcome) {
  const auto found = told_.find({node, key});
  if (found == told_.end()) return;
  const Told told = found->second;
  told_.erase(found);
  const Host& host = *hosts_[node];
  const bool same = told.life == host.life() && told.stamp == foreseen.shown.written.bits &&
                    told.owner == foreseen.shown.owner && foreseen.holder != node;
  if (!same) return;
  const Duration early = told.until - host.clock().monotonic();
  const bool too_early = outcome == Outcome::kOk && early > kRounding;
  const bool too_late = outcome == Outcome::kLeased && early < -kRounding;
  if (!too_early && !too_late) return;
  findings_.add("lease", {name(node)},
                fmt::format("a write of '{}' was {} {} s {} the end that its last refusal told", key,
                            too_early ? "admitted" : "refused", seconds_text(std::chrono::abs(early)),
                            too_early ? "before" : "after"));
}

void LeaseOracle::released(NodeIndex node, const std::string& key) {
  if (!judges(node)) return;
  const auto& records = hosts_[node]->engine().dictionary().records();
  const auto found = records.find(key);
  if (found != records.end() && gives_up(found->second.version)) return;
  findings_.add("lease", {name(node)}, fmt::format("'{}' is said to be given up, and is not", key));
}

/// Rule 5.
void LeaseOracle::check_epoch(NodeIndex node, const std::string& key, const Foreseen& foreseen) {
  if (!gives_up(foreseen.shown)) return;
  const auto& records = hosts_[node]->engine().dictionary().records();
  const auto found = records.find(key);
  if (found == records.end() || found->second.version.epoch > foreseen.shown.epoch) return;
  findings_.add("lease", {name(node)}, fmt::format("'{}' was given up, and written again without a larger epoch", key));
}

/// Rule 3: of the holder before.
void LeaseOracle::check_holder(NodeIndex node, const std::string& key, const Foreseen& foreseen) {
  if (foreseen.holder == kNobody || foreseen.holder == node || !hosts_[foreseen.holder]->up()) return;
  const Host& holder = *hosts_[foreseen.holder];
  const auto record = holder.engine().dictionary().find(key);
  // It may have written again since.
  if (!record || record->version.owner != foreseen.shown.owner || record->version.written != foreseen.shown.written)
    return;
  const Duration apart = largest_difference(hosts_[node]->clock(), holder.clock());
  const std::int64_t ppm = std::max(hosts_[node]->clock().largest_ppm(), holder.clock().largest_ppm());
  if (apart > holder.plan().skew || ppm > kMostDriftPpm) return;
  const auto view = holder.engine().dictionary().lease(key);
  if (!view || !view->ours || !view->held) return;
  findings_.add("lease", {name(node), name(foreseen.holder)},
                fmt::format("the first has taken '{}', and the second still trusts its lease for {} s", key,
                            seconds_text(view->left)));
}

/// Rule 3: of the writer.
void LeaseOracle::check_renewal(NodeIndex node, const std::string& key, const Foreseen& foreseen) {
  if (foreseen.holder != node || !foreseen.age || hosts_[node]->shares_identity) return;
  const auto record = hosts_[node]->engine().dictionary().find(key);
  const Version& before = foreseen.shown;
  const bool renewed = record && record->version.owner == before.owner && record->version.epoch == before.epoch &&
                       record->version.claim_start == before.claim_start;
  const Margin margin = margin_of(hosts_[node]->plan());
  if (!renewed || foreseen.age->low <= hosts_[node]->plan().lease - margin.low + kRounding) return;
  findings_.add("lease", {name(node)},
                fmt::format("a claim of '{}' was renewed that its owner must not trust any more", key));
}

// What has happened

void LeaseOracle::remember(NodeIndex node, const std::string& key) {
  const auto& records = hosts_[node]->engine().dictionary().records();
  const auto found = records.find(key);
  if (found == records.end()) return;
  LastWrites& writes = writes_[key][node];
  writes.last[writes.count++ % kRemembered] = {.stamp = found->second.version.written.bits, .at = world_.now()};
}

void LeaseOracle::note_sight(NodeIndex node, const std::string& key, const Version& version) {
  Sight& sight = (*sights_[node])[key];
  const auto seen = is_value(version) ? ages_at_sight(node, key, version) : std::nullopt;
  // Unknown: of an owner that nobody is.
  sight = seen ? Sight{.owner = version.owner,
                       .stamp = version.written.bits,
                       .ages = *seen,
                       .at = hosts_[node]->clock().monotonic()}
               : Sight{};
}

void LeaseOracle::changed(NodeIndex node, const std::string& key) {
  if (sights_[node] == nullptr) return;
  const auto& records = hosts_[node]->engine().dictionary().records();
  const auto found = records.find(key);
  if (found == records.end()) return;
  const Version& version = found->second.version;
  // Issued again, it is as old as it was.
  const auto sight = sights_[node]->find(key);
  const bool again = sight != sights_[node]->end() && sight->second.stamp == version.written.bits &&
                     sight->second.owner == version.owner;
  if (!again) note_sight(node, key, version);
}

void LeaseOracle::restarted(NodeIndex node) {
  if (sights_[node] == nullptr) return;
  sights_[node]->clear();
  for (const auto& [key, record] : hosts_[node]->engine().dictionary().records())
    note_sight(node, std::string(key), record.version);
}

void LeaseOracle::forget(NodeIndex node, Duration since) {
  for (auto& [key, writers] : writes_) {
    const auto writes = writers.find(node);
    if (writes == writers.end()) continue;
    for (Written& write : writes->second.last)
      if (write.at >= since) write = {};
  }
}

void LeaseOracle::clock_changes(NodeIndex node) {
  const Duration skew = hosts_[node]->plan().skew;
  if (are_apart(skew - std::min(skew, slowest_))) last_apart_ = world_.now();
  if (!judges(node) || sights_[node] != nullptr) return;
  sights_[node] = std::make_unique<std::unordered_map<std::string, Sight>>();
  if (!hosts_[node]->up()) return;
  for (const auto& [key, record] : hosts_[node]->engine().dictionary().records())
    note_sight(node, std::string(key), record.version);
}

}  // namespace meshdict::sim
