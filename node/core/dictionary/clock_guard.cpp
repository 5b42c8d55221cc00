#include "core/dictionary/clock_guard.h"

#include <algorithm>
#include <utility>

#include "core/dictionary/future_records.h"
#include "core/limits.h"

namespace meshdict {
namespace {

Hlc later(Hlc time, Duration by) {
  return reading_of(std::chrono::milliseconds(time.unix_ms()) + by);
}

}  // namespace

ClockGuard::ClockGuard(const DictionaryConfig& config, const LeaseTerms& terms, const Clock& clock,
                       const HybridClock& hlc, const ReconcileSet& items)
    : config_(config), terms_(terms), clock_(clock), hlc_(hlc), items_(items) {}

void ClockGuard::set_view(const ClockView& ours) {
  const ClockStanding before = std::exchange(view_, ours).standing;
  if (ours.standing != before) plan();
}

/// The wall clock's reading, and `ahead` more.
Hlc ClockGuard::reading(Duration ahead) const {
  return reading_of(clock_.wall().time_since_epoch() + ahead);
}

Hlc ClockGuard::time_in_claim(const Record& held) const {
  const Hlc last = held.version.written;
  const Hlc by_claim = std::min(later(last, terms_.age(held)), reading(-ahead()));
  return std::max(Hlc{last.bits + 1}, by_claim);
}

void ClockGuard::plan() {
  next_.reset();
  if (view_.standing != ClockStanding::kWithin) return;
  const ReconcileItem first{.written = Hlc{later(reading(config_.skew), 1ms)}};
  if (items_.size() > 0 && first <= items_.at(items_.size() - 1)) next_ = first;
}

/// Looks at the next items of the future. Those that are written again leave them.
std::vector<std::string> ClockGuard::next_to_write_again() {
  std::vector<std::string> ours;
  ReconcileItem from = *next_;
  std::size_t looked_at = 0;
  while (from < kAboveAll && looked_at < limits::kSweepItems) {
    const ReconcileSet::Run run = items_.run(from);
    for (const ReconcileSet::Entry& item : run.entries) {
      if (FutureRecords::is_one(item.handle)) continue;
      if (RecordTable::record_at(item.handle).version.owner != config_.self) continue;
      ours.emplace_back(RecordTable::key_at(item.handle));
    }
    looked_at += run.entries.size() + 1;
    from = run.next;
  }
  next_ = from < kAboveAll ? std::optional(from) : std::nullopt;
  return ours;
}

std::optional<Version> ClockGuard::written_again(const Record& record, Epoch epoch) const {
  Version version = record.version;
  version.epoch = epoch;
  version.written = std::min(hlc_.now(), later(hlc_.now(), -terms_.age(record)));
  if (epoch > largest_epoch(version.written)) return std::nullopt;
  version.claim_start = version.written;
  version.boot = config_.boot;
  version.sequence = Sequence::kFirst;
  return version;
}

}  // namespace meshdict
