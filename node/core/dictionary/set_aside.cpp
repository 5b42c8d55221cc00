// Records from the future, and what stands in the set that nodes compare: see dictionary.h.

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

#include "core/dictionary/dictionary.h"
#include "core/limits.h"
#include "core/record/codec.h"

namespace meshdict {
namespace {

/// Marks the handle of a set-aside record; those of present ones are even.
constexpr ReconcileSet::Handle kSetAsideBit = 1;

}  // namespace

bool Dictionary::is_set_aside(ReconcileSet::Handle handle) {
  return (handle & kSetAsideBit) != 0;
}

ReconcileSet::Handle Dictionary::handle_of(const SetAside& record) {
  return reinterpret_cast<ReconcileSet::Handle>(&record) | kSetAsideBit;
}

RecordEntry Dictionary::entry(ReconcileSet::Handle handle) const {
  if (is_set_aside(handle)) {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): made by handle_of(), of a node that stays where it is
    const auto& waiting = *reinterpret_cast<const SetAside*>(handle & ~kSetAsideBit);
    return {.key = waiting.key, .value = waiting.value, .version = waiting.version};
  }
  const Record record = Records::record_at(handle);
  return {.key = Records::key_at(handle), .value = record.value, .version = record.version};
}

ReconcileItem Dictionary::item_of(std::string_view key, const Version& version) {
  return make_item(version.written, record_hash(key, version));
}

bool Dictionary::ComesBackEarlier::operator()(const SetAside& left, const SetAside& right) const {
  if (left.due != right.due) return left.due < right.due;
  if (left.key != right.key) return left.key < right.key;
  const bool left_is_plain = left.plain != Plain::kNo;
  if (left_is_plain != (right.plain != Plain::kNo)) return !left_is_plain;
  if (left_is_plain) return left.arrival < right.arrival;
  return compare(left.version, right.version, leasing) < 0;
}

bool Dictionary::KeyThenVersion::operator()(const SetAside* left, const SetAside* right) const {
  if (left->key != right->key) return left->key < right->key;
  return compare(left->version, right->version, leasing) < 0;
}

/// Puts the item of a record that has become the present one into the set, unless it is too old. `hash` is its
/// record_hash().
void Dictionary::list(Records::Handle handle, const MessageId& hash) {
  const std::string_view key = Records::key_at(handle);
  const Record record = Records::record_at(handle);
  if (leaves_the_set(record)) {
    leave(key, record);
  } else {
    items_.insert(make_item(record.version.written, hash), handle);
    // It may come from before the items that were passed over while the clock showed more than it does now.
    if (!is_visible(record.version)) swept_ = std::min(swept_, record.version.written);
  }
}

void Dictionary::unlist(std::string_view key, const Version& version) {
  items_.erase(item_of(key, version));
}

bool Dictionary::is_from_future(const Version& version) const {
  return hlc_.until_allowed(version.written, config_.skew) > Duration::zero();
}

void Dictionary::set_aside(SetAside record) {
  if (record.due == Hlc{}) record.due = record.version.written;
  if (record.plain == Plain::kNo && set_aside_by_key_.contains(&record)) return;
  const std::size_t bytes = record.bytes();
  record.arrival = arrivals_++;
  const auto [added, fresh] = set_aside_.insert(std::move(record));
  if (!fresh) return;
  set_aside_bytes_ += bytes;
  if (added->plain == Plain::kNo) {
    set_aside_by_key_.insert(&*added);
    items_.insert(item_of(added->key, added->version), handle_of(*added));
  }
  while (set_aside_.size() > limits::kMaxSetAside || set_aside_bytes_ > limits::kMaxSetAsideBytes)
    take_back(std::prev(set_aside_.end()));
  plan_return();
}

