// What an owner does while its wall clock is wrong, and once it has been set right: see dictionary.h.

#include <algorithm>
#include <utility>

#include "core/base/sha256.h"
#include "core/dictionary/dictionary.h"
#include "core/limits.h"

namespace meshdict {
namespace {

Hlc reading_of(std::chrono::milliseconds unix_time) {
  constexpr std::int64_t kLatest = (std::int64_t{1} << 47) - 1;
  return Hlc::from_ms(std::clamp<std::int64_t>(unix_time.count(), 0, kLatest));
}

Hlc later(Hlc time, Duration by) {
  return reading_of(std::chrono::milliseconds(time.unix_ms()) + std::chrono::floor<std::chrono::milliseconds>(by));
}

}  // namespace

void Dictionary::set_clock(const ClockView& ours) {
  const ClockStanding before = std::exchange(wall_clock_, ours).standing;
  contact_.set_clock(!clock_is_wrong(), clock_.monotonic());
  if (ours.standing != before) plan_restamping();
}

/// The wall clock's reading, and `ahead` more.
Hlc Dictionary::reading(Duration ahead) const {
  return reading_of(std::chrono::floor<std::chrono::milliseconds>(clock_.wall().time_since_epoch() + ahead));
}

/// A further write in a claim of ours, timed by the claim. REQUIRES: it is trusted, or there are no leases.
OwnRecord Dictionary::write_by_claims_time(std::string_view key, const Record& held, RawView value, RecordKind kind) {
  const Version& before = held.version;
  const Duration passed = terms_.age(held);
  const Hlc by_claim = std::min(later(before.written, passed), reading(-wall_clock_.offset.ahead));
  const Hlc written = std::max(Hlc{before.written.bits + 1}, by_claim);
  const bool leasing = config_.leasing == Leasing::kOn;
  Version version{.epoch = before.epoch,
                  .claim_start = leasing ? before.claim_start : written,
                  .owner = config_.self,
                  .boot = config_.boot,
                  .sequence = leasing ? before.sequence + 1 : 0,
                  .value_hash = sha256(value),
                  .written = written,
                  .kind = kind};
  // It may be of a later boot, which lost its disk.
  const Version* waiting = future_.next_below_a_write(key, written);
  const bool wins =
      compare(version, before, config_.leasing) > 0 && (!waiting || compare(version, *waiting, config_.leasing) > 0);
  if (!wins) {
    version.epoch = epoch_above(key, held, waiting);
    version.written = std::max(written, Hlc{version.epoch});
    version.claim_start = version.written;
    version.sequence = 0;
  }
  hlc_.observe(version.written, config_.skew);
  const Duration younger = version.written - before.written;
  accept_aged(key, value, version, Origin::kLocal, std::max(Duration::zero(), passed - younger));
  const auto placed = records_.find(key);
  return {placed->first, placed->second};
}

void Dictionary::clock_was_set() {
  forget_jump();
  future_.plan();
  plan_restamping();
}

void Dictionary::plan_restamping() {
  restamp_from_.reset();
  if (wall_clock_.standing != ClockStanding::kWithin) return;
  const ReconcileItem first{.written = Hlc{later(reading(config_.skew), 1ms)}};
  if (items_.size() > 0 && first <= items_.at(items_.size() - 1)) restamp_from_ = first;
}

/// Looks at the next items of the future. Those that are restamped leave them.
void Dictionary::restamp_some() {
  std::vector<std::string> ours;
  ReconcileItem from = *restamp_from_;
  std::size_t looked_at = 0;
  while (from < kAboveAll && looked_at < limits::kSweepItems) {
    const ReconcileSet::Run run = items_.run(from);
    for (const ReconcileSet::Entry& item : run.entries) {
      const RecordEntry record = entry(item.handle);
      const bool is_present = records_.handle(record.key) == item.handle;
      if (is_present && record.version.owner == config_.self) ours.emplace_back(record.key);
    }
    looked_at += run.entries.size() + 1;
    from = run.next;
  }
  restamp_from_ = from < kAboveAll ? std::optional(from) : std::nullopt;
  for (const std::string& key : ours)
    restamp(key, *records_.get(key));
}

void Dictionary::restamp(std::string_view key, const Record& record) {
  const Duration passed = terms_.age(record);
  Version version = record.version;
  version.epoch = highest_epoch(key, record) + 1;
  version.written = std::min(hlc_.now(), later(hlc_.now(), -passed));
  if (version.epoch > largest_epoch(version.written)) return;  // no room: it waits for its time
  version.claim_start = version.written;
  version.boot = config_.boot;
  version.sequence = 0;
  accept_aged(key, record.value, version, Origin::kReissued, passed);
}

}  // namespace meshdict
