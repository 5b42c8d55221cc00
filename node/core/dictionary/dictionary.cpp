// Records and their merge. What clients ask for is in local.cpp.

#include "core/dictionary/dictionary.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/base/sha256.h"
#include "core/dictionary/stored_record.h"
#include "core/encoding/value.h"
#include "core/limits.h"
#include "core/record/claim_marks.h"
#include "core/record/codec.h"

namespace meshdict {

Dictionary::Dictionary(DictionaryConfig config, const Clock& clock, Store& store, EventSink sink)
    : config_(std::move(config)),
      clock_(clock),
      store_(store),
      sink_(std::move(sink)),
      hlc_(clock),
      terms_(config_, clock_),
      future_(config_, clock_, hlc_, items_),
      tombstones_(config_, clock_, hlc_, store_, records_, items_, future_),
      contests_(config_, terms_, clock_, hlc_),
      guard_(config_, terms_, clock_, hlc_, items_),
      admission_(config_, terms_, hlc_, tombstones_, future_, guard_),
      contact_(2 * config_.settle) {
  assert(!config_.self.empty());
  assert(sink_);
}

std::expected<void, StoreError> Dictionary::load() {
  assert(records_.empty());
  if (auto loaded = tombstones_.load(); !loaded) return loaded;
  std::optional<std::string> damage;
  Hlc newest_of_ours;
  const auto loaded = store_.load(Table::kRecords, [&](std::string_view key, std::string_view bytes) {
    if (damage) return;
    const auto stored = read_stored_record(key, bytes);
    if (!stored) {
      damage = "the stored record of key '" + std::string(key) + "' is damaged: " + stored.error();
      return;
    }
    // A record of ours from before the clock was corrected may still lie in the future: it counts, its time does not. Ours
    // may be a millisecond further ahead than what we take from others (HybridClock::is_ahead()).
    hlc_.observe(stored->version.written, config_.skew + 1ms);
    if (stored->version.owner == config_.self) newest_of_ours = std::max(newest_of_ours, stored->version.written);
    records_.put(key, stored->version, stored->value, {});
  });
  if (!loaded) return loaded;
  if (damage) return std::unexpected(StoreError::damaged(std::move(*damage)));
  // Only now: the clock has seen all records, and no age depends on their order.
  const Hlc now = hlc_.now();
  const MonoTime here = clock_.monotonic();
  for (auto at = records_.begin(); at != records_.end(); ++at) {
    const Version& version = at->second.version;
    Duration age = std::max(Duration::zero(), now - version.written);
    if (version.owner == config_.self && is_visible(version)) {
      age = std::max(age, least_age_of_ours(version, newest_of_ours, now));
    }
    age = std::max(age, tombstones_.least_age(version));
    const MessageId hash = record_hash(at->first, version);
    Records::set_written_here(at.handle(), here - age);
    list(at.handle(), hash);
  }
  tombstones_.loaded();
  return {};
}

std::size_t Dictionary::take_over(const NodeId& former) {
  std::vector<std::string> keys;
  if (config_.leasing == Leasing::kOff) return 0;
  for (const auto& [key, record] : records_) {
    const bool held = record.version.owner == former && is_visible(record.version) && terms_.is_trusted(record);
    if (held && record.version.epoch < largest_epoch(record.version.written)) keys.emplace_back(key);
  }
  for (const std::string& key : keys) {
    const Record present = *records_.get(key);
    Version version = present.version;
    version.epoch = next(version.epoch);
    version.owner = config_.self;
    version.boot = config_.boot;
    if (is_taken(version)) version.sequence = Sequence::kFirst;
    accept_aged(key, present.value, version, Origin::kReissued, terms_.age(present));
  }
  return keys.size();
}

/// Of a value that an earlier incarnation wrote. A clock that was set back since must not make our trust in its lease grow: the newest
/// that we wrote shows what it had reached, and of what lies in the future nobody knows how old it is.
Duration Dictionary::least_age_of_ours(const Version& version, Hlc newest_of_ours, Hlc now) const {
  return version.written > now ? config_.lease : newest_of_ours - version.written;
}

RecordEntry Dictionary::entry(ReconcileSet::Handle handle) const {
  if (FutureRecords::is_one(handle)) return FutureRecords::entry(handle);
  const Record record = Records::record_at(handle);
  return {.key = Records::key_at(handle), .value = record.value, .version = record.version};
}

/// Puts the item of a record that has become the present one into the set, unless it is too old. `hash` is its
/// record_hash().
void Dictionary::list(Records::Handle handle, const MessageId& hash) {
  const std::string_view key = Records::key_at(handle);
  const Record record = Records::record_at(handle);
  if (tombstones_.is_old(record)) {
    tombstones_.keep(key, record);
  } else {
    items_.insert(make_item(record.version.written, hash), handle);
    // It may come from before the items that were passed over while the clock showed more than it does now.
    if (!is_visible(record.version)) tombstones_.look_from(record.version.written);
  }
}

std::vector<OwnRecord> Dictionary::take_reissued() {
  std::vector<OwnRecord> ours;
  for (const auto& [key, version] : std::exchange(reissued_, {})) {
    const auto present = records_.find(key);
    if (present == records_.end() || present->second.version != version) continue;
    assert(version.owner == config_.self);
    ours.push_back({present->first, present->second});
  }
  return ours;
}

/// The wall clock had jumped ahead and was corrected. Readings from the jump would make every record look old.
void Dictionary::forget_jump() {
  if (!hlc_.is_ahead(config_.skew)) return;
  hlc_.reset();
  tombstones_.look_from({});
}

void Dictionary::merge_floors(const Floors& floors) {
  forget_jump();
  tombstones_.merge_floors(floors);
}

/// Somebody compares a deletion that has left our set: our clock was ahead when it came.
void Dictionary::compare_again(std::string_view key, const Record& present) {
  if (!tombstones_.is_old(present)) return;
  const Version& version = present.version;
  const Duration age = std::max(Duration::zero(), hlc_.now(config_.skew) - version.written);
  if (age > config_.horizon - config_.skew || items_.find(item_of(key, version))) return;
  const Records::Handle handle = records_.handle(key);
  Records::set_written_here(handle, clock_.monotonic() - age);
  list(handle, record_hash(key, version));
  tombstones_.plan();
}

Dictionary::Merged Dictionary::merge(std::string_view key, RawView value, const Version& version) {
  const auto present = records_.get(key);
  if (present && present->version == version) {
    compare_again(key, *present);
    return Merged::kKnown;
  }
  if (!is_writable(key, value, version)) return Merged::kRefused;
  if (present && compare(version, present->version, config_.leasing) < 0) {
    note_turned_away(key, present->version, version);
    if (const auto again = contests_.answer_to_loser(key, *present, version)) {
      accept(key, present->value, *again, Origin::kReissued);
    }
    future_.hold_as_others_do(key, value, version, records_.get(key)->version);
    return Merged::kLost;
  }
  if (is_visible(version) && !has_room()) return Merged::kNoRoom;
  forget_jump();
  if (!hlc_.observe(version.written, config_.skew)) {
    future_.hold({.version = version, .key = std::string(key), .value = Raw(value)});
    return Merged::kFuture;
  }
  if (!present && tombstones_.comes_too_late(version)) {
    tombstones_.raise_floor(key, version.epoch);
    return Merged::kLost;
  }
  if (const auto again = present ? contests_.answer_to_winner(key, *present, version) : std::nullopt) {
    note_turned_away(key, present->version, version);
    accept(key, present->value, *again, Origin::kReissued);
    return Merged::kLost;
  }
  accept(key, value, version, Origin::kForeign);
  return Merged::kWon;
}

Dictionary::Merged Dictionary::merge_py2p(std::string_view key, RawView value, const NodeId& owner,
                                          std::int64_t seconds, Plain how) {
  if (seconds < 0 || seconds > kLatestMs / 1'000 || owner.empty()) return Merged::kRefused;
  const Hlc time = Hlc::from_ms(seconds * 1'000);
  const bool deletes = is_empty_bytes(value);
  Version version{.epoch = Epoch{1},
                  .claim_start = time,
                  .owner = owner,
                  .boot = Boot::kNone,
                  .sequence = Sequence{time.bits},
                  .value_hash = sha256(value),
                  .written = time,
                  .kind = deletes ? RecordKind::kTombstone : RecordKind::kValue};

  const auto present = records_.get(key);
  if (present) {
    const Version& held = present->version;
    if (held.owner == owner && whole_seconds(held.written) == seconds && held.value_hash == version.value_hash) {
      return Merged::kKnown;
    }
  }
  const auto place = place_of_plain(present, owner, seconds, how);
  if (!place) return Merged::kLost;
  forget_jump();
  if (hlc_.until_allowed(time, config_.skew) > Duration::zero()) {
    if (!is_writable(key, value, version)) return Merged::kRefused;
    future_.hold({.version = version, .key = std::string(key), .value = Raw(value), .plain = how});
    return Merged::kFuture;
  }
  if (deletes && !find(key)) return Merged::kLost;
  version.written = *place;
  version.sequence = Sequence{place->bits};
  const Standing found = admission_.standing_of_plain(present, owner, seconds);
  switch (found) {
    case Standing::kLeased:
      if (const auto again = contests_.answer_to_plain(key, *present, owner, seconds)) {
        accept(key, present->value, *again, Origin::kReissued);
      }
      return Merged::kLost;
    case Standing::kContinues:
      version.epoch = present->version.epoch;
      if (config_.leasing == Leasing::kOn) version.claim_start = present->version.claim_start;
      break;
    case Standing::kRival:
      version.epoch = present->version.epoch;
      if (compare(version, present->version, config_.leasing) < 0) version.epoch = next(version.epoch);
      break;
    case Standing::kFree:
      version.epoch = std::min(next(admission_.highest_epoch(key, present)), largest_epoch(version.written));
      break;
  }
  return merge(key, value, version);
}

/// Makes a record the present one. REQUIRES: it wins over the one that is.
void Dictionary::accept(std::string_view key, RawView value, const Version& version, Origin origin) {
  accept_aged(key, value, version, origin, std::max(Duration::zero(), hlc_.now() - version.written));
}

void Dictionary::accept_aged(std::string_view key, RawView value, const Version& version, Origin origin, Duration age) {
  const MessageId hash = record_hash(key, version);
  store_.put(Table::kRecords, key, encode_record(version, value, hash));

  // Kept to the end: `value` may be a view into it.
  const auto placed = records_.put(key, version, value, clock_.monotonic() - age);
  const auto old = placed.before ? std::optional(placed.before.record()) : std::nullopt;
  // A write that comes again, with another epoch, is as old as it was: clocks were compared at its first sight.
  const bool again = old && old->version.owner == version.owner && old->version.written == version.written;
  if (again) Records::set_written_here(placed.handle, old->written_here);
  if (old) unlist(key, old->version);
  future_.drop_beaten(key, version);
  list(placed.handle, hash);
  tombstones_.plan();

  const bool conflict = origin == Origin::kForeign && old && is_conflict(*old, version);
  if (old && !same_claim(old->version, version)) {
    history_.note(key, {.version = old->version,
                        .end = conflict ? ClaimEnd::kLost : ClaimEnd::kFollowed,
                        .decided_by = deciding_field(version, old->version, config_.leasing)});
  }
  if (origin == Origin::kReissued) {
    reissued_.insert_or_assign(std::string(key), version);
    return;
  }
  if (conflict) {
    sink_(Conflict{.key = std::string(key),
                   .losing_value = Raw(old->value),
                   .losing = old->version,
                   .winning = version,
                   .reason = std::string(to_string(deciding_field(version, old->version, config_.leasing)))});
  }
  if (old && is_taken(version) && old->version.owner != version.owner) {
    sink_(LeaseBroken{.key = std::string(key), .from = old->version.owner, .by = version.owner});
  }
  if (is_visible(version)) {
    sink_(Updated{.key = std::string(key), .local = origin == Origin::kLocal});
  } else if (old && is_visible(old->version)) {
    sink_(Deleted{.key = std::string(key), .local = origin == Origin::kLocal});
  }
}

/// Whether `winning`, written later and under our id, is of another process than `lost`, which is one of ours. A copy has boots that
/// this store never saw. Or we are the copy, of the disk of a process that still runs: its boot is one of ours, and older than the
/// one that it overwrites. An echo of our own, translated from py2p, has no boot.
bool Dictionary::is_of_a_copy(const Version& winning, const Version& lost) const {
  if (winning.boot == Boot::kNone || winning.boot == config_.boot) return false;
  // The last one first.
  const auto& earlier = config_.earlier_boots;
  const auto lost_at = std::ranges::find(earlier, lost.boot);
  const bool is_ours = lost.boot == Boot::kNone || lost.boot == config_.boot || lost_at != earlier.end();
  if (!is_ours) return false;
  const auto winning_at = std::ranges::find(earlier, winning.boot);
  return winning_at == earlier.end() || lost.boot == config_.boot || (lost.boot != Boot::kNone && winning_at > lost_at);
}

bool Dictionary::is_conflict(const Record& losing, const Version& winning) const {
  const Version& lost = losing.version;
  if (lost.owner != config_.self) return false;
  // A claim that was given up began after ours all the same.
  const Hlc won_at = last_held(winning);
  const bool later = won_at > lost.written;
  if (winning.owner == config_.self) {
    // An earlier incarnation's write that beats a later one; or one of a process with a copy of our identity.
    return (!later || is_of_a_copy(winning, lost)) &&
           (winning.value_hash != lost.value_hash || winning.kind != lost.kind);
  }
  if (!later) return true;
  if (config_.leasing == Leasing::kOff) return false;
  if (winning.epoch <= lost.epoch) return true;
  if (!is_visible(lost)) return false;
  return terms_.is_trusted(losing) || won_at - lost.written <= config_.lease;
}

void Dictionary::note_turned_away(std::string_view key, const Version& present, const Version& incoming) {
  if (same_claim(present, incoming)) return;
  history_.note(key, {.version = incoming,
                      .end = ClaimEnd::kTurnedAway,
                      .decided_by = deciding_field(incoming, present, config_.leasing)});
}

void Dictionary::set_clock(const ClockView& ours) {
  guard_.set_view(ours);
  contact_.set_clock(!guard_.is_wrong(), clock_.monotonic());
}

void Dictionary::clock_was_set() {
  forget_jump();
  future_.plan();
  guard_.clock_was_set();
}

/// Records of ours that lie in the future by a clock that is right again.
void Dictionary::write_again() {
  for (const std::string& key : guard_.next_to_write_again()) {
    const auto present = records_.get(key);
    const auto version = guard_.written_again(*present, next(admission_.highest_epoch(key, present)));
    if (version) accept_aged(key, present->value, *version, Origin::kReissued, terms_.age(*present));
  }
}

void Dictionary::on_time() {
  forget_jump();
  while (const auto back = future_.take_due()) {
    if (back->plain != Plain::kNo) {
      merge_py2p(back->key, back->value, back->version.owner, back->version.written.unix_ms() / 1'000, back->plain);
    } else {
      merge(back->key, back->value, back->version);
    }
  }
  future_.plan();
  if (guard_.is_writing_again()) write_again();
  const auto next_sweep = tombstones_.next_sweep();
  if (next_sweep && *next_sweep <= clock_.monotonic()) tombstones_.sweep();
}

std::optional<MonoTime> Dictionary::next_deadline() const {
  if (guard_.is_writing_again()) return clock_.monotonic();
  const auto next_look = future_.next_look();
  const auto next_sweep = tombstones_.next_sweep();
  if (!next_look || !next_sweep) return next_look ? next_look : next_sweep;
  return std::min(*next_look, *next_sweep);
}

void Dictionary::sanity_check() const {
  for (const auto& [key, record] : records_) {
    assert(is_writable(key, record.value, record.version));
    assert(record.version.value_hash == sha256(record.value));
    assert(record.written_here <= clock_.monotonic());
  }
  records_.sanity_check();
  assert(records_.size() == records_.visible() || tombstones_.next_sweep());
  future_.sanity_check();
  check_items();
  history_.sanity_check();
  contests_.sanity_check();
}

void Dictionary::check_items() const {
  std::size_t items = future_.listed();
  for (const auto& [key, record] : records_) {
    const auto listed = items_.find(item_of(key, record.version));
    assert(listed ? *listed == records_.handle(key) : !is_visible(record.version));
    items += listed ? 1U : 0U;
  }
  assert(items == items_.size());
  items_.sanity_check();
}

}  // namespace meshdict
