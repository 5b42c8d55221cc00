// What clients ask of the dictionary: writes, and views of keys.

#include <algorithm>
#include <utility>

#include "core/dictionary/dictionary.h"
#include "core/dictionary/explain.h"
#include "core/encoding/value.h"
#include "core/record/claim_marks.h"

namespace meshdict {

std::expected<void, WriteError> Dictionary::admit(std::string_view key) const {
  return admission_.check(key, records_.get(key));
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
  const Admission::Write next = admission_.next_write(key, present, value, kind);
  return place(key, value, next);
}

OwnRecord Dictionary::place(std::string_view key, RawView value, const Admission::Write& next) {
  accept_aged(key, value, next.version, Origin::kLocal, next.age);
  const auto placed = records_.find(key);
  return {placed->first, placed->second};
}

std::expected<std::optional<OwnRecord>, WriteError> Dictionary::release(std::string_view key) {
  const auto present = find(key);
  const bool holds = config_.leasing == Leasing::kOn && present && present->version.owner == config_.self &&
                     terms_.is_trusted(*present);
  if (!holds) return std::nullopt;
  if (!has_room()) return std::unexpected(NoRoom{});
  forget_jump();
  const auto last = admission_.giving_up(key, *present);
  if (!last) return std::unexpected(last.error());
  return place(key, Raw(present->value), *last);
}

std::expected<std::optional<OwnRecord>, WriteError> Dictionary::break_lease(std::string_view key) {
  const auto present = find(key);
  if (admission_.standing(present, config_.self) != Standing::kLeased) return std::nullopt;
  if (auto good = admission_.check_claim(key, present); !good) return std::unexpected(std::move(good.error()));
  if (!has_room()) return std::unexpected(NoRoom{});
  forget_jump();
  const Admission::Write claim = admission_.taking(key, *present);
  return place(key, Raw(present->value), claim);
}

std::optional<Record> Dictionary::find(std::string_view key) const {
  auto record = records_.get(key);
  if (record && !is_visible(record->version)) record.reset();
  return record;
}

LeaseState Dictionary::state_of(std::string_view key, const Record& record) const {
  const Version& version = record.version;
  if (config_.leasing == Leasing::kOn && is_given_up(version)) return LeaseState::kReleased;
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
  if (!guard_.is_wrong() && contact_.long_enough_after(start, now)) return LeaseState::kSettled;
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
                 .taken = is_taken(version),
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
  if (!present) return "never heard of: the first node that writes it claims it";
  KeyStory story{.present = *present,
                 .ours = present->version.owner == config_.self,
                 .age = terms_.age(*present),
                 .met = history_.find(key),
                 .leasing = config_.leasing,
                 .lease = lease(key)};
  if (guard_.is_wrong()) story.clock_ahead = guard_.ahead();
  return meshdict::explain(story);
}

}  // namespace meshdict
