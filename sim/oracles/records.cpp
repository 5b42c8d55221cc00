#include "sim/oracles/records.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "sim/plan/limits.h"
#include "sim/trace/trace.h"

namespace meshdict::sim {
namespace {

template <typename T>
int order(const T& left, const T& right) {
  return left < right ? -1 : right < left ? 1 : 0;
}

// base58 in ASCII order, without padding: a longer text is the larger number.
int order_of_ids(std::string_view left, std::string_view right) {
  if (left.size() != right.size()) return left.size() < right.size() ? -1 : 1;
  return order(left, right);
}

int order_of_hashes(const Version& left, const Version& right) {
  return order(std::memcmp(left.value_hash.bytes.data(), right.value_hash.bytes.data(), left.value_hash.bytes.size()),
               0);
}

std::string brief(const Version& version) {
  return fmt::format("epoch {} claim {} owner {} sequence {}{}", std::to_underlying(version.epoch),
                     version.claim_start.bits, version.owner.brief(), std::to_underlying(version.sequence),
                     version.kind == RecordKind::kTombstone ? " tombstone" : "");
}

bool same_record(const Record& left, const Record& right) {
  const Version& a = left.version;
  const Version& b = right.version;
  return a.epoch == b.epoch && a.claim_start.bits == b.claim_start.bits && a.owner.text() == b.owner.text() &&
         a.boot == b.boot && a.sequence == b.sequence && a.value_hash.bytes == b.value_hash.bytes &&
         a.written.bits == b.written.bits && a.kind == b.kind && left.value == right.value;
}

/// Of a long key, its beginning.
std::string shown_key(const std::string& key) {
  constexpr std::size_t kMost = sim_limits::kMaxNamedKey;
  return key.size() <= kMost ? key : key.substr(0, kMost) + "...";
}

bool same_content(const Version& left, const Version& right) {
  return left.kind == right.kind && left.value_hash.bytes == right.value_hash.bytes;
}

bool is_old_deletion(const Host& host, const Record& record) {
  const Duration age = host.clock().monotonic() - record.written_here;
  return record.version.kind == RecordKind::kTombstone && age > host.plan().horizon - host.plan().skew;
}

std::int64_t milliseconds_between(const Version& earlier, const Version& later) {
  return static_cast<std::int64_t>(last_held_bits(later) >> 16) - static_cast<std::int64_t>(earlier.written.bits >> 16);
}

}  // namespace

bool gives_up(const Version& version) {
  return version.written.bits < version.claim_start.bits;
}

std::uint64_t last_held_bits(const Version& version) {
  return std::max(version.written.bits, version.claim_start.bits);
}

int order_of_claims(const Version& left, const Version& right) {
  if (const int by = order(left.epoch, right.epoch)) return by;
  if (const int by = order(right.claim_start.bits, left.claim_start.bits)) return by;
  return order_of_ids(right.owner.text(), left.owner.text());
}

int naive_compare(const Version& left, const Version& right, Leasing leasing) {
  if (leasing == Leasing::kOn) {
    if (const int by = order_of_claims(left, right)) return by;
    if (const int by = order(left.boot, right.boot)) return by;
    if (const int by = order(left.sequence, right.sequence)) return by;
    if (const int by = order_of_hashes(left, right)) return by;
    if (const int by = order(left.written.bits, right.written.bits)) return by;
    return order(static_cast<int>(left.kind), static_cast<int>(right.kind));
  }
  if (const int by = order(left.epoch, right.epoch)) return by;
  if (const int by = order(left.written.bits, right.written.bits)) return by;
  if (const int by = order_of_ids(right.owner.text(), left.owner.text())) return by;
  return order_of_hashes(left, right);
}

std::optional<std::string> first_difference(const Host& left, const Host& right) {
  const auto& left_records = left.engine().dictionary().records();
  const auto& right_records = right.engine().dictionary().records();
  auto a = left_records.begin();
  auto b = right_records.begin();
  while (a != left_records.end() || b != right_records.end()) {
    const bool left_has = a != left_records.end() && (b == right_records.end() || a->first <= b->first);
    const bool right_has = b != right_records.end() && (a == left_records.end() || b->first <= a->first);
    const std::string key(left_has ? a->first : b->first);
    const bool left_counts = left_has && !is_old_deletion(left, a->second);
    const bool right_counts = right_has && !is_old_deletion(right, b->second);
    const bool equal = left_has && right_has && same_record(a->second, b->second);
    if (!equal && (left_counts || right_counts)) {
      if (left_has && right_has) {
        return fmt::format("'{}': {} against {}", key, brief(a->second.version), brief(b->second.version));
      }
      return fmt::format("only {} has a record of '{}'", left_has ? left.plan().name : right.plan().name, key);
    }
    if (left_has) ++a;
    if (right_has) ++b;
  }
  return std::nullopt;
}

RecordOracle::RecordOracle(const Hosts& hosts, const Network& network, const EventQueue& world,
                           const Identities& identities, const std::vector<Property>& check, Findings& findings)
    : hosts_(hosts), network_(network), world_(world), identities_(identities), check_(check), findings_(findings) {}

bool RecordOracle::checks(Property property) const {
  return std::find(check_.begin(), check_.end(), property) != check_.end();
}

void RecordOracle::acknowledged(NodeIndex node, const std::string& key) {
  const auto& records = hosts_[node]->engine().dictionary().records();
  const auto found = records.find(key);
  if (found == records.end()) {
    findings_.add("S6", {name(node)}, fmt::format("'{}' was acknowledged and is not there", key));
    return;
  }
  const Version& version = found->second.version;
  acknowledged_[{node, key}] = {version, world_.now(), false, hosts_[node]->clock().wall_offset()};
  if (version.kind == RecordKind::kTombstone) note_deletion(key, version, hosts_[node]->plan().leasing);
}

void RecordOracle::note_deletion(const std::string& key, const Version& version, Leasing leasing) {
  const auto [at, fresh] = deleted_.try_emplace(key, Deleted{.largest = version, .first = world_.now()});
  if (!fresh && naive_compare(version, at->second.largest, leasing) > 0) at->second.largest = version;
}

/// Whether a node may know no more of a deletion that it has shown: one older than the horizon, when there have been more than
/// it keeps. The promises about deletions end there.
bool RecordOracle::may_have_forgotten(NodeIndex node, const std::string& key, const Version& shown) const {
  const NodePlan& plan = hosts_[node]->plan();
  if (shown.kind != RecordKind::kTombstone || deleted_.size() <= plan.kept_deletions) return false;
  const auto found = deleted_.find(key);
  const Duration margins = plan.skew + plan.horizon / 10;
  return found != deleted_.end() && world_.now() - found->second.first > plan.horizon - margins;
}

bool RecordOracle::was_deleted(const std::string& key, const Version& since, Leasing leasing) const {
  const auto found = deleted_.find(key);
  return found != deleted_.end() && naive_compare(found->second.largest, since, leasing) >= 0;
}

void RecordOracle::conflict(NodeIndex node, const Conflict& conflict) {
  const auto found = acknowledged_.find({node, conflict.key});
  if (found != acknowledged_.end() && same_content(found->second.version, conflict.losing)) {
    found->second.settled = true;
  }
}

void RecordOracle::confirmed(NodeIndex node, const std::vector<std::string>& keys, Duration since, NodeIndex peer) {
  const Host& host = *hosts_[peer];
  // One that has ended since then may have lost it, and of two with one id the other may have said so.
  if (!checks(Property::kWait) || !host.up() || host.alive_since() > since || host.shares_identity) return;
  const auto& records = host.engine().dictionary().records();
  for (const std::string& key : keys) {
    const auto promised = acknowledged_.find({node, key});
    if (promised == acknowledged_.end() || promised->second.at != since) continue;
    const Version& version = promised->second.version;
    const auto there = records.find(key);
    const bool has = there != records.end() && naive_compare(there->second.version, version, host.plan().leasing) >= 0;
    if (has || was_deleted(key, version, host.plan().leasing)) continue;
    findings_.add(
        "wait", {name(peer), name(node)},
        fmt::format("the first has confirmed '{}' of the second, written at {} s, and shows {}", shown_key(key),
                    seconds_text(since), there == records.end() ? "nothing" : brief(there->second.version)));
    return;
  }
}

void RecordOracle::changed(NodeIndex node, const std::string& key) {
  const auto& records = hosts_[node]->engine().dictionary().records();
  const auto found = records.find(key);
  if (found == records.end()) return;
  check_fence(node, key, found->second.version);
  const auto promised = acknowledged_.find({node, key});
  if (promised != acknowledged_.end()) check_reported(node, key, promised->second, found->second.version);
}

void RecordOracle::check_fence(NodeIndex node, const std::string& key, const Version& version) {
  if (!checks(Property::kS2) || hosts_[node]->plan().leasing == Leasing::kOff) return;
  const auto [shown, first] = shown_.try_emplace({node, key}, Shown{version, world_.now()});
  if (first) return;
  const bool fell = order_of_claims(version, shown->second.version) < 0;
  if (fell && !may_have_forgotten(node, key, shown->second.version)) {
    findings_.add(
        "S2", {name(node)},
        fmt::format("the fence of '{}' fell: {} after {}", key, brief(version), brief(shown->second.version)));
  }
  shown->second = {version, world_.now()};
}

/// Whether `there` is what a client wrote later, by the world's time or as the writer's clock said then: it may have been
/// issued again since, with a write time that a wrong clock no longer falsifies.
bool RecordOracle::is_later_write(const std::string& key, const Version& there, const Acknowledged& promised) const {
  const auto owner = identities_.find(there.owner);
  const auto write = owner == identities_.end() ? acknowledged_.end() : acknowledged_.find({owner->second, key});
  if (write == acknowledged_.end()) return false;
  const Version& version = write->second.version;
  const bool same = version.value_hash == there.value_hash && version.kind == there.kind;
  return same && (write->second.at > promised.at || version.written.bits > promised.version.written.bits);
}

// The writer's own record of the key is `there` now.
void RecordOracle::check_reported(NodeIndex node, const std::string& key, Acknowledged& promised,
                                  const Version& there) {
  const bool own = there.owner.text() == promised.version.owner.text();
  if (!checks(Property::kS6) || promised.settled || may_have_forgotten(node, key, promised.version)) return;
  const NodePlan& plan = hosts_[node]->plan();
  if (own && same_content(there, promised.version)) return;
  const Version& version = promised.version;
  promised.settled = true;
  const std::int64_t ahead_ms = promised.ahead > plan.skew ? promised.ahead / 1ms : 0;
  const bool later = last_held_bits(there) > version.written.bits || is_later_write(key, there, promised) ||
                     (ahead_ms > 0 && there.written.unix_ms() > version.written.unix_ms() - ahead_ms);
  const bool freed = version.kind == RecordKind::kTombstone && later;
  const bool lapsed = milliseconds_between(version, there) + ahead_ms > plan.lease / 1ms;
  const bool overwritten = plan.leasing == Leasing::kOff && later;
  // Of two deletions the one takes the place of the other and raises no event: what is there now may have won over that one.
  const auto deletion = deleted_.find(key);
  const bool deleted_anew = version.kind == RecordKind::kTombstone && deletion != deleted_.end() &&
                            naive_compare(deletion->second.largest, version, plan.leasing) > 0;
  if (!own && (freed || lapsed || overwritten || deleted_anew)) return;
  findings_.add("S6", {name(node)},
                fmt::format("its write of '{}' at {} s lost to {}, and nobody told it", key, seconds_text(promised.at),
                            brief(there)));
}

void RecordOracle::ends(NodeIndex node) {
  // A claim that was issued anew has raised no event.
  for (const auto& [key, record] : hosts_[node]->engine().dictionary().records())
    changed(node, std::string(key));
}

void RecordOracle::restarted(NodeIndex node) {
  const Host& host = *hosts_[node];
  const auto& records = host.engine().dictionary().records();
  for (const auto& [key, record] : records)
    changed(node, std::string(key));
  const auto is_gone = [&](const std::string& key, const Version& version) {
    return !records.contains(key) && version.kind == RecordKind::kValue;
  };
  const auto from = Place(node, std::string());
  for (auto it = shown_.lower_bound(from); it != shown_.end() && it->first.first == node; ++it) {
    const auto& [place, shown] = *it;
    if (!checks(Property::kS2) || host.plan().leasing == Leasing::kOff || !is_gone(place.second, shown.version))
      continue;
    findings_.add(
        "S2", {name(node)},
        fmt::format("'{}' had {} and after a restart with the disk nothing", place.second, brief(shown.version)));
  }
  for (auto it = acknowledged_.lower_bound(from); it != acknowledged_.end() && it->first.first == node; ++it) {
    auto& [place, promised] = *it;
    if (!checks(Property::kS6) || promised.settled || !is_gone(place.second, promised.version)) continue;
    // Somebody's deletion may have taken its place, and be collected.
    if (was_deleted(place.second, promised.version, host.plan().leasing)) continue;
    promised.settled = true;
    findings_.add("S6", {name(node)},
                  fmt::format("its write of '{}' at {} s is not there after a restart with the disk", place.second,
                              seconds_text(promised.at)));
  }
}

void RecordOracle::forget(NodeIndex node, Duration since) {
  const auto is_lost = [&](const auto& entry) { return entry.first.first == node && entry.second.at >= since; };
  std::erase_if(acknowledged_, is_lost);
  std::erase_if(shown_, is_lost);
}

void RecordOracle::check_societies() {
  for (const Society& society : societies(hosts_, network_)) {
    check_equal(society);
    check_largest(society);
  }
}

void RecordOracle::check_at_end() {
  check_societies();
  // Losses that came without an event.
  for (auto& [place, promised] : acknowledged_) {
    const Host& host = *hosts_[place.first];
    if (!host.up()) continue;
    const auto& records = host.engine().dictionary().records();
    const auto found = records.find(place.second);
    if (found != records.end()) check_reported(place.first, place.second, promised, found->second.version);
  }
}

void RecordOracle::check_equal(const Society& society) {
  if (!checks(Property::kS1)) return;
  const NodeIndex first = society.front();
  for (const NodeIndex node : society) {
    const auto difference = first_difference(*hosts_[first], *hosts_[node]);
    if (difference) findings_.add("S1", {name(first), name(node)}, "different records: " + *difference);
  }
}

void RecordOracle::check_largest(const Society& society) {
  const auto& records = hosts_[society.front()]->engine().dictionary().records();
  const Leasing leasing = hosts_[society.front()]->plan().leasing;
  for (const NodeIndex node : society) {
    const auto begin = acknowledged_.lower_bound({node, std::string()});
    for (auto it = begin; it != acknowledged_.end() && it->first.first == node; ++it) {
      const Version& promised = it->second.version;
      const Property property = promised.kind == RecordKind::kTombstone ? Property::kS7 : Property::kS1;
      const auto found = records.find(it->first.second);
      const bool gone = found == records.end();
      if (!checks(property)) continue;
      // A forgotten tombstone leaves nothing behind, and old ones need not be the same everywhere.
      if (property == Property::kS7 && (gone || found->second.version.kind == RecordKind::kTombstone)) continue;
      if (may_have_forgotten(node, it->first.second, promised)) continue;
      const bool shows_nothing = gone || found->second.version.kind == RecordKind::kTombstone;
      if (shows_nothing && was_deleted(it->first.second, promised, leasing)) continue;
      if (!gone && naive_compare(found->second.version, promised, leasing) >= 0) continue;
      findings_.add(name_of(property), {name(node), name(society.front())},
                    fmt::format("'{}' was acknowledged as {}, and there is {}", it->first.second, brief(promised),
                                gone ? "nothing" : brief(found->second.version)));
    }
  }
}

}  // namespace meshdict::sim
