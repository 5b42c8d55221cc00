#include "core/dictionary/future_records.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

#include "core/limits.h"

namespace meshdict {

FutureRecords::FutureRecords(const DictionaryConfig& config, const Clock& clock, const HybridClock& hlc,
                             ReconcileSet& items)
    : config_(config),
      clock_(clock),
      hlc_(hlc),
      items_(items),
      queue_(ComesBackEarlier{config.leasing}),
      by_key_(KeyThenVersion{config.leasing}) {}

bool FutureRecords::ComesBackEarlier::operator()(const FutureRecord& left, const FutureRecord& right) const {
  if (left.due != right.due) return left.due < right.due;
  if (left.key != right.key) return left.key < right.key;
  const bool left_is_plain = left.plain != Plain::kNo;
  if (left_is_plain != (right.plain != Plain::kNo)) return !left_is_plain;
  if (left_is_plain) return left.arrival < right.arrival;
  return compare(left.version, right.version, leasing) < 0;
}

bool FutureRecords::KeyThenVersion::operator()(const FutureRecord* left, const FutureRecord* right) const {
  if (left->key != right->key) return left->key < right->key;
  return compare(left->version, right->version, leasing) < 0;
}

ReconcileSet::Handle FutureRecords::handle_of(const FutureRecord& record) {
  return reinterpret_cast<ReconcileSet::Handle>(&record) | kHandleBit;
}

RecordEntry FutureRecords::entry(ReconcileSet::Handle handle) {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): made by handle_of(), of a node that stays where it is
  const auto& held = *reinterpret_cast<const FutureRecord*>(handle & ~kHandleBit);
  return {.key = held.key, .value = held.value, .version = held.version};
}

bool FutureRecords::is_from_future(const Version& version) const {
  return hlc_.until_allowed(version.written, config_.skew) > Duration::zero();
}

void FutureRecords::hold(FutureRecord record) {
  if (record.due == Hlc{}) record.due = record.version.written;
  if (record.plain == Plain::kNo && by_key_.contains(&record)) return;
  const std::size_t bytes = record.bytes();
  record.arrival = arrivals_++;
  const auto [added, fresh] = queue_.insert(std::move(record));
  if (!fresh) return;
  bytes_ += bytes;
  if (added->plain == Plain::kNo) {
    by_key_.insert(&*added);
    items_.insert(item_of(added->key, added->version), handle_of(*added));
  }
  while (queue_.size() > limits::kMaxFutureRecords || bytes_ > limits::kMaxFutureBytes)
    take(std::prev(queue_.end()));
  plan();
}

void FutureRecords::hold_as_others_do(std::string_view key, RawView value, const Version& version,
                                      const Version& present) {
  if (!is_from_future(present)) return;
  Hlc due = version.written;
  if (!is_from_future(version)) {
    due = present.written;
    // A tombstone leaves their sets at the horizon.
    if (!is_visible(version)) {
      if (hlc_.now(config_.skew) - version.written >= config_.horizon - config_.skew) return;
      const auto horizon = std::chrono::ceil<std::chrono::milliseconds>(config_.horizon);
      due = std::min(due, Hlc::from_ms(version.written.unix_ms() + horizon.count()));
    }
    // Of those whose time has come they hold the largest.
    for (auto at = by_key_.lower_bound(KeyAndEpoch{.key = key}); at != by_key_.end() && (*at)->key == key;) {
      const FutureRecord& held = **at++;
      if (is_from_future(held.version)) continue;
      if (compare(held.version, version, config_.leasing) >= 0) return;
      take(queue_.find(held));
    }
  }
  hold({.version = version, .key = std::string(key), .value = Raw(value), .due = due});
}

void FutureRecords::drop_beaten(std::string_view key, const Version& version) {
  for (auto at = by_key_.lower_bound(KeyAndEpoch{.key = key}); at != by_key_.end() && (*at)->key == key;) {
    const FutureRecord& held = **at++;
    if (compare(held.version, version, config_.leasing) > 0) return;
    take(queue_.find(held));
  }
}

const Version* FutureRecords::next_below_a_write(std::string_view key, Hlc written) const {
  if (config_.leasing == Leasing::kOn || by_key_.empty()) return nullptr;
  const auto behind = by_key_.lower_bound(KeyAndEpoch{.key = key, .epoch = largest_epoch(written)});
  if (behind == by_key_.begin()) return nullptr;
  const FutureRecord& highest = **std::prev(behind);
  return highest.key == key ? &highest.version : nullptr;
}

FutureRecord FutureRecords::take(Queue::const_iterator which) {
  bytes_ -= which->bytes();
  if (which->plain == Plain::kNo) {
    by_key_.erase(&*which);
    items_.erase(item_of(which->key, which->version));
  }
  return std::move(queue_.extract(which).value());
}

std::optional<FutureRecord> FutureRecords::take_due() {
  if (queue_.empty() || hlc_.until_allowed(queue_.begin()->due, config_.skew) > Duration::zero()) return std::nullopt;
  return take(queue_.begin());
}

void FutureRecords::plan() {
  if (queue_.empty()) return;
  const Duration wait = hlc_.until_allowed(queue_.begin()->due, config_.skew);
  next_look_ = clock_.monotonic() + std::clamp<Duration>(wait, 1ms, limits::kLookAtFuture);
}

std::optional<MonoTime> FutureRecords::next_look() const {
  if (queue_.empty()) return std::nullopt;
  return next_look_;
}

void FutureRecords::sanity_check() const {
  std::size_t bytes = 0;
  std::size_t listed = 0;
  for (const FutureRecord& record : queue_) {
    bytes += record.bytes();
    if (record.plain != Plain::kNo) continue;
    assert(items_.find(item_of(record.key, record.version)) == handle_of(record));
    ++listed;
  }
  assert(listed == by_key_.size());
  assert(bytes == bytes_);
  assert(queue_.size() <= limits::kMaxFutureRecords && bytes_ <= limits::kMaxFutureBytes);
  assert(queue_.empty() || next_look_ <= clock_.monotonic() + limits::kLookAtFuture);
}

}  // namespace meshdict