/// Takes a record that has lost to our present one as the others do who have set that aside: they hold it still. Nothing to
/// do, when they have not, since then they drop it as we do. REQUIRES: it is smaller than the present record.
void Dictionary::hold_for_others(std::string_view key, RawView value, const Version& version) {
  const auto present = records_.get(key);
  if (!present || !is_from_future(present->version)) return;
  Hlc due = version.written;
  if (!is_from_future(version)) {
    due = present->version.written;
    if (!is_visible(version)) {  // it leaves their sets
      if (hlc_.now(config_.skew) - version.written >= config_.horizon - config_.skew) return;
      const auto horizon = std::chrono::ceil<std::chrono::milliseconds>(config_.horizon);
      due = std::min(due, Hlc::from_ms(version.written.unix_ms() + horizon.count()));
    }
    // Of those whose time has come they hold the largest.
    for (auto at = set_aside_by_key_.lower_bound(KeyAndEpoch{.key = key});
         at != set_aside_by_key_.end() && (*at)->key == key;) {
      const SetAside& held = **at++;
      if (is_from_future(held.version)) continue;
      if (compare(held.version, version, config_.leasing) >= 0) return;
      take_back(set_aside_.find(held));
    }
  }
  set_aside({.version = version, .key = std::string(key), .value = Raw(value), .due = due});
}

/// Without leases, what is set aside of a key and a write of this time is to stand above: the largest above which it has
/// room. With leases, or for want of such, null.
const Version* Dictionary::waiting_for_a_writer(std::string_view key, Hlc written) const {
  if (config_.leasing == Leasing::kOn || set_aside_by_key_.empty()) return nullptr;
  const auto behind = set_aside_by_key_.lower_bound(KeyAndEpoch{.key = key, .epoch = largest_epoch(written)});
  if (behind == set_aside_by_key_.begin()) return nullptr;
  const SetAside& highest = **std::prev(behind);
  return highest.key == key ? &highest.version : nullptr;
}

/// What is set aside of a key and not larger than this version, which is the present one now, would lose to it.
void Dictionary::drop_beaten(std::string_view key, const Version& version) {
  for (auto at = set_aside_by_key_.lower_bound(KeyAndEpoch{.key = key});
       at != set_aside_by_key_.end() && (*at)->key == key;) {
    const SetAside& waiting = **at++;
    if (compare(waiting.version, version, config_.leasing) > 0) return;
    take_back(set_aside_.find(waiting));
  }
}

Dictionary::SetAside Dictionary::take_back(std::set<SetAside, ComesBackEarlier>::const_iterator which) {
  set_aside_bytes_ -= which->bytes();
  if (which->plain == Plain::kNo) {
    set_aside_by_key_.erase(&*which);
    items_.erase(item_of(which->key, which->version));
  }
  return std::move(set_aside_.extract(which).value());
}

/// Looks again now and then even when the first is far away: the wall clock may be corrected meanwhile.
void Dictionary::plan_return() {
  if (set_aside_.empty()) return;
  const Duration wait = hlc_.until_allowed(set_aside_.begin()->due, config_.skew);
  next_return_ = clock_.monotonic() + std::clamp<Duration>(wait, 1ms, limits::kLookAtSetAside);
}

void Dictionary::check_items() const {
  std::size_t items = 0;
  std::size_t bytes = 0;
  for (const auto& [key, record] : records_) {
    const auto listed = items_.find(item_of(key, record.version));
    assert(listed ? *listed == records_.handle(key) : !is_visible(record.version));
    items += listed ? 1U : 0U;
  }
  for (const SetAside& record : set_aside_) {
    bytes += record.bytes();
    if (record.plain != Plain::kNo) continue;
    assert(items_.find(item_of(record.key, record.version)) == handle_of(record));
    ++items;
  }
  assert(items == items_.size());
  items_.sanity_check();
  assert(bytes == set_aside_bytes_);
  assert(set_aside_.size() <= limits::kMaxSetAside && set_aside_bytes_ <= limits::kMaxSetAsideBytes);
  assert(set_aside_.empty() || next_return_ <= clock_.monotonic() + limits::kLookAtSetAside);
}

}  // namespace meshdict
