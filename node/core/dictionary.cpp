// Records, their merge, and those that wait for their time. Admission at the writer is in admission.cpp.

#include "core/dictionary.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/limits.h"
#include "core/record_codec.h"
#include "core/sha256.h"
#include "core/value.h"

namespace meshdict {
namespace {

/// Marks the handle of a set-aside record; those of present ones are even.
constexpr ReconcileSet::Handle kSetAsideBit = 1;

template <typename T>
ReconcileSet::Handle handle_of(const T& entry) {
  return reinterpret_cast<ReconcileSet::Handle>(&entry);
}

template <typename T>
const T& at(ReconcileSet::Handle handle) {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): made by handle_of(), of a node that stays where it is
  return *reinterpret_cast<const T*>(handle & ~kSetAsideBit);
}

}  // namespace

Dictionary::Dictionary(DictionaryConfig config, const Clock& clock, Store& store, EventSink sink)
    : config_(std::move(config)),
      clock_(clock),
      store_(store),
      sink_(std::move(sink)),
      hlc_(clock),
      margin_(lease_margin(config_)),
      set_aside_(ComesBackEarlier{config_.leasing}),
      contact_(2 * config_.settle) {
  assert(!config_.self.empty());
  assert(sink_);
}

std::expected<void, std::string> Dictionary::load() {
  assert(records_.empty());
  std::optional<std::string> damage;
  const auto loaded = store_.load(Table::kRecords, [&](std::string_view key, std::string_view bytes) {
    if (damage) return;
    const auto stored = decode_record(key, bytes);
    if (!stored || !is_writable(key, stored->value, stored->version)) {
      damage = "the stored record of key '" + std::string(key) +
               "' is damaged: " + (stored ? "no member may write it" : stored.error().what);
      return;
    }
    // A record of ours from before the clock was corrected may still lie in the future: it counts, its time does not.
    hlc_.observe(stored->version.written, config_.skew);
    records_.emplace(key, Record{.version = stored->version, .value = Raw(stored->value), .written_here = {}});
  });
  if (!loaded) return std::unexpected(loaded.error().what);
  if (damage) return std::unexpected(std::move(*damage));
  // Only now: the clock has seen all records, and no age depends on their order.
  const Hlc now = hlc_.now();
  const MonoTime here = clock_.monotonic();
  for (auto& [key, record] : records_) {
    record.written_here = here - std::max(Duration::zero(), now - record.version.written);
  }
  for (const auto& entry : records_)
    enter(entry, record_hash(entry.first, entry.second.version));
  plan_sweep();
  return load_floors();
}

bool Dictionary::is_writable(std::string_view key, RawView value, const Version& version) {
  if (key.size() > limits::kMaxKey || version.owner.empty() || version.epoch > limits::kMaxEpoch) return false;
  switch (version.kind) {
    case RecordKind::kValue:
      return check_value(value).has_value();
    case RecordKind::kTombstone:
      return is_empty_bytes(value);
  }
  return false;  // a number of no kind, from elsewhere
}

const Record* Dictionary::any_record(std::string_view key) const {
  const auto found = records_.find(key);
  return found == records_.end() ? nullptr : &found->second;
}

const Record* Dictionary::find(std::string_view key) const {
  const Record* const record = any_record(key);
  return record != nullptr && is_visible(record->version) ? record : nullptr;
}

/// The wall clock had jumped ahead and was corrected. Readings from the jump would make every record look old.
void Dictionary::forget_jump() {
  if (!hlc_.is_ahead(config_.skew)) return;
  hlc_.reset();
  swept_ = {};
}

Dictionary::Merged Dictionary::merge(std::string_view key, RawView value, const Version& version) {
  const Record* const present = any_record(key);
  if (present != nullptr && present->version == version) return Merged::kKnown;
  if (!is_writable(key, value, version)) return Merged::kRefused;
  if (present != nullptr && compare(version, present->version, config_.leasing) < 0) {
    note_turned_away(key, present->version, version);
    if (should_reissue(*present, version) && first_contest(key, version.owner)) reissue(key, *present);
    return Merged::kLost;
  }
  forget_jump();
  if (!hlc_.observe(version.written, config_.skew)) {
    set_aside({.version = version, .key = std::string(key), .value = Raw(value), .plain = false});
    return Merged::kSetAside;
  }
  if (present == nullptr && !is_visible(version) && hlc_.now() - version.written > config_.horizon) {
    raise_floor(bucket_of(key), version.epoch);
    return Merged::kLost;
  }
  if (present != nullptr && should_reclaim(*present, version) && first_contest(key, version.owner)) {
    note_turned_away(key, present->version, version);
    reclaim(key, *present, version);
    return Merged::kLost;
  }
  accept(key, value, version, Origin::kForeign);
  return Merged::kWon;
}

