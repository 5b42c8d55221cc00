#include "core/dictionary/admission.h"

#include <algorithm>
#include <cassert>
#include <string>

#include "core/base/sha256.h"
#include "core/dictionary/plain.h"
#include "core/limits.h"
#include "core/record/claim_marks.h"

namespace meshdict {

Admission::Admission(const DictionaryConfig& config, const LeaseTerms& terms, HybridClock& hlc,
                     const Tombstones& tombstones, const FutureRecords& future, const ClockGuard& guard)
    : config_(config), terms_(terms), hlc_(hlc), tombstones_(tombstones), future_(future), guard_(guard) {}

Standing Admission::standing(const std::optional<Record>& present, const NodeId& writer) const {
  if (!present) return Standing::kFree;
  const bool visible = is_visible(present->version);
  if (config_.leasing == Leasing::kOff) return visible ? Standing::kContinues : Standing::kFree;
  if (present->version.owner == writer) {
    const bool live = writer == config_.self ? terms_.is_trusted(*present) : !terms_.has_lapsed_for_others(*present);
    return live ? Standing::kContinues : Standing::kFree;
  }
  return visible && !terms_.has_lapsed_for_others(*present) ? Standing::kLeased : Standing::kFree;
}

Standing Admission::standing_of_plain(const std::optional<Record>& present, const NodeId& writer,
                                      std::int64_t seconds) const {
  const Standing usual = standing(present, writer);
  if (!present || !is_visible(present->version) || present->version.owner == writer) return usual;
  const Version& held = present->version;
  const std::int64_t held_seconds = whole_seconds(held.written);
  if (seconds == held_seconds && !is_given_up(held)) {
    // A claim of a meshdict node is a rival's only in the second of its start: a lease that is held is held.
    const bool rival =
        config_.leasing == Leasing::kOff || held.boot == Boot::kNone || whole_seconds(held.claim_start) == seconds;
    return rival && yields_in_its_second(held, writer) ? Standing::kRival : Standing::kLeased;
  }
  if (usual != Standing::kLeased || held.boot != Boot::kNone) return usual;
  return std::chrono::seconds(seconds - held_seconds) > config_.lease ? Standing::kFree : Standing::kLeased;
}

std::expected<void, WriteError> Admission::check(std::string_view key, const std::optional<Record>& present) const {
  if (key.size() > limits::kMaxKey) {
    return std::unexpected(
        BadKey{"the key has " + std::to_string(key.size()) + " bytes, more than " + std::to_string(limits::kMaxKey)});
  }
  const Standing found = standing(present, config_.self);
  if (found == Standing::kLeased) {
    return std::unexpected(Leased{.owner = present->version.owner, .left = terms_.left_for_others(*present)});
  }
  return found == Standing::kFree ? check_claim(key, present) : check_epoch(key, present);
}

std::expected<void, WriteError> Admission::check_claim(std::string_view key,
                                                       const std::optional<Record>& present) const {
  if (guard_.forbids_claims()) return std::unexpected(WrongClock{.ahead = guard_.ahead()});
  return check_epoch(key, present);
}

std::expected<void, WriteError> Admission::check_epoch(std::string_view key,
                                                       const std::optional<Record>& present) const {
  const Hlc highest = earliest_write(highest_epoch(key, present));
  if (const Hlc reading = hlc_.next(config_.skew); highest >= reading) {
    const auto behind = std::chrono::ceil<std::chrono::milliseconds>(highest - reading + 1ms);
    return std::unexpected(
        WriteError(BadKey{"the epochs of this key are bounded by the clocks of its writers, and this node's clock is " +
                          std::to_string(behind.count()) + " ms behind them"}));
  }
  return {};
}

Epoch Admission::highest_epoch(std::string_view key, const std::optional<Record>& present) const {
  return std::max(tombstones_.floor_of(key), present ? present->version.epoch : Epoch::kNone);
}

/// Of a write that is to win over the present record and over `waiting`, if any.
Epoch Admission::epoch_above(std::string_view key, const std::optional<Record>& present, const Version* waiting) const {
  return next(std::max(highest_epoch(key, present), waiting ? waiting->epoch : Epoch::kNone));
}

/// Whether py2p nodes, which look at seconds, would keep a py2p node's write and refuse ours.
bool Admission::is_lost_in_its_second(const Version& held, Hlc now) const {
  return config_.leasing == Leasing::kOff && held.boot == Boot::kNone && is_visible(held) &&
         held.owner != config_.self && whole_seconds(now) == whole_seconds(held.written) &&
         !yields_in_its_second(held, config_.self);
}

Hlc Admission::time_of_write(const std::optional<Record>& present) {
  const Hlc now = hlc_.tick();
  if (!present || !is_lost_in_its_second(present->version, now)) return now;
  hlc_.observe(Hlc::from_ms((whole_seconds(now) + 1) * 1'000), config_.skew);
  return hlc_.tick();
}

Version Admission::write_by_clock(std::string_view key, const std::optional<Record>& present, RawView value,
                                  RecordKind kind) {
  const Hlc now = time_of_write(present);
  const Version* waiting = future_.next_below_a_write(key, now);
  Version claim{.epoch = epoch_above(key, present, waiting),
                .claim_start = now,
                .owner = config_.self,
                .boot = config_.boot,
                .sequence = Sequence::kFirst,
                .value_hash = sha256(value),
                .written = now,
                .kind = kind};
  if (standing(present, config_.self) != Standing::kContinues) return claim;

  const Version& held = present->version;
  Version renewal = claim;
  renewal.epoch = held.epoch;
  if (config_.leasing == Leasing::kOn) {
    renewal.claim_start = held.claim_start;
    renewal.sequence = next(held.sequence);
  }
  const bool wins = now > held.written && compare(renewal, held, config_.leasing) > 0 &&
                    (!waiting || compare(renewal, *waiting, config_.leasing) > 0);
  return wins ? renewal : claim;
}

/// A further write in a claim of ours, timed by the claim. REQUIRES: it is trusted, or there are no leases.
Admission::Write Admission::write_by_claims_time(std::string_view key, const Record& held, RawView value,
                                                 RecordKind kind) {
  const Version& before = held.version;
  const Hlc written = guard_.time_in_claim(held);
  const bool leasing = config_.leasing == Leasing::kOn;
  Version version{.epoch = before.epoch,
                  .claim_start = leasing ? before.claim_start : written,
                  .owner = config_.self,
                  .boot = config_.boot,
                  .sequence = leasing ? next(before.sequence) : Sequence::kFirst,
                  .value_hash = sha256(value),
                  .written = written,
                  .kind = kind};
  // It may be of a later boot, which lost its disk.
  const Version* waiting = future_.next_below_a_write(key, written);
  const bool wins =
      compare(version, before, config_.leasing) > 0 && (!waiting || compare(version, *waiting, config_.leasing) > 0);
  if (!wins) {
    version.epoch = epoch_above(key, held, waiting);
    version.written = std::max(written, earliest_write(version.epoch));
    version.claim_start = version.written;
    version.sequence = Sequence::kFirst;
  }
  hlc_.observe(version.written, config_.skew);
  const Duration younger = version.written - before.written;
  return {.version = version, .age = std::max(Duration::zero(), terms_.age(held) - younger)};
}

Admission::Write Admission::next_write(std::string_view key, const std::optional<Record>& present, RawView value,
                                       RecordKind kind) {
  if (guard_.forbids_claims()) return write_by_claims_time(key, *present, value, kind);
  Write next{.version = write_by_clock(key, present, value, kind)};
  assert(!present || compare(next.version, present->version, config_.leasing) > 0);
  next.age = std::max(Duration::zero(), hlc_.now() - next.version.written);
  return next;
}

std::expected<Admission::Write, WriteError> Admission::giving_up(std::string_view key, const Record& held) {
  Write last = next_write(key, held, held.value, RecordKind::kValue);
  last.version.written = time_of_giving_up(last.version.claim_start, config_);
  if (last.version.epoch > largest_epoch(last.version.written)) {
    return std::unexpected(BadKey{
        "a write time before the claim has no room for this epoch (the clock is near to 1970, or somebody has made "
        "the epoch very large): the lease ends by itself"});
  }
  last.age = std::max(last.age, hlc_.now() - last.version.written);
  return last;
}

Admission::Write Admission::taking(std::string_view key, const Record& held) {
  Write claim = next_write(key, held, held.value, RecordKind::kValue);
  claim.version.sequence = kFirstOfTaken;
  return claim;
}

}  // namespace meshdict
