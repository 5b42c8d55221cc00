// Records from the future, and what stands for each key in the set that nodes compare: see dictionary.h.

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

#include "core/dictionary.h"
#include "core/limits.h"
#include "core/record_codec.h"

namespace meshdict {
namespace {

/// Marks the handle of a set-aside record; those of present ones are even.
constexpr ReconcileSet::Handle kSetAsideBit = 1;

}  // namespace

ReconcileSet::Handle Dictionary::handle_of(const SetAside& record) {
  return reinterpret_cast<ReconcileSet::Handle>(&record) | kSetAsideBit;
}

RecordEntry Dictionary::entry(ReconcileSet::Handle handle) const {
  if ((handle & kSetAsideBit) != 0) {
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
  if (left.version.written != right.version.written) return left.version.written < right.version.written;
  if (left.key != right.key) return left.key < right.key;
  if (left.plain != right.plain) return right.plain;
  return compare(left.version, right.version, leasing) < 0;
}

bool Dictionary::KeyThenVersion::operator()(const SetAside* left, const SetAside* right) const {
  if (left->key != right->key) return left->key < right->key;
  return compare(left->version, right->version, leasing) < 0;
}

/// The largest of the set-aside records of a key, or null.
const Dictionary::SetAside* Dictionary::largest_set_aside(std::string_view key) const {
  if (set_aside_by_key_.empty()) return nullptr;
  const auto after = set_aside_by_key_.upper_bound(key);
  if (after == set_aside_by_key_.begin()) return nullptr;
  const SetAside* const last = *std::prev(after);
  return last->key == key ? last : nullptr;
}

/// Puts the item of a record that has become the present one into the set, unless a larger one is set aside or the
/// record is too old. `hash` is its record_hash().
void Dictionary::list(Records::Handle handle, const MessageId& hash) {
  const std::string_view key = Records::key_at(handle);
  const Record record = Records::record_at(handle);
  if (const SetAside* const waiting = largest_set_aside(key)) {
    if (compare(waiting->version, record.version, config_.leasing) > 0) return;
    items_.erase(item_of(key, waiting->version));
  }
  if (leaves_the_set(record)) {
    leaving_.push_back({.due = record.written_here + config_.horizon, .key = std::string(key)});
  } else {
    items_.insert(make_item(record.version.written, hash), handle);
    // It may come from before the items that were passed over while the clock showed more than it does now.
    if (!is_visible(record.version)) swept_ = std::min(swept_, record.version.written);
  }
}

void Dictionary::unlist(std::string_view key, const Version& version) {
  items_.erase(item_of(key, version));
}

/// A set-aside record of the key, or its present one, has gone: what is left stands for it.
void Dictionary::list_what_is_left(std::string_view key) {
  const SetAside* const waiting = largest_set_aside(key);
  const Records::Handle present = records_.handle(key);
  if (present != Records::kNone &&
      (waiting == nullptr || compare(waiting->version, Records::record_at(present).version, config_.leasing) <= 0)) {
    list(present, record_hash(key, Records::record_at(present).version));
  } else if (waiting != nullptr) {
    items_.insert(item_of(key, waiting->version), handle_of(*waiting));
  }
}

void Dictionary::set_aside(SetAside record) {
  const std::size_t bytes = record.bytes();
  const auto [added, fresh] = set_aside_.insert(std::move(record));
  if (!fresh) return;
  set_aside_bytes_ += bytes;
  if (!added->plain) {
    const SetAside* const before = largest_set_aside(added->key);
    set_aside_by_key_.insert(&*added);
    if (largest_set_aside(added->key) == &*added) {
      if (before != nullptr) unlist(before->key, before->version);
      if (const auto present = records_.get(added->key)) unlist(added->key, present->version);
      items_.insert(item_of(added->key, added->version), handle_of(*added));
    }
  }
  while (set_aside_.size() > limits::kMaxSetAside || set_aside_bytes_ > limits::kMaxSetAsideBytes)
    take_back(std::prev(set_aside_.end()));
  plan_return();
}

Dictionary::SetAside Dictionary::take_back(std::set<SetAside, ComesBackEarlier>::const_iterator which) {
  set_aside_bytes_ -= which->bytes();
  if (!which->plain) {
    set_aside_by_key_.erase(&*which);
    const ReconcileItem item = item_of(which->key, which->version);
    if (items_.find(item) == handle_of(*which)) items_.erase(item);
    list_what_is_left(which->key);
  }
  return std::move(set_aside_.extract(which).value());
}

/// Looks again now and then even when the first is far away: the wall clock may be corrected meanwhile.
void Dictionary::plan_return() {
  if (set_aside_.empty()) return;
  const Duration wait = hlc_.until_allowed(set_aside_.begin()->version.written, config_.skew);
  next_return_ = clock_.monotonic() + std::clamp<Duration>(wait, 1ms, limits::kLookAtSetAside);
}

void Dictionary::check_items() const {
  std::size_t items = 0;
  std::size_t bytes = 0;
  for (const auto& [key, record] : records_) {
    const SetAside* const waiting = largest_set_aside(key);
    const auto listed = items_.find(item_of(key, record.version));
    if (waiting != nullptr && compare(waiting->version, record.version, config_.leasing) > 0) {
      assert(!listed);
    } else {
      assert(listed ? *listed == records_.handle(key) : !is_visible(record.version));
    }
    items += listed ? 1U : 0U;
  }
  for (const SetAside& record : set_aside_) {
    bytes += record.bytes();
    if (record.plain) continue;
    const auto listed = items_.find(item_of(record.key, record.version));
    const auto present = records_.get(record.key);
    const bool stands = largest_set_aside(record.key) == &record &&
                        (!present || compare(record.version, present->version, config_.leasing) > 0);
    assert((listed == handle_of(record)) == stands);
    items += stands ? 1U : 0U;
  }
  assert(items == items_.size());
  items_.sanity_check();
  assert(bytes == set_aside_bytes_);
  assert(set_aside_.size() <= limits::kMaxSetAside && set_aside_bytes_ <= limits::kMaxSetAsideBytes);
  assert(set_aside_.empty() || next_return_ <= clock_.monotonic() + limits::kLookAtSetAside);
}

}  // namespace meshdict