/// Makes a record the present one. REQUIRES: it wins over the one that is.
void Dictionary::accept(std::string_view key, RawView value, const Version& version, Origin origin) {
  const Duration age = std::max(Duration::zero(), hlc_.now() - version.written);
  // Copied before anything is moved: `value` may be a view into the record that gives way.
  Record fresh{.version = version, .value = Raw(value), .written_here = clock_.monotonic() - age};
  const MessageId hash = record_hash(key, version);
  store_.put(Table::kRecords, key, encode_record(version, value, hash));

  auto at = records_.lower_bound(key);
  std::optional<Record> old;
  if (at != records_.end() && at->first == key) {
    leave(at->first, at->second);
    old = std::exchange(at->second, std::move(fresh));
  } else {
    at = records_.emplace_hint(at, key, std::move(fresh));
  }
  enter(*at, hash);
  plan_sweep();

  const bool conflict = origin == Origin::kForeign && old && is_conflict(*old, version);
  if (old && !same_claim(old->version, version)) {
    history_.note(key, {.version = old->version,
                        .end = conflict ? ClaimEnd::kLost : ClaimEnd::kFollowed,
                        .decided_by = deciding_field(version, old->version, config_.leasing)});
  }
  if (origin == Origin::kReissued) {
    reissued_.emplace_back(key);
    return;
  }
  if (conflict) {
    sink_(Conflict{.key = at->first,
                   .losing_value = std::move(old->value),
                   .losing = old->version,
                   .winning = version,
                   .reason = std::string(deciding_field(version, old->version, config_.leasing))});
  }
  if (is_visible(version)) {
    sink_(Updated{.key = at->first, .local = origin == Origin::kLocal});
  } else if (old && is_visible(old->version)) {
    sink_(Deleted{.key = at->first, .local = origin == Origin::kLocal});
  }
}

/// A record has become the present one. `hash` is its record_hash().
void Dictionary::enter(const Records::value_type& entry, const MessageId& hash) {
  const auto& [key, record] = entry;
  if (is_visible(record.version)) {
    ++visible_;
  } else if (leaves_the_set(record)) {
    leaving_.push_back({.due = record.written_here + config_.horizon, .key = key});
    return;
  }
  const ReconcileItem item = make_item(record.version.written, hash);
  if (!set_aside_.empty()) {
    // It may have come once more before it was taken back.
    if (const auto waiting = items_.find(item)) {
      const auto found = set_aside_.find(at<SetAside>(*waiting));
      forget_set_aside(*found);
      set_aside_.erase(found);
    }
  }
  const bool added = items_.insert(item, handle_of(entry));
  assert(added);
}

void Dictionary::leave(const std::string& key, const Record& record) {
  if (is_visible(record.version)) --visible_;
  items_.erase(make_item(record.version.written, record_hash(key, record.version)));
}

RecordEntry Dictionary::entry(ReconcileSet::Handle handle) const {
  if ((handle & kSetAsideBit) != 0) {
    const auto& waiting = at<SetAside>(handle);
    return {.key = waiting.key, .value = waiting.value, .version = waiting.version};
  }
  const auto& [key, record] = at<Records::value_type>(handle);
  return {.key = key, .value = record.value, .version = record.version};
}

bool Dictionary::is_conflict(const Record& losing, const Version& winning) const {
  const Version& lost = losing.version;
  if (lost.owner != config_.self) return false;
  const bool later = winning.written > lost.written;
  if (winning.owner == config_.self) {
    // An earlier life's write that beats a later one, or one of a process with a copy of our identity; but not an echo of
    // this one, translated from py2p, which has no boot.
    const bool of_a_copy = lost.boot == config_.boot && winning.boot > config_.boot;
    return (!later || of_a_copy) && (winning.value_hash != lost.value_hash || winning.kind != lost.kind);
  }
  if (!later) return true;
  if (config_.leasing == Leasing::kOff) return false;
  if (winning.epoch <= lost.epoch) return true;
  if (!is_visible(lost)) return false;
  return is_trusted(losing) || winning.written - lost.written <= config_.lease;
}

