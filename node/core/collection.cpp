// The end of tombstones: see "Tombstones" in dictionary.h.

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/dictionary.h"
#include "core/limits.h"
#include "core/msgpack.h"
#include "core/sha256.h"

namespace meshdict {

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

bool Dictionary::leaves_the_set(const Record& record) const {
  return !is_visible(record.version) && age(record) > config_.horizon - config_.skew;
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
      if (is_visible(record.version) || is_set_aside(entry.handle)) continue;
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
    leaving_.push_back({.due = record.written_here + config_.horizon, .key = std::string(key)});
  }
  collect();
  plan_sweep();
  if (more) next_sweep_ = clock_.monotonic() + 1ms;
}

bool Dictionary::may_be_collected(std::string_view key, const Version& version) const {
  return is_visible(version) && is_below_floor(key, version) && !records_.contains(key) &&
         hlc_.now() - version.written > config_.horizon - config_.skew;
}

/// Of a record that is not in the set of items any more nothing is left but its epoch. Returns it: `key` may be a view
/// into it.
CompactRecord Dictionary::forget(std::string_view key) {
  store_.erase(Table::kRecords, key);
  CompactRecord gone = records_.erase(key);
  const Version version = gone.record().version;
  raise_floor(bucket_of(key), version.epoch);
  drop_beaten(key, version);
  return gone;
}

/// What is set aside of a key although its time has come, as after a sleep: on_time() would take it.
void Dictionary::let_go_of_due(std::string_view key) {
  auto waiting = set_aside_by_key_.lower_bound(key);
  while (waiting != set_aside_by_key_.end() && (*waiting)->key == key) {
    const SetAside& record = **waiting++;
    if (hlc_.until_allowed(record.version.written, config_.skew) > Duration::zero()) continue;
    raise_floor(bucket_of(key), record.version.epoch);
    take_back(set_aside_.find(record));
  }
}

void Dictionary::let_go(std::string_view key) {
  const std::string name(key);  // it may be a view into what goes
  let_go_of_due(name);
  const auto present = records_.get(name);
  if (!present) return;
  unlist(name, present->version);
  const CompactRecord gone = forget(name);
  plan_sweep();
  if (gone.is_visible()) sink_(Deleted{.key = name, .local = false});
}

void Dictionary::collect() {
  const MonoTime now = clock_.monotonic();
  for (std::size_t left = limits::kSweepItems; !leaving_.empty() && left > 0; --left) {
    if (leaving_.front().due > now) return;
    const std::string key = std::move(leaving_.front().key);
    leaving_.pop_front();
    const auto record = records_.get(key);
    // Written again since, or deleted again.
    if (!record || is_visible(record->version) || age(*record) < config_.horizon) continue;
    forget(key);
  }
}

}  // namespace meshdict
