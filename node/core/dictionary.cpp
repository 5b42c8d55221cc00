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

StoreVersion store_version(const Version& version) {
  return {.epoch = version.epoch,
          .claim_start = version.claim_start,
          .boot = version.boot,
          .sequence = version.sequence,
          .written = version.written,
          .kind = version.kind};
}

bool is_visible(const Version& version) {
  return version.kind == RecordKind::kValue;
}

/// A 128-bit sum over the records. Addition and not exclusive or, in which two equal items would cancel out, and for
/// which sets of equal fingerprints are easy to find (A. Meyer, "Range-Based Set Reconciliation", 2023, section on
/// fingerprints).
void add_fingerprint(std::array<std::uint8_t, 16>& sum, const MessageId& item, bool added) {
  unsigned carry = added ? 0U : 1U;
  for (std::size_t i = 0; i < sum.size(); ++i) {
    const unsigned byte = added ? item.bytes[i] : static_cast<std::uint8_t>(~item.bytes[i]);
    carry += sum[i] + byte;
    sum[i] = static_cast<std::uint8_t>(carry);
    carry >>= 8;
  }
}

MessageId item_hash(std::string_view key, const Version& version) {
  std::string bytes = encode_record(version, version.value_hash.view());
  bytes += key;
  return sha256(bytes);
}

}  // namespace

std::string describe(const WriteError& error) {
  if (const auto* leased = std::get_if<Leased>(&error)) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(leased->left).count();
    return std::string(leased->owner.text()) + " holds this key for " + std::to_string(seconds) + " s";
  }
  if (const auto* key = std::get_if<BadKey>(&error)) return key->what;
  if (const auto* value = std::get_if<BadValue>(&error)) return value->what;
  return "no such key";
}

Dictionary::Dictionary(DictionaryConfig config, const Clock& clock, Store& store, EventSink sink)
    : config_(std::move(config)), clock_(clock), store_(store), sink_(std::move(sink)), hlc_(clock) {}

std::expected<void, std::string> Dictionary::load() {
  std::optional<std::string> damage;
  const auto loaded = store_.load(Table::kRecords, [&](std::string_view key, std::string_view bytes) {
    if (damage) return;
    const auto record = decode_record(bytes);
    if (!record) {
      damage = "the stored record of key '" + std::string(key) + "' is damaged: " + record.error().what;
      return;
    }
    hlc_.observe(record->version.written, config_.skew);
    const Duration age = std::max(Duration::zero(), hlc_.now() - record->version.written);
    records_.insert_or_assign(std::string(key), Record{.version = record->version,
                                                       .value = Raw(record->value),
                                                       .age_at_arrival = age,
                                                       .arrived = clock_.monotonic()});
    account(key, record->version, true);
  });
  if (!loaded) return std::unexpected(loaded.error().what);
  if (damage) return std::unexpected(*damage);
  return {};
}

Duration Dictionary::margin() const {
  return config_.skew + Duration(config_.lease.count() / 1'000'000 * config_.drift_ppm);
}

Duration Dictionary::age(const Record& record) const {
  return record.age_at_arrival + (clock_.monotonic() - record.arrived);
}

bool Dictionary::binds_others(const Record& record) const {
  return config_.leasing == Leasing::kOn && is_visible(record.version) && age(record) <= config_.lease + margin();
}

const Record* Dictionary::any_record(std::string_view key) const {
  const auto found = records_.find(key);
  return found == records_.end() ? nullptr : &found->second;
}

const Record* Dictionary::find(std::string_view key) const {
  const Record* const record = any_record(key);
  return record != nullptr && is_visible(record->version) ? record : nullptr;
}

std::expected<void, WriteError> Dictionary::admit(std::string_view key) const {
  if (key.size() > limits::kMaxKey) {
    return std::unexpected(
        BadKey{"the key has " + std::to_string(key.size()) + " bytes, more than " + std::to_string(limits::kMaxKey)});
  }
  const Record* const present = any_record(key);
  if (present == nullptr || present->version.owner == config_.self || !binds_others(*present)) return {};
  const Duration left = std::max<Duration>(config_.lease + margin() - age(*present), 1ms);
  return std::unexpected(Leased{.owner = present->version.owner, .left = left});
}

std::expected<StoreVersion, WriteError> Dictionary::set(std::string_view key, RawView value) {
  if (auto admitted = admit(key); !admitted) return std::unexpected(std::move(admitted.error()));
  if (auto good = check_value(value); !good) return std::unexpected(BadValue{std::move(good.error())});
  return write(key, value, RecordKind::kValue);
}

std::expected<StoreVersion, WriteError> Dictionary::erase(std::string_view key) {
  if (auto admitted = admit(key); !admitted) return std::unexpected(std::move(admitted.error()));
  if (find(key) == nullptr) return std::unexpected(NoSuchKey{});
  return write(key, bytes_value(""), RecordKind::kTombstone);
}