void Dictionary::note_turned_away(std::string_view key, const Version& present, const Version& incoming) {
  if (same_claim(present, incoming)) return;
  history_.note(key, {.version = incoming,
                      .end = ClaimEnd::kTurnedAway,
                      .decided_by = deciding_field(incoming, present, config_.leasing)});
}

bool Dictionary::ComesBackEarlier::operator()(const SetAside& left, const SetAside& right) const {
  if (left.version.written != right.version.written) return left.version.written < right.version.written;
  if (left.key != right.key) return left.key < right.key;
  if (left.plain != right.plain) return right.plain;
  return compare(left.version, right.version, leasing) < 0;
}

void Dictionary::set_aside(SetAside record) {
  const std::size_t bytes = record.bytes();
  const auto [added, fresh] = set_aside_.insert(std::move(record));
  if (!fresh) return;
  set_aside_bytes_ += bytes;
  if (!added->plain) items_.insert(item_of(*added), handle_of(*added) | kSetAsideBit);
  while (set_aside_.size() > limits::kMaxSetAside || set_aside_bytes_ > limits::kMaxSetAsideBytes)
    drop_furthest();
  plan_return();
}

void Dictionary::drop_furthest() {
  const auto last = std::prev(set_aside_.end());
  forget_set_aside(*last);
  set_aside_.erase(last);
}

void Dictionary::forget_set_aside(const SetAside& record) {
  set_aside_bytes_ -= record.bytes();
  if (!record.plain) items_.erase(item_of(record));
}

ReconcileItem Dictionary::item_of(const SetAside& record) {
  return make_item(record.version.written, record_hash(record.key, record.version));
}

/// Looks again now and then even when the first is far away: the wall clock may be corrected meanwhile.
void Dictionary::plan_return() {
  if (set_aside_.empty()) return;
  const Duration wait = hlc_.until_allowed(set_aside_.begin()->version.written, config_.skew);
  next_return_ = clock_.monotonic() + std::clamp<Duration>(wait, 1ms, limits::kLookAtSetAside);
}

void Dictionary::on_time() {
  forget_jump();
  while (!set_aside_.empty() &&
         hlc_.until_allowed(set_aside_.begin()->version.written, config_.skew) <= Duration::zero()) {
    forget_set_aside(*set_aside_.begin());
    const SetAside back = std::move(set_aside_.extract(set_aside_.begin()).value());
    if (back.plain) {
      merge_py2p(back.key, back.value, back.version.owner, back.version.written.unix_ms() / 1'000);
    } else {
      merge(back.key, back.value, back.version);
    }
  }
  plan_return();
  if (next_sweep_ && *next_sweep_ <= clock_.monotonic()) sweep();
}

std::optional<MonoTime> Dictionary::next_deadline() const {
  if (set_aside_.empty()) return next_sweep_;
  return next_sweep_ ? std::min(next_return_, *next_sweep_) : next_return_;
}

void Dictionary::sanity_check() const {
  std::size_t items = 0;
  std::size_t visible = 0;
  for (const auto& entry : records_) {
    const auto& [key, record] = entry;
    assert(is_writable(key, record.value, record.version));
    assert(record.version.value_hash == sha256(record.value));
    assert(record.written_here <= clock_.monotonic());
    const auto item = items_.find(make_item(record.version.written, record_hash(key, record.version)));
    assert(item ? *item == handle_of(entry) : !is_visible(record.version));
    items += item ? 1U : 0U;
    visible += is_visible(record.version) ? 1U : 0U;
  }
  assert(visible == visible_);
  assert(records_.size() - items <= leaving_.size());
  assert(records_.size() == visible_ || next_sweep_);
  std::size_t waiting = 0;
  for (const SetAside& record : set_aside_) {
    waiting += record.bytes();
    if (record.plain) continue;
    assert(items_.find(item_of(record)) == (handle_of(record) | kSetAsideBit));
    ++items;
  }
  assert(items == items_.size());
  items_.sanity_check();
  assert(waiting == set_aside_bytes_);
  assert(set_aside_.size() <= limits::kMaxSetAside && set_aside_bytes_ <= limits::kMaxSetAsideBytes);
  assert(set_aside_.empty() || next_return_ <= clock_.monotonic() + limits::kLookAtSetAside);
  history_.sanity_check();
  assert(contests_.size() <= limits::kMaxContests);
}

}  // namespace meshdict
