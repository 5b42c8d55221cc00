#include "core/dictionary/tombstones.h"

#include <algorithm>

#include "core/base/sha256.h"
#include "core/encoding/msgpack.h"
#include "core/limits.h"
#include "core/record/claim_marks.h"

namespace meshdict {
namespace {

/// Two integers: the members of Collected, as readings of a hybrid clock.
constexpr std::string_view kMetaCollected = "collected";

}  // namespace

Tombstones::Tombstones(const DictionaryConfig& config, const Clock& clock, HybridClock& hlc, Store& store,
                       RecordTable& records, ReconcileSet& items, FutureRecords& future)
    : config_(config), clock_(clock), hlc_(hlc), store_(store), records_(records), items_(items), future_(future) {}

std::size_t Tombstones::bucket_of(std::string_view key) {
  return sha256(key).bytes[0] % kFloorBuckets;
}

void Tombstones::raise_floor_of(std::size_t bucket, Epoch epoch) {
  if (floors_[bucket] >= epoch) return;
  floors_[bucket] = epoch;
  std::string bytes;
  MsgpackWriter(bytes).integer(std::to_underlying(epoch));
  store_.put(Table::kFloors, std::to_string(bucket), bytes);
}

void Tombstones::merge_floors(const Floors& floors) {
  for (std::size_t i = 0; i < kFloorBuckets; ++i) {
    // As that of a record, an epoch from the future counts for nothing, and behind any other stands our clock.
    if (hlc_.observe(earliest_write(floors[i]), config_.skew)) raise_floor_of(i, floors[i]);
  }
}

std::expected<void, StoreError> Tombstones::load() {
  if (auto floors = load_floors(); !floors) return floors;
  return load_collected();
}

std::expected<void, StoreError> Tombstones::load_floors() {
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
    floors_[bucket] = Epoch{hlc_.observe(Hlc{*epoch}, config_.skew) ? *epoch : hlc_.tick().bits};
  });
  if (!loaded) return loaded;
  if (damage) return std::unexpected(StoreError::damaged(std::move(*damage)));
  return {};
}

std::expected<void, StoreError> Tombstones::load_collected() {
  std::string bytes;
  const auto loaded = store_.load(Table::kMeta, [&](std::string_view key, std::string_view value) {
    if (key == kMetaCollected) bytes = value;
  });
  if (!loaded) return loaded;
  if (bytes.empty()) return {};
  MsgpackCursor cursor(bytes);
  const auto left = cursor.unsigned_integer();
  const auto discarded = left ? cursor.unsigned_integer() : left;
  if (!discarded) {
    return std::unexpected(
        StoreError::damaged("what is stored of old deletions is damaged: " + discarded.error().what));
  }
  collected_ = stored_collected_ = {.left = Hlc{*left}, .discarded = Hlc{*discarded}};
  return {};
}

void Tombstones::store_collected() {
  if (stored_collected_ == collected_) return;
  stored_collected_ = collected_;
  std::string bytes;
  MsgpackWriter(bytes).integer(collected_.left.bits).integer(collected_.discarded.bits);
  store_.put(Table::kMeta, kMetaCollected, bytes);
}

Duration Tombstones::least_age(const Version& version) const {
  return !is_visible(version) && version.written <= collected_.left ? config_.horizon : Duration::zero();
}

void Tombstones::loaded() {
  std::ranges::stable_sort(left_, {}, &Left::written_here);
  store_collected();
  plan();
}

bool Tombstones::is_old(const Record& record) const {
  return !is_visible(record.version) && clock_.monotonic() - record.written_here > config_.horizon - config_.skew;
}

bool Tombstones::comes_too_late(const Version& version) const {
  return !is_visible(version) && hlc_.now() - version.written > config_.horizon;
}

void Tombstones::keep(std::string_view key, const Record& record) {
  raise_floor(key, record.version.epoch);
  collected_.left = std::max(collected_.left, record.version.written);
  left_.push_back({.written_here = record.written_here, .key = std::string(key)});
  left_bytes_ += key.size();
}

void Tombstones::look_from(Hlc written) {
  swept_ = std::min(swept_, written);
}

void Tombstones::plan() {
  if (records_.size() == records_.visible()) {
    next_sweep_.reset();
  } else if (!next_sweep_) {
    next_sweep_ = clock_.monotonic() + std::clamp<Duration>(config_.skew / 4, 100ms, limits::kSweepEvery);
  }
}

/// The tombstones of the set that are to leave it. Goes on through the items in the order of their write times, up to those
/// that are younger than the horizon. Stops at a tombstone that looks old only because the wall clock has jumped, and after
/// kSweepItems.
Tombstones::Found Tombstones::find_old() {
  const Duration oldest = config_.horizon - config_.skew;
  Found old;
  ReconcileItem from{.written = swept_};
  std::size_t left = limits::kSweepItems;
  while (from < kAboveAll) {
    const ReconcileSet::Run run = items_.run(from);
    for (const ReconcileSet::Entry& entry : run.entries) {
      const Hlc written = entry.item.written;
      if (hlc_.now() - written <= oldest) return old;
      if (left-- == 0) {
        old.more = true;
        return old;
      }
      swept_ = written;
      if (FutureRecords::is_one(entry.handle)) continue;
      const Record present = RecordTable::record_at(entry.handle);
      if (is_visible(present.version)) continue;
      if (!is_old(present)) return old;
      old.handles.push_back(entry.handle);
    }
    from = run.next;
  }
  return old;
}

void Tombstones::sweep() {
  next_sweep_.reset();
  const Found old = find_old();
  for (const RecordTable::Handle handle : old.handles) {
    const std::string_view key = RecordTable::key_at(handle);
    const Record record = RecordTable::record_at(handle);
    items_.erase(item_of(key, record.version));
    keep(key, record);
  }
  collect();
  store_collected();
  plan();
  if (old.more) next_sweep_ = clock_.monotonic() + 1ms;
}

std::optional<RecordEntry> Tombstones::old_deletion_above(std::string_view key, const Version& version) const {
  const auto present = records_.get(key);
  if (!present || !is_old(*present) || compare(present->version, version, config_.leasing) <= 0) return {};
  const RecordTable::Handle handle = records_.handle(key);
  return RecordEntry{.key = RecordTable::key_at(handle), .value = present->value, .version = present->version};
}

bool Tombstones::may_be_discarded(std::string_view key, const Version& version) const {
  return is_visible(version) && last_held(version) <= collected_.discarded && version.epoch <= floor_of(key) &&
         !records_.contains(key);
}

/// Of a tombstone that has left the set nothing stays but its floor, and the time.
void Tombstones::discard(std::string_view key) {
  store_.erase(Table::kRecords, key);
  const CompactRecord gone = records_.erase(key);
  const Version version = gone.record().version;
  collected_.discarded = std::max(collected_.discarded, version.written);
  future_.drop_beaten(key, version);
}

void Tombstones::collect() {
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
    if (!written_since) discard(oldest.key);
  }
}

}  // namespace meshdict
