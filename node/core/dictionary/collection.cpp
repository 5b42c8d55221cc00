// The end of tombstones: see "Tombstones" in dictionary.h.

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/base/sha256.h"
#include "core/dictionary/dictionary.h"
#include "core/encoding/msgpack.h"
#include "core/limits.h"

namespace meshdict {
namespace {

/// Two integers: the members of Collected, as readings of a hybrid clock.
constexpr std::string_view kMetaCollected = "collected";

}  // namespace

std::size_t Dictionary::bucket_of(std::string_view key) {
  return sha256(key).bytes[0] % kFloorBuckets;
}

void Dictionary::raise_floor(std::size_t bucket, std::uint64_t epoch) {
  if (floors_[bucket] >= epoch) return;
  floors_[bucket] = epoch;
  std::string bytes;
  MsgpackWriter(bytes).integer(epoch);
  store_.put(Table::kFloors, std::to_string(bucket), bytes);
}

void Dictionary::merge_floors(const Floors& floors) {
  forget_jump();
  for (std::size_t i = 0; i < kFloorBuckets; ++i) {
    // As that of a record, an epoch from the future counts for nothing, and behind any other stands our clock.
    if (hlc_.observe(Hlc{floors[i]}, config_.skew)) raise_floor(i, floors[i]);
  }
}

std::expected<void, std::string> Dictionary::load_floors() {
  std::optional<std::string> damage;
  const auto loaded = store_.load(Table::kFloors, [&](std::string_view key, std::string_view bytes) {
    const auto epoch = MsgpackCursor(bytes).unsigned_integer();
    std::size_t bucket = 0;
    while (bucket < kFloorBuckets && std::to_string(bucket) != key)
      ++bucket;
    if (bucket == kFloorBuckets || !epoch) {
      damage = "the stored epoch floor '" + std::string(key) + "' is damaged";
      return;
    }
    // Above any epoch of today, if it was taken when there was no bound, or when the clock showed more.
    floors_[bucket] = hlc_.observe(Hlc{*epoch}, config_.skew) ? *epoch : hlc_.tick().bits;
  });
  if (!loaded) return std::unexpected(loaded.error().what);
  if (damage) return std::unexpected(std::move(*damage));
  return {};
}

std::expected<void, std::string> Dictionary::load_collected() {
  std::string bytes;
  const auto loaded = store_.load(Table::kMeta, [&](std::string_view key, std::string_view value) {
    if (key == kMetaCollected) bytes = value;
  });
  if (!loaded) return std::unexpected(loaded.error().what);
  if (bytes.empty()) return {};
  MsgpackCursor cursor(bytes);
  const auto left = cursor.unsigned_integer();
  const auto forgotten = left ? cursor.unsigned_integer() : left;
  if (!forgotten) return std::unexpected("what is stored of old deletions is damaged: " + forgotten.error().what);
  collected_ = stored_collected_ = {.left = Hlc{*left}, .forgotten = Hlc{*forgotten}};
  return {};
}

void Dictionary::store_collected() {
  if (stored_collected_ == collected_) return;
  stored_collected_ = collected_;
  std::string bytes;
  MsgpackWriter(bytes).integer(collected_.left.bits).integer(collected_.forgotten.bits);
  store_.put(Table::kMeta, kMetaCollected, bytes);
}

bool Dictionary::leaves_the_set(const Record& record) const {
  return !is_visible(record.version) && age(record) > config_.horizon - config_.skew;
}

/// A tombstone that is compared no more. It stays the record of its key.
void Dictionary::leave(std::string_view key, const Record& record) {
  raise_floor(bucket_of(key), record.version.epoch);
  collected_.left = std::max(collected_.left, record.version.written);
  left_.push_back({.written_here = record.written_here, .key = std::string(key)});
  left_bytes_ += key.size();
}

/// While there are tombstones, they are looked through often enough that each leaves the set well within the skew.
void Dictionary::plan_sweep() {
  if (records_.size() == records_.visible()) {
    next_sweep_.reset();
  } else if (!next_sweep_) {
    next_sweep_ = clock_.monotonic() + std::clamp<Duration>(config_.skew / 4, 100ms, limits::kSweepEvery);
  }
}

/// Goes on through the items in the order of their write times, up to those that are younger than the horizon. Stops at
/// a tombstone that looks old only because the wall clock has jumped.
void Dictionary::sweep() {
  next_sweep_.reset();
  const Duration oldest = config_.horizon - config_.skew;
  std::vector<Records::Handle> old;
  ReconcileItem from{.written = swept_};
  bool more = false;
  for (std::size_t left = limits::kSweepItems; from < kAboveAll && !more;) {
    const ReconcileSet::Run run = items_.run(from);
    for (const ReconcileSet::Entry& entry : run.entries) {
      const RecordEntry record = this->entry(entry.handle);
      if (hlc_.now() - record.version.written <= oldest) {
        from = kAboveAll;
        break;
      }
      if (left-- == 0) {
        more = true;
        break;
      }
      swept_ = record.version.written;
      if (is_visible(record.version) || FutureRecords::is_one(entry.handle)) continue;
      const auto present = records_.get(record.key);
      if (!present || !leaves_the_set(*present)) {
        from = kAboveAll;
        break;
      }
      old.push_back(records_.handle(record.key));
    }
    if (from < kAboveAll && !more) from = run.next;
  }
  for (const Records::Handle handle : old) {
    const std::string_view key = Records::key_at(handle);
    const Record record = Records::record_at(handle);
    unlist(key, record.version);
    leave(key, record);
  }
  collect();
  store_collected();
  plan_sweep();
  if (more) next_sweep_ = clock_.monotonic() + 1ms;
}

std::optional<RecordEntry> Dictionary::old_deletion_above(std::string_view key, const Version& version) const {
  const auto present = records_.get(key);
  if (!present || !leaves_the_set(*present) || compare(present->version, version, config_.leasing) <= 0) return {};
  const Records::Handle handle = records_.handle(key);
  return RecordEntry{.key = Records::key_at(handle), .value = present->value, .version = present->version};
}

bool Dictionary::may_be_forgotten(std::string_view key, const Version& version) const {
  return is_visible(version) && version.written <= collected_.forgotten && version.epoch <= floors_[bucket_of(key)] &&
         !records_.contains(key);
}

/// Of a tombstone that has left the set nothing stays but its floor, and the time.
void Dictionary::forget(std::string_view key) {
  store_.erase(Table::kRecords, key);
  const CompactRecord gone = records_.erase(key);
  const Version version = gone.record().version;
  collected_.forgotten = std::max(collected_.forgotten, version.written);
  future_.drop_beaten(key, version);
}

void Dictionary::collect() {
  const auto too_many = [&] {
    return left_.size() > config_.kept_deletions || left_bytes_ > limits::kMaxKeptDeletionBytes;
  };
  for (std::size_t steps = limits::kSweepItems; steps > 0 && too_many(); --steps) {
    const Left oldest = left_.front();
    // Others may compare it still, whose clocks differ: it would come back, and go again.
    if (clock_.monotonic() - oldest.written_here < config_.horizon) return;
    left_.pop_front();
    left_bytes_ -= oldest.key.size();
    const auto record = records_.get(oldest.key);
    const bool written_since = !record || is_visible(record->version) || record->written_here != oldest.written_here;
    if (!written_since) forget(oldest.key);
  }
}

}  // namespace meshdict