StoreVersion Dictionary::write(std::string_view key, RawView value, RecordKind kind) {
  const Version version = next_version(any_record(key), value, kind);
  replace(key, value, version, Duration::zero(), true);
  return store_version(version);
}

Version Dictionary::next_version(const Record* present, RawView value, RecordKind kind) {
  // A wall clock that had jumped ahead was corrected: later writes must not drag the jump along, and the epoch keeps
  // them on top.
  const bool clock_was_corrected = hlc_.is_ahead(config_.skew);
  if (clock_was_corrected) hlc_.reset();
  const Hlc now = hlc_.tick();
  Version next{.epoch = 1,
               .claim_start = now,
               .owner = config_.self,
               .boot = config_.boot,
               .sequence = 0,
               .value_hash = sha256(value),
               .written = now,
               .kind = kind};
  if (present == nullptr) return next;

  const Version& held = present->version;
  const bool continues = config_.leasing == Leasing::kOn
                             ? held.owner == config_.self && age(*present) < config_.lease - margin()
                             : is_visible(held);
  next.epoch = held.epoch + 1;
  if (!continues || clock_was_corrected) return next;
  next.epoch = held.epoch;
  if (config_.leasing == Leasing::kOn) {
    next.claim_start = held.claim_start;
    next.sequence = held.sequence + 1;
  }
  if (compare(next, held, config_.leasing) > 0) return next;
  ++next.epoch;
  next.claim_start = now;
  next.sequence = 0;
  return next;
}

Dictionary::Merged Dictionary::merge(std::string_view key, RawView value, const Version& version) {
  const bool good =
      key.size() <= limits::kMaxKey && value.size() <= limits::kMaxValue && !version.owner.empty() &&
      (version.kind == RecordKind::kValue || (version.kind == RecordKind::kTombstone && is_empty_bytes(value)));
  if (!good) return Merged::kRefused;
  return merge_checked(key, value, version);
}

Dictionary::Merged Dictionary::merge_checked(std::string_view key, RawView value, const Version& version) {
  const Record* const present = any_record(key);
  if (present != nullptr && present->version == version) return Merged::kKnown;
  if (!hlc_.observe(version.written, config_.skew)) {
    set_aside(key, value, version);
    return Merged::kSetAside;
  }
  if (present != nullptr && compare(version, present->version, config_.leasing) < 0) return Merged::kLost;
  replace(key, value, version, std::max(Duration::zero(), hlc_.now() - version.written), false);
  return Merged::kWon;
}

