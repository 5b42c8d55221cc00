#include "core/engine/py2p.h"

#include <algorithm>
#include <utility>

#include "core/encoding/value.h"
#include "core/limits.h"

namespace meshdict {
namespace {

/// Any value that is none of those that delete.
constexpr std::string_view kSomething = "?";

std::int64_t py2p_time(const Version& version) {
  return version.written.unix_ms() / 1'000;
}

StoredEntry stored_entry(std::string_view key, RawView value, const Version& version) {
  return {
      .key = key, .value = value, .owner = version.owner, .timestamp = static_cast<std::uint64_t>(py2p_time(version))};
}

std::optional<Frame> frame_or_nothing(std::expected<Frame, FrameTooLarge> frame) {
  return frame ? std::optional(*std::move(frame)) : std::nullopt;
}

}  // namespace

Py2p::Py2p(const Surroundings& surroundings, bool has_dictionary)
    : dictionary_(surroundings.dictionary),
      originator_(surroundings.originator),
      links_(surroundings.links),
      sessions_(surroundings.sessions),
      clock_(surroundings.clock),
      stats_(surroundings.stats),
      has_dictionary_(has_dictionary) {}

HasKey Py2p::had(std::string_view key) const {
  const auto record = dictionary_.find(key);
  if (!record || is_empty_bytes(record->value)) return HasKey::kNo;
  return deletes_at_py2p(record->value) ? HasKey::kPerhaps : HasKey::kYes;
}

std::optional<PacedStore> Py2p::paced(const Envelope& envelope, const Message& message) const {
  const auto* const store = has_dictionary_ ? std::get_if<StoreSet>(&message) : nullptr;
  if (store == nullptr) return std::nullopt;
  const std::int64_t age = std::clamp<std::int64_t>(unix_seconds(clock_.wall()) - envelope.time, 0, 60);
  return PacedStore{.key = store->key,
                    .deletes = deletes_at_py2p(store->value),
                    .has = had(store->key),
                    .age = std::chrono::seconds(age)};
}

std::optional<Frame> Py2p::next_owed(Connection& link) {
  if (!has_dictionary_) {
    link.pacer->walking().reset();
    return std::nullopt;
  }
  if (const auto owed = link.pacer->take_owed()) return owed_frame(link, owed->first, owed->second);
  return next_of_walk(link);
}

std::optional<Frame> Py2p::owed_frame(Connection& link, std::string_view key, HasKey has) {
  const auto record = dictionary_.records().get(key);
  if (!record) return std::nullopt;
  const Version& version = record->version;
  const bool its_own = version.owner == link.peer;
  if (is_visible(version) && !deletes_at_py2p(record->value)) {
    ++stats_.bulk_records_sent;
    if (its_own) return frame_or_nothing(originator_.whisper(stored_entry(key, record->value, version)));
    return plain_frame(key, *record);
  }
  if (has == HasKey::kNo || its_own) return std::nullopt;
  if (has == HasKey::kYes) return plain_frame(key, *record);
  link.pacer->owe(key, HasKey::kYes);
  const Raw something = bytes_value(kSomething);
  return frame_or_nothing(originator_.whisper(stored_entry(key, something, version)));
}

std::optional<Frame> Py2p::plain_frame(std::string_view key, const Record& record) {
  const Version& version = record.version;
  const StoreSet store{.key = key, .value = record.value, .version = std::nullopt};
  return frame_or_nothing(originator_.plain_store(store, version.owner, py2p_time(version)));
}

/// The next record of the walk. Nothing when none is among those looked at, or the walk is over.
std::optional<Frame> Py2p::next_of_walk(Connection& link) {
  auto& walk = link.pacer->walking();
  if (!walk) return std::nullopt;
  const auto& records = dictionary_.records();
  auto next = walk->last_key ? records.upper_bound(*walk->last_key) : records.begin();
  for (std::size_t looked_at = 0; next != records.end() && looked_at < limits::kSyncBudget; ++next, ++looked_at) {
    walk->last_key = std::string(next->first);
    const Record record = next->second;
    const bool of_late = record.written_here >= walk->deletes_since;
    const bool deleted = !is_visible(record.version) || deletes_at_py2p(record.value);
    if (deleted ? !of_late : record.written_here < walk->since) continue;
    // Another py2p node's key it may have had from there, and newer.
    const bool as_entry = !deleted && !of_late && record.version.boot == Boot::kNone;
    if (!as_entry) return owed_frame(link, next->first, HasKey::kPerhaps);
    ++stats_.bulk_records_sent;
    return frame_or_nothing(originator_.whisper(stored_entry(next->first, record.value, record.version)));
  }
  if (next == records.end()) walk.reset();
  return std::nullopt;
}

void Py2p::take_entry(Connection& conn, const StoredEntry& entry) {
  const auto merged = dictionary_.merge_py2p(entry.key, entry.value, entry.owner,
                                             static_cast<std::int64_t>(entry.timestamp), Dictionary::Plain::kKept);
  if (merged == Dictionary::Merged::kLost && conn.established()) links_.owe(conn, entry.key, HasKey::kYes);
  if (merged != Dictionary::Merged::kWon) return;
  if (const auto record = dictionary_.find(entry.key)) {
    sessions_.pass_on(conn, {{.key = entry.key, .value = entry.value, .version = record->version}});
  }
}

}  // namespace meshdict
