// Who may write a key, and under which version: the rules of dictionary.h.

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/base/sha256.h"
#include "core/dictionary/dictionary.h"
#include "core/dictionary/explain.h"
#include "core/encoding/value.h"
#include "core/limits.h"

namespace meshdict {

Dictionary::Standing Dictionary::standing(const std::optional<Record>& present, const NodeId& writer) const {
  if (!present) return Standing::kFree;
  const bool visible = is_visible(present->version);
  if (config_.leasing == Leasing::kOff) return visible ? Standing::kContinues : Standing::kFree;
  if (present->version.owner == writer) {
    const bool live = writer == config_.self ? terms_.is_trusted(*present) : !terms_.has_lapsed_for_others(*present);
    return live ? Standing::kContinues : Standing::kFree;
  }
  return visible && !terms_.has_lapsed_for_others(*present) ? Standing::kLeased : Standing::kFree;
}

std::expected<void, WriteError> Dictionary::admit(std::string_view key) const {
  if (key.size() > limits::kMaxKey) {
    return std::unexpected(
        BadKey{"the key has " + std::to_string(key.size()) + " bytes, more than " + std::to_string(limits::kMaxKey)});
  }
  const auto present = records_.get(key);
  if (standing(present, config_.self) == Standing::kLeased) {
    return std::unexpected(Leased{.owner = present->version.owner, .left = terms_.left_for_others(*present)});
  }
  if (is_guarded() && standing(present, config_.self) == Standing::kFree) {
    return std::unexpected(WrongClock{.ahead = wall_clock_.offset.ahead});
  }
  const Hlc highest{highest_epoch(key, present)};
  if (const Hlc next = hlc_.next(config_.skew); highest >= next) {
    const auto behind = std::chrono::ceil<std::chrono::milliseconds>(highest - next + 1ms);
    return std::unexpected(
        WriteError(BadKey{"the epochs of this key are bounded by the clocks of its writers, and this node's clock is " +
                          std::to_string(behind.count()) + " ms behind them"}));
  }
  return {};
}

std::uint64_t Dictionary::highest_epoch(std::string_view key, const std::optional<Record>& present) const {
  return std::max(tombstones_.floor_of(key), present ? present->version.epoch : 0);
}

std::uint64_t Dictionary::epoch_above(std::string_view key, const std::optional<Record>& present,
                                      const Version* waiting) const {
  return std::max(highest_epoch(key, present), waiting ? waiting->epoch : 0) + 1;
}

std::expected<OwnRecord, WriteError> Dictionary::set(std::string_view key, RawView value) {
  if (auto admitted = admit(key); !admitted) return std::unexpected(std::move(admitted.error()));
  if (auto good = check_value(value); !good) return std::unexpected(BadValue{std::move(good.error())});
  if (!has_room()) return std::unexpected(NoRoom{});
  return write(key, value, RecordKind::kValue);
}

std::expected<OwnRecord, WriteError> Dictionary::erase(std::string_view key) {
  if (auto admitted = admit(key); !admitted) return std::unexpected(std::move(admitted.error()));
  if (!find(key)) return std::unexpected(NoSuchKey{});
  return write(key, bytes_value(""), RecordKind::kTombstone);
}

OwnRecord Dictionary::write(std::string_view key, RawView value, RecordKind kind) {
  forget_jump();
  const auto present = records_.get(key);
  if (is_guarded()) return write_by_claims_time(key, *present, value, kind);
  const Version version = next_version(key, present, value, kind);
  assert(!present || compare(version, present->version, config_.leasing) > 0);
  accept(key, value, version, Origin::kLocal);
  const auto placed = records_.find(key);
  return {placed->first, placed->second};
}

/// Whether py2p nodes, which look at seconds, would keep a py2p node's write and refuse ours.
bool Dictionary::is_lost_in_its_second(const Version& held, Hlc now) const {
  return config_.leasing == Leasing::kOff && held.boot == 0 && is_visible(held) && held.owner != config_.self &&
         whole_seconds(now) == whole_seconds(held.written) && !yields_in_its_second(held, config_.self);
}

Version Dictionary::next_version(std::string_view key, const std::optional<Record>& present, RawView value,
                                 RecordKind kind) {
  Hlc now = hlc_.tick();
  if (present && is_lost_in_its_second(present->version, now)) {
    hlc_.observe(Hlc::from_ms((whole_seconds(now) + 1) * 1'000), config_.skew);
    now = hlc_.tick();
  }
  const Version* waiting = future_.next_below_a_write(key, now);
  Version claim{.epoch = epoch_above(key, present, waiting),
                .claim_start = now,
                .owner = config_.self,
                .boot = config_.boot,
                .sequence = 0,
                .value_hash = sha256(value),
                .written = now,
                .kind = kind};
  if (standing(present, config_.self) != Standing::kContinues) return claim;

  const Version& held = present->version;
  Version renewal = claim;
  renewal.epoch = held.epoch;
  if (config_.leasing == Leasing::kOn) {
    renewal.claim_start = held.claim_start;
    renewal.sequence = held.sequence + 1;
  }
  const bool wins = now > held.written && compare(renewal, held, config_.leasing) > 0 &&
                    (!waiting || compare(renewal, *waiting, config_.leasing) > 0);
  return wins ? renewal : claim;
}

/// What a plain store finds; `seconds` is its time. As for any writer, but where py2p nodes hold the key its own rules count,
/// so that both kinds of node end with the same value.
Dictionary::Standing Dictionary::standing_of_plain(const std::optional<Record>& present, const NodeId& writer,
                                                   std::int64_t seconds) const {
  const Standing usual = standing(present, writer);
  if (!present || !is_visible(present->version) || present->version.owner == writer) return usual;
  const Version& held = present->version;
  const std::int64_t held_seconds = whole_seconds(held.written);
  if (seconds == held_seconds) {
    // A claim of a meshdict node is a rival's only in the second of its start: a lease that is held is held.
    const bool rival = config_.leasing == Leasing::kOff || held.boot == 0 || whole_seconds(held.claim_start) == seconds;
    return rival && yields_in_its_second(held, writer) ? Standing::kRival : Standing::kLeased;
  }
  if (usual != Standing::kLeased || held.boot != 0) return usual;
  return std::chrono::seconds(seconds - held_seconds) > config_.lease ? Standing::kFree : Standing::kLeased;
}

Dictionary::Merged Dictionary::merge_py2p(std::string_view key, RawView value, const NodeId& owner,
                                          std::int64_t seconds, Plain how) {
  constexpr std::int64_t kLatest = (std::int64_t{1} << 47) / 1'000;  // what a hybrid clock can hold
  if (seconds < 0 || seconds > kLatest || owner.empty()) return Merged::kRefused;
  const Hlc time = Hlc::from_ms(seconds * 1'000);
  const bool deletes = is_empty_bytes(value);
  Version version{.epoch = 1,
                  .claim_start = time,
                  .owner = owner,
                  .boot = 0,
                  .sequence = time.bits,
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
  version.sequence = place->bits;
  const Standing found = standing_of_plain(present, owner, seconds);
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
      if (compare(version, present->version, config_.leasing) < 0) ++version.epoch;
      break;
    case Standing::kFree:
      version.epoch = std::min(highest_epoch(key, present) + 1, largest_epoch(version.written));
      break;
  }
  return merge(key, value, version);
}

LeaseState Dictionary::state_of(std::string_view key, const Record& record) const {
  const Version& version = record.version;
  if (version.owner != config_.self) {
    const ClaimHistory::Steps* const steps = history_.find(key);
    if (steps == nullptr) return LeaseState::kForeign;
    const auto ours = std::find_if(steps->rbegin(), steps->rend(), [this](const ClaimHistory::Step& step) {
      return step.version.owner == config_.self && step.end != ClaimEnd::kTurnedAway;
    });
    return ours != steps->rend() && ours->end == ClaimEnd::kLost ? LeaseState::kLost : LeaseState::kForeign;
  }
  const MonoTime now = clock_.monotonic();
  const MonoTime start = record.written_here - (version.written - version.claim_start);
  if (!clock_is_wrong() && contact_.long_enough_after(start, now)) return LeaseState::kSettled;
  return now - start < 2 * config_.settle ? LeaseState::kTentative : LeaseState::kUnconfirmed;
}

std::optional<LeaseView> Dictionary::lease(std::string_view key) const {
  const auto record = find(key);
  if (!record) return std::nullopt;
  const Version& version = record->version;
  LeaseView view{.owner = version.owner,
                 .left = {},
                 .held = false,
                 .ours = version.owner == config_.self,
                 .state = state_of(key, *record),
                 .epoch = version.epoch,
                 .fence = fence(version)};
  if (config_.leasing == Leasing::kOff) return view;
  view.held = view.ours ? terms_.is_trusted(*record) : !terms_.has_lapsed_for_others(*record);
  if (view.held) view.left = view.ours ? terms_.left_for_owner(*record) : terms_.left_for_others(*record);
  return view;
}

std::string Dictionary::explain(std::string_view key) const {
  const auto present = records_.get(key);
  if (!present) return "never heard of: whoever writes it first claims it";
  KeyStory story{.present = *present,
                 .ours = present->version.owner == config_.self,
                 .age = terms_.age(*present),
                 .met = history_.find(key),
                 .leasing = config_.leasing,
                 .lease = lease(key)};
  if (clock_is_wrong()) story.clock_ahead = wall_clock_.offset.ahead;
  return meshdict::explain(story);
}

}  // namespace meshdict
