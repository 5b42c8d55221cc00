#include "core/dictionary/contests.h"

#include <algorithm>
#include <cassert>
#include <functional>

#include "core/dictionary/plain.h"
#include "core/limits.h"
#include "core/record/claim_marks.h"

namespace meshdict {

Contests::Contests(const DictionaryConfig& config, const LeaseTerms& terms, const Clock& clock, HybridClock& hlc)
    : config_(config), terms_(terms), clock_(clock), hlc_(hlc) {}

/// Whether the owner has not yet contested this rival within its present hold of the key; it has now.
bool Contests::is_first(std::string_view key, const NodeId& rival) {
  const MonoTime now = clock_.monotonic();
  auto found = by_key_.find(key);
  if (found == by_key_.end()) {
    if (by_key_.size() >= limits::kMaxContests) {
      std::erase_if(by_key_, [&](const auto& entry) { return now - entry.second.began > config_.lease; });
    }
    if (by_key_.size() >= limits::kMaxContests) return false;
    found = by_key_.emplace(key, Contest{}).first;
    found->second.began = now;
  }
  Contest& contest = found->second;
  if (now - contest.began > config_.lease) contest = {.began = now, .rivals = {}};
  if (contest.rivals.size() >= limits::kMaxContestedRivals) return false;
  if (std::ranges::find(contest.rivals, rival) != contest.rivals.end()) return false;
  contest.rivals.push_back(rival);
  return true;
}

bool Contests::is_live_claim_of_ours(const Record& record) const {
  return config_.leasing == Leasing::kOn && record.version.owner == config_.self && is_visible(record.version) &&
         terms_.is_trusted(record);
}

/// K1, and K4 when the other is the winner.
bool Contests::should_take_again(const Record& present, const Version& winning) const {
  if (!is_live_claim_of_ours(present)) return false;
  if (winning.owner == config_.self) return winning.boot < present.version.boot;
  const bool in_second_of_claim =
      winning.boot == Boot::kNone && whole_seconds(winning.written) == whole_seconds(present.version.claim_start);
  if (in_second_of_claim && !yields_in_its_second(present.version, winning.owner)) return true;
  return winning.kind == RecordKind::kTombstone || is_given_up(winning) || terms_.is_over(hlc_.now() - winning.written);
}

/// K3.
bool Contests::should_propose_again(const Record& present, const Version& winning) const {
  return present.version.owner == config_.self && is_visible(present.version) && !is_visible(winning) &&
         winning.written < last_held(present.version) && winning.epoch < largest_epoch(present.version.written) &&
         hlc_.now() - winning.written > config_.horizon - config_.skew;
}

/// Above `winning`, which never becomes the present record: nobody held it any more.
Version Contests::taken_again(const Record& present, const Version& winning) {
  const Hlc now = hlc_.tick();
  Version version = present.version;
  version.epoch = next(winning.epoch);
  version.claim_start = now;
  version.boot = config_.boot;
  version.sequence = Sequence::kFirst;
  version.written = now;
  return version;
}

/// REQUIRES: the record's write time has room for `epoch` (largest_epoch()).
Version Contests::issued_again(const Record& present, Epoch epoch) const {
  assert(epoch <= largest_epoch(present.version.written));
  Version version = present.version;
  version.epoch = epoch;
  version.sequence = next(version.sequence);
  version.boot = config_.boot;
  return version;
}

std::optional<Version> Contests::answer_to_winner(std::string_view key, const Record& present, const Version& winning) {
  if (should_take_again(present, winning) && is_first(key, winning.owner)) return taken_again(present, winning);
  if (should_propose_again(present, winning) && is_first(key, winning.owner)) {
    return issued_again(present, next(winning.epoch));
  }
  return std::nullopt;
}

/// K2.
std::optional<Version> Contests::answer_to_loser(std::string_view key, const Record& present, const Version& losing) {
  const Version& ours = present.version;
  if (!is_live_claim_of_ours(present) || losing.owner == config_.self || losing.epoch != ours.epoch)
    return std::nullopt;
  if (ours.epoch >= largest_epoch(ours.written) || !is_first(key, losing.owner)) return std::nullopt;
  return issued_again(present, next(ours.epoch));
}

/// K4.
std::optional<Version> Contests::answer_to_plain(std::string_view key, const Record& present, const NodeId& rival,
                                                 std::int64_t seconds) {
  const Version& ours = present.version;
  if (!is_live_claim_of_ours(present) || ours.epoch >= largest_epoch(ours.written)) return std::nullopt;
  if (whole_seconds(ours.claim_start) != seconds || !is_first(key, rival)) return std::nullopt;
  return issued_again(present, next(ours.epoch));
}

void Contests::sanity_check() const {
  assert(by_key_.size() <= limits::kMaxContests);
  for (const auto& [key, contest] : by_key_)
    assert(contest.rivals.size() <= limits::kMaxContestedRivals);
}

}  // namespace meshdict
