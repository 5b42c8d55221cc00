// What the owner of a key does when another's claim meets its own: see "Contests" in dictionary.h.

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/dictionary/dictionary.h"
#include "core/limits.h"

namespace meshdict {

/// Whether the owner has not yet contested this rival within its present hold of the key; it has now.
bool Dictionary::first_contest(std::string_view key, const NodeId& rival) {
  const MonoTime now = clock_.monotonic();
  auto found = contests_.find(key);
  if (found == contests_.end()) {
    if (contests_.size() >= limits::kMaxContests) {
      std::erase_if(contests_, [&](const auto& entry) { return now - entry.second.began > config_.lease; });
    }
    if (contests_.size() >= limits::kMaxContests) return false;
    found = contests_.emplace(key, Contest{}).first;
    found->second.began = now;
  }
  Contest& contest = found->second;
  if (now - contest.began > config_.lease) contest = {.began = now, .rivals = {}};
  if (contest.rivals.size() >= limits::kMaxContestedRivals) return false;
  if (std::ranges::find(contest.rivals, rival) != contest.rivals.end()) return false;
  contest.rivals.push_back(rival);
  return true;
}

bool Dictionary::is_live_claim_of_ours(const Record& record) const {
  return config_.leasing == Leasing::kOn && record.version.owner == config_.self && is_visible(record.version) &&
         is_trusted(record);
}

/// REQUIRES: `winning` is greater than the present record, and our clock has observed it.
bool Dictionary::should_reclaim(const Record& present, const Version& winning) const {
  if (!is_live_claim_of_ours(present)) return false;
  if (winning.owner == config_.self) return winning.boot < present.version.boot;
  // Every py2p node keeps ours: see merge_py2p().
  const bool in_second_of_claim =
      winning.boot == 0 && winning.written.unix_ms() / 1'000 == present.version.claim_start.unix_ms() / 1'000;
  if (in_second_of_claim && !yields_in_its_second(present.version, winning.owner)) return true;
  return winning.kind == RecordKind::kTombstone || hlc_.now() - winning.written > config_.lease + margin_;
}

/// Takes the key again, above `winning`, which never becomes the present record: nobody held it any more.
void Dictionary::reclaim(std::string_view key, const Record& present, const Version& winning) {
  const Hlc now = hlc_.tick();
  Version version = present.version;
  version.epoch = winning.epoch + 1;
  version.claim_start = now;
  version.boot = config_.boot;
  version.sequence = 0;
  version.written = now;
  accept(key, present.value, version, Origin::kReissued);
}

/// REQUIRES: `losing` is smaller than the present record.
bool Dictionary::should_reissue(const Record& present, const Version& losing) const {
  return is_live_claim_of_ours(present) && losing.owner != config_.self && losing.epoch == present.version.epoch &&
         present.version.epoch < largest_epoch(present.version.written);
}

/// REQUIRES: the record's write time has room for `epoch` (largest_epoch()).
void Dictionary::reissue(std::string_view key, const Record& present, std::uint64_t epoch) {
  assert(epoch <= largest_epoch(present.version.written));
  Version version = present.version;
  version.epoch = epoch;
  ++version.sequence;
  version.boot = config_.boot;
  accept(key, present.value, version, Origin::kReissued);
}

/// A plain store of another writer was refused. In the second in which our claim began others may have taken it before ours;
/// py2p nodes keep the smaller id's, and an epoch above it makes ours stand everywhere.
void Dictionary::keep_against_plain(std::string_view key, const Record& present, const NodeId& rival,
                                    std::int64_t seconds) {
  if (!is_live_claim_of_ours(present) || present.version.epoch >= largest_epoch(present.version.written)) return;
  if (present.version.claim_start.unix_ms() / 1'000 != seconds || !first_contest(key, rival)) return;
  reissue(key, present, present.version.epoch + 1);
}

/// See D5 in dictionary.h. REQUIRES: `winning` is greater than the present record, and our clock has observed it.
bool Dictionary::should_propose_again(const Record& present, const Version& winning) const {
  return present.version.owner == config_.self && is_visible(present.version) && !is_visible(winning) &&
         winning.written < present.version.written && winning.epoch < largest_epoch(present.version.written) &&
         hlc_.now() - winning.written > config_.horizon - config_.skew;
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

}  // namespace meshdict