Dictionary::Merged Dictionary::merge_py2p(std::string_view key, RawView value, const NodeId& owner,
                                          std::int64_t seconds) {
  constexpr std::int64_t kLatest = (std::int64_t{1} << 47) / 1'000;  // what 48 bits of milliseconds hold
  if (seconds < 0 || seconds > kLatest) return Merged::kRefused;
  const Hlc time = Hlc::from_ms(seconds * 1'000);
  Version version{.epoch = 1,
                  .claim_start = time,
                  .owner = owner,
                  .boot = 0,
                  .sequence = static_cast<std::uint64_t>(seconds),
                  .value_hash = sha256(value),
                  .written = time,
                  .kind = is_empty_bytes(value) ? RecordKind::kTombstone : RecordKind::kValue};
  if (const Record* const present = any_record(key)) {
    const Version& held = present->version;
    if (held.owner == owner && held.sequence == version.sequence && held.value_hash == version.value_hash) {
      return Merged::kKnown;
    }
    if (binds_others(*present) && held.owner != owner) return Merged::kLost;
    version.epoch = held.epoch + 1;
    const bool continues = config_.leasing == Leasing::kOn ? binds_others(*present) : is_visible(held);
    if (continues) {
      version.epoch = held.epoch;
      version.claim_start = config_.leasing == Leasing::kOn ? held.claim_start : time;
      version.boot = held.boot;
    }
  }
  return merge(key, value, version);
}

void Dictionary::set_aside(std::string_view key, RawView value, const Version& version) {
  set_aside_.insert_or_assign(SetAsideKey{.written = version.written, .key = std::string(key)},
                              SetAside{.value = Raw(value), .version = version});
  if (set_aside_.size() > limits::kMaxSetAside) set_aside_.erase(std::prev(set_aside_.end()));
  next_return_ = clock_.monotonic() + 1ms;
}

void Dictionary::on_time() {
  while (!set_aside_.empty()) {
    const auto first = set_aside_.begin();
    if (!hlc_.observe(first->first.written, config_.skew)) break;
    const auto held = set_aside_.extract(first);
    merge_checked(held.key().key, held.mapped().value, held.mapped().version);
  }
  next_return_.reset();
  if (set_aside_.empty()) return;
  const auto wall_ms = std::chrono::floor<std::chrono::milliseconds>(clock_.wall().time_since_epoch()).count();
  const Duration wait = (set_aside_.begin()->first.written - Hlc::from_ms(wall_ms)) - config_.skew;
  next_return_ = clock_.monotonic() + std::clamp<Duration>(wait, 1ms, limits::kLookAtSetAside);
}

std::optional<MonoTime> Dictionary::next_deadline() const {
  return next_return_;
}

bool Dictionary::is_conflict(const Record& losing, const Version& winning) const {
  if (losing.version.owner != config_.self || winning.owner == config_.self) return false;
  // Whoever claims a free key takes the next epoch: that is succession. A rival of the same epoch did not know of us,
  // nor did one who wrote while our lease ran.
  if (winning.epoch == losing.version.epoch) return true;
  return is_visible(losing.version) && winning.written - losing.version.written <= config_.lease;
}

void Dictionary::replace(std::string_view key, RawView value, const Version& version, Duration age_at_arrival,
                         bool local) {
  auto found = records_.find(key);
  std::optional<Conflict> conflict;
  bool was_visible = false;
  if (found == records_.end()) {
    found = records_.emplace(std::string(key), Record{}).first;
  } else {
    Record& old = found->second;
    was_visible = is_visible(old.version);
    account(key, old.version, false);
    if (is_conflict(old, version)) {
      conflict = Conflict{.key = std::string(key),
                          .losing_value = old.value,
                          .losing = old.version,
                          .winning = version,
                          .reason = std::string(deciding_field(version, old.version, config_.leasing))};
    }
  }
  found->second =
      Record{.version = version, .value = Raw(value), .age_at_arrival = age_at_arrival, .arrived = clock_.monotonic()};
  account(key, version, true);
  store_.put(Table::kRecords, key, encode_record(version, value));
  if (conflict) sink_(*conflict);
  if (is_visible(version)) {
    sink_(Updated{.key = std::string(key), .local = local});
  } else if (was_visible) {
    sink_(Deleted{.key = std::string(key), .local = local});
  }
}

void Dictionary::account(std::string_view key, const Version& version, bool added) {
  add_fingerprint(summary_.fingerprint, item_hash(key, version), added);
  if (added) {
    ++summary_.count;
    visible_ += is_visible(version) ? 1U : 0U;
  } else {
    --summary_.count;
    visible_ -= is_visible(version) ? 1U : 0U;
  }
}

std::optional<LeaseView> Dictionary::lease(std::string_view key) const {
  const Record* const record = find(key);
  if (record == nullptr) return std::nullopt;
  const bool ours = record->version.owner == config_.self;
  // The owner stops trusting its lease before others may take the key.
  const Duration length = ours ? config_.lease - margin() : config_.lease + margin();
  const Duration left =
      config_.leasing == Leasing::kOn ? std::max(Duration::zero(), length - age(*record)) : Duration::zero();
  return LeaseView{.owner = record->version.owner,
                   .left = left,
                   .held = left > Duration::zero(),
                   .ours = ours,
                   .epoch = record->version.epoch,
                   .fence = fence(record->version)};
}

std::string Dictionary::explain(std::string_view key) const {
  const Record* const record = any_record(key);
  if (record == nullptr) return "never heard of";
  const Version& version = record->version;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(age(*record)).count();
  std::string text = is_visible(version) ? "value of " + std::to_string(record->value.size()) + " bytes" : "deleted";
  text += "\nowner " + std::string(version.owner.text());
  text += "\nepoch " + std::to_string(version.epoch) + ", sequence " + std::to_string(version.sequence) + ", boot " +
          std::to_string(version.boot);
  text += "\nclaimed at " + std::to_string(version.claim_start.unix_ms()) + ", written at " +
          std::to_string(version.written.unix_ms()) + " (Unix ms), " + std::to_string(seconds) + " s ago";
  if (!is_visible(version)) return text + "\nfree: whoever writes next claims it";
  if (config_.leasing == Leasing::kOff) return text + "\nno leases in this network: the latest write wins";
  text += binds_others(*record) ? "\nleased: only the owner may write" : "\nlapsed: whoever writes next claims it";
  return text;
}

void Dictionary::sanity_check() const {
  Summary summary;
  std::size_t visible = 0;
  for (const auto& [key, record] : records_) {
    assert(key.size() <= limits::kMaxKey);
    assert(record.version.value_hash == sha256(record.value));
    assert(is_visible(record.version) || is_empty_bytes(record.value));
    assert(record.age_at_arrival >= Duration::zero());
    add_fingerprint(summary.fingerprint, item_hash(key, record.version), true);
    ++summary.count;
    visible += is_visible(record.version) ? 1U : 0U;
  }
  assert(summary == summary_);
  assert(visible == visible_);
  assert(set_aside_.size() <= limits::kMaxSetAside);
  assert(set_aside_.empty() || next_return_);
}

}  // namespace meshdict
