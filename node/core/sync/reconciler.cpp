#include "core/sync/reconciler.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <string_view>
#include <utility>

#include "core/base/sha256.h"

namespace meshdict {
namespace {

constexpr std::uint64_t kUnbounded = ~std::uint64_t{0};

/// kListAtMost * parts^levels, at most kUnbounded.
std::uint64_t capacity(std::uint64_t parts, unsigned levels) {
  std::uint64_t items = kListAtMost;
  for (unsigned i = 0; i < levels; ++i) {
    if (items > kUnbounded / parts) return kUnbounded;
    items *= parts;
  }
  return items;
}

/// As few levels as can be, and then as few parts: fewer messages first, fewer bytes second.
std::uint64_t parts_for(std::uint64_t count) {
  unsigned levels = 0;
  while (capacity(kMaxParts, levels) < count)
    ++levels;
  std::uint64_t parts = 1;
  while (capacity(parts, levels) < count)
    ++parts;
  return parts;
}

/// Writes a range's own items: two or more as a fingerprint, one or none as a list, which is as short and needs no
/// further question.
void write_part(RangeWriter& out, const ReconcileSet& set, SessionId session, const ReconcileItem& lower,
                const ReconcileTotal& total, std::size_t first_rank) {
  if (total.count > 1) {
    out.fingerprint(lower, fingerprint(session, total));
    return;
  }
  std::array<std::uint64_t, 1> id{};
  if (total.count == 1) id[0] = set.at(first_rank).hash_high;
  out.ids(lower, RangeMode::kItems, std::span(id).first(total.count));
}

/// Divides the items from `lower` up to those that `above` sums up, at the given ranks, which fall.
void write_cut(RangeWriter& out, const ReconcileSet& set, SessionId session, const ReconcileItem& lower,
               ReconcileTotal above, std::span<const std::uint64_t> ranks) {
  for (const std::uint64_t rank : ranks) {
    const ReconcileItem bound = separator(set.at(rank - 1), set.at(rank));
    const ReconcileTotal below = set.below(bound);
    write_part(out, set, session, bound, above - below, rank);
    above = below;
  }
  const ReconcileTotal below = set.below(lower);
  write_part(out, set, session, lower, above - below, below.count);
}

/// Ranks that cut [first, last) into equal parts, from the last down.
void add_equal_cuts(std::vector<std::uint64_t>& ranks, std::uint64_t first, std::uint64_t last) {
  const std::uint64_t count = last - first;
  const std::uint64_t parts = parts_for(count);
  for (std::uint64_t part = parts; part-- > 1;)
    ranks.push_back(first + count / parts * part + count % parts * part / parts);
}

}  // namespace

std::uint64_t fingerprint(SessionId session, const ReconcileTotal& total) {
  std::array<char, 32> bytes{};
  std::size_t at = bytes.size();
  for (std::uint64_t number : {total.count, total.sum_low, total.sum_high, std::to_underlying(session)}) {
    for (int i = 0; i < 8; ++i, number >>= 8)
      bytes[--at] = static_cast<char>(number & 0xFF);
  }
  return sha256(std::string_view(bytes.data(), bytes.size())).prefix();
}

RangeJob::RangeJob(const ReconcileSet& set, SessionId session, std::uint64_t reach, std::vector<Range> ranges,
                   std::size_t max_bytes)
    : set_(&set), session_(session), reach_(reach), ranges_(std::move(ranges)), max_bytes_(max_bytes) {}

bool RangeJob::step(std::size_t& budget, const Sink& missing_at_peer) {
  while (at_ < ranges_.size()) {
    if (budget == 0) return false;
    if (!cursor_) --budget;
    Range& range = ranges_[at_];
    switch (range.mode) {
      case RangeMode::kSkip:
        out_.skip(range.lower);
        break;
      case RangeMode::kFingerprint:
        answer_fingerprint(range, budget);
        break;
      case RangeMode::kItems:
      case RangeMode::kWanted:
        if (scan(range, budget, missing_at_peer) == Scan::kPaused) return false;
        break;
    }
    if (put_off_) return true;
    upper_ = range.lower;
    ++at_;
  }
  return true;
}

void RangeJob::answer_fingerprint(const Range& range, std::size_t& budget) {
  const ReconcileTotal above = set_->below(upper_);
  const ReconcileTotal below = set_->below(range.lower);
  const ReconcileTotal own = above - below;
  if (fingerprint(session_, own) == range.fingerprint) {
    out_.skip(range.lower);
    return;
  }
  const RangeWriter::Mark mark = out_.mark();
  if (!newest_difference_) {
    newest_difference_ = above.count;
  } else if (reach_ != 0 && *newest_difference_ > reach_ && below.count < *newest_difference_ - reach_) {
    stop_here(mark);
    return;
  }
  if (own.count <= kListAtMost) {
    std::vector<std::uint64_t> ids;
    for (std::uint64_t rank = below.count; rank < above.count; ++rank)
      ids.push_back(set_->at(rank).hash_high);
    out_.ids(range.lower, RangeMode::kItems, ids);
    budget -= std::min(budget, ids.size());
  } else {
    std::vector<std::uint64_t> ranks;
    add_equal_cuts(ranks, below.count, above.count);
    write_cut(out_, *set_, session_, range.lower, above, ranks);
    budget -= std::min<std::size_t>(budget, ranks.size() + 1);
  }
  if (out_.size() > max_bytes_) stop_here(mark);
}

/// Compares our items of the range with the ids that came. Of a list, those that are not in it are missing at the peer,
/// and the ids left over are missing here; of a wish, those that are in it are wanted.
RangeJob::Scan RangeJob::scan(Range& range, std::size_t& budget, const Sink& missing_at_peer) {
  if (!cursor_) {
    cursor_ = range.lower;
    std::ranges::sort(range.ids);
    met_.assign(range.ids.size(), false);
  }
  while (*cursor_ < upper_) {
    const ReconcileSet::Run run = set_->run(*cursor_);
    for (const ReconcileSet::Entry& entry : run.entries) {
      if (entry.item >= upper_) break;
      if (budget == 0) {
        cursor_ = entry.item;
        return Scan::kPaused;
      }
      --budget;
      const auto id = std::ranges::lower_bound(range.ids, entry.item.hash_high);
      const bool listed = id != range.ids.end() && *id == entry.item.hash_high;
      if (listed) met_[static_cast<std::size_t>(id - range.ids.begin())] = true;
      if (listed != (range.mode == RangeMode::kWanted)) continue;
      if (missing_at_peer(entry)) continue;
      // The next entry pauses, or the next run does.
      budget = 0;
    }
    cursor_ = run.next;
  }
  cursor_.reset();
  std::vector<std::uint64_t> wanted;
  for (std::size_t i = 0; range.mode == RangeMode::kItems && i < range.ids.size(); ++i) {
    if (!met_[i] && (i == 0 || range.ids[i - 1] != range.ids[i])) wanted.push_back(range.ids[i]);
  }
  const RangeWriter::Mark mark = out_.mark();
  if (wanted.empty()) {
    out_.skip(range.lower);
  } else {
    out_.ids(range.lower, RangeMode::kWanted, wanted);
    if (out_.size() > max_bytes_) stop_here(mark);
  }
  return Scan::kDone;
}

/// Everything from the range in work on waits for the next pass. The first range of a message always fits.
void RangeJob::stop_here(const RangeWriter::Mark& mark) {
  if (mark.size == 0) return;
  out_.return_to(mark);
  put_off_ = upper_;
}

Reconciler::Reconciler(const ReconcileSet& set, std::size_t max_bytes) : set_(&set), max_bytes_(max_bytes) {
  assert(max_bytes >= kMinRangeBytes);
}

void Reconciler::ask(SessionId session) {
  asked_ = Asked::kUnderWay;
  session_ = session;
  reach_ = kFirstReach;
  questions_ = 0;
  waiting_ = false;
  put_off_.reset();
  question_.reset();
  begin_pass(kAboveAll);
}

void Reconciler::begin_pass(const ReconcileItem& top) {
  top_ = top;
  const ReconcileTotal above = set_->below(top);
  std::vector<std::uint64_t> ranks;
  std::uint64_t last = above.count;
  for (std::uint64_t newest = kNewestRange; newest <= kFirstReach && newest < above.count; newest *= 4) {
    last = above.count - newest;
    ranks.push_back(last);
  }
  add_equal_cuts(ranks, 0, last);
  RangeWriter out;
  if (top != kAboveAll) out.skip(top);
  write_cut(out, *set_, session_, ReconcileItem{}, above, ranks);
  ready_ = RangeMessage{.session = session_, .reach = reach_, .more = false, .closing = false, .ranges = out.take()};
}

std::expected<void, DecodeError> Reconciler::take_question(const RangeMessage& message) {
  answer_.reset();
  if (message.closing) {
    peer_complete_ = true;
    return {};
  }
  auto ranges = decode_ranges(message.ranges);
  if (!ranges) return std::unexpected(std::move(ranges.error()));
  peer_session_ = message.session;
  answer_.emplace(*set_, message.session, message.reach, std::move(*ranges), max_bytes_);
  return {};
}

std::expected<void, DecodeError> Reconciler::take_answer(const RangeMessage& message) {
  if (!waiting_ || message.session != session_) return {};
  auto ranges = decode_ranges(message.ranges);
  if (!ranges) return std::unexpected(std::move(ranges.error()));
  if (message.more) {
    const ReconcileItem from = ranges->empty() ? kAboveAll : ranges->back().lower;
    if (from >= top_) return std::unexpected(DecodeError{"ranges: all of them are put off", 0});
    if (from == ReconcileItem{}) return std::unexpected(DecodeError{"ranges: nothing is below what was put off", 0});
    if (!put_off_ || *put_off_ < from) put_off_ = from;
  }
  waiting_ = false;
  question_.emplace(*set_, session_, 0, std::move(*ranges), max_bytes_);
  return {};
}

std::optional<Reconciler::Outgoing> Reconciler::work(std::size_t budget, const RangeJob::Sink& missing_at_peer) {
  if (answer_) {
    if (!answer_->step(budget, missing_at_peer)) return std::nullopt;
    return finish_answer();
  }
  if (question_) {
    if (!question_->step(budget, missing_at_peer)) return std::nullopt;
    finish_question();
  }
  if (!ready_) return std::nullopt;
  RangeMessage message = *std::exchange(ready_, std::nullopt);
  waiting_ = !message.closing;
  return Outgoing{.is_question = true, .message = std::move(message)};
}

Reconciler::Outgoing Reconciler::finish_answer() {
  RangeMessage message{
      .session = peer_session_, .reach = 0, .more = answer_->put_off().has_value(), .closing = false, .ranges = {}};
  RangeWriter& out = answer_->out();
  message.ranges = message.more ? out.take_with_last_skip() : out.take();
  answer_.reset();
  return {.is_question = false, .message = std::move(message)};
}

void Reconciler::finish_question() {
  if (const auto from = question_->put_off(); from && (!put_off_ || *put_off_ < *from)) put_off_ = from;
  std::string ranges = question_->out().take();
  question_.reset();
  if (++questions_ >= kMaxQuestions) {
    asked_ = Asked::kGivenUp;
  } else if (!ranges.empty()) {
    ready_ =
        RangeMessage{.session = session_, .reach = 0, .more = false, .closing = false, .ranges = std::move(ranges)};
  } else if (put_off_) {
    if (reach_ <= kUnbounded / 4) reach_ *= 4;
    begin_pass(*std::exchange(put_off_, std::nullopt));
  } else {
    asked_ = Asked::kComplete;
    ready_ = RangeMessage{.session = session_, .reach = 0, .more = false, .closing = true, .ranges = {}};
  }
}

}  // namespace meshdict
