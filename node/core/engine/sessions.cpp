#include "core/engine/sessions.h"

#include <algorithm>
#include <cassert>
#include <span>
#include <utility>

#include "core/base/sha256.h"
#include "core/limits.h"
#include "core/messages/record_batches.h"
#include "core/sync/presence.h"

namespace meshdict {
namespace {

Version complete(const StoreVersion& sent, const NodeId& owner, RawView value) {
  return {.epoch = sent.epoch,
          .claim_start = sent.claim_start,
          .owner = owner,
          .boot = sent.boot,
          .sequence = sent.sequence,
          .value_hash = sha256(value),
          .written = sent.written,
          .kind = sent.kind};
}

}  // namespace

Sessions::Sessions(const Surroundings& surroundings, RandomStream random)
    : dictionary_(surroundings.dictionary),
      links_(surroundings.links),
      transport_(surroundings.transport),
      clock_(surroundings.clock),
      alarm_(surroundings.alarm),
      leisure_(surroundings.leisure),
      stats_(surroundings.stats),
      observer_(surroundings.observer),
      random_(random) {}

void Sessions::start() {
  next_compare_ = clock_.monotonic() + limits::kCompareEvery;
}

bool Sessions::Comparison::under_way(MonoTime now) const {
  const bool open = reconciler.asked() == Reconciler::Asked::kUnderWay || peer_asks;
  return open && now - progress < limits::kSyncPatience;
}

Sessions::Comparison& Sessions::comparison_of(const Connection& link) {
  assert(link.established());
  std::optional<Comparison>& comparison = of_links_[link.id].comparison;
  if (!comparison) comparison.emplace(dictionary_.items());
  return *comparison;
}

Sessions::Comparison* Sessions::find_comparison(ConnId link) {
  const auto found = of_links_.find(link);
  return found != of_links_.end() && found->second.comparison ? &*found->second.comparison : nullptr;
}

/// Leads to a comparison on each new link, not only on the first of a pair: the other end may have lost one that we still
/// believe in, and what we sent over it.
void Sessions::on_link_up(Connection& link) {
  links_.whisper(link, kOutsideTheReckoning);
  tell_floors(link);
}

void Sessions::take_presence(Connection& conn) {
  if (!conn.established()) return;
  // Of a link's two ends, the dialer asks.
  if (!std::exchange(of_links_[conn.id].comparable, true) && conn.dialed_by_us) compare(conn);
}

void Sessions::compare(Connection& link) {
  Comparison& comparison = comparison_of(link);
  if (comparison.due) return;
  comparison.due = true;
  due_.push_back(link.id);
  alarm_.set(clock_.monotonic());
}

void Sessions::begin(MonoTime now) {
  if (due_.empty()) return;
  for (const auto& [id, of_link] : of_links_) {
    if (!of_link.comparison || of_link.comparison->reconciler.asked() != Reconciler::Asked::kUnderWay) continue;
    const MonoTime turn_ends = of_link.comparison->progress + limits::kSyncTurn;
    if (now < turn_ends) return alarm_.set(turn_ends);
  }
  for (auto next = due_.begin(); next != due_.end();) {
    Comparison* const comparison = find_comparison(*next);
    // Its link has gone.
    if (comparison == nullptr) {
      next = due_.erase(next);
      continue;
    }
    if (comparison->under_way(now)) {
      alarm_.set(comparison->progress + limits::kSyncPatience);
    } else if (transport_.queued(*next) <= limits::kBulkLowWater) {
      // Else Engine::on_drained() wakes us.
      due_.erase(next);
      ++stats_.comparisons;
      comparison->due = false;
      comparison->skipped_news = false;
      comparison->progress = now;
      comparison->ours = new_session(SessionId{random_.next()});
      comparison->reconciler.ask(comparison->ours.id);
      return;
    }
    ++next;
  }
}

void Sessions::compare_with_all() {
  for (const auto& [peer, pair] : links_.pairs()) {
    const auto found = of_links_.find(pair.primary->id);
    if (pair.is_meshdict && found != of_links_.end() && found->second.comparable) compare(*pair.primary);
  }
}

void Sessions::on_time(MonoTime now) {
  if (next_compare_ <= now) compare_with_somebody(now);
}

void Sessions::compare_with_somebody(MonoTime now) {
  next_compare_ = now + limits::kCompareEvery / 2 + Duration(leisure_.between(0, limits::kCompareEvery.count()));
  std::vector<Connection*> candidates;
  for (const auto& [peer, pair] : links_.pairs()) {
    const auto found = of_links_.find(pair.primary->id);
    if (!pair.is_meshdict || found == of_links_.end() || !found->second.comparable) continue;
    const Comparison* const comparison = find_comparison(pair.primary->id);
    if (comparison == nullptr || (!comparison->due && !comparison->under_way(now))) candidates.push_back(pair.primary);
  }
  if (candidates.empty()) return;
  compare(*candidates[static_cast<std::size_t>(leisure_.below(candidates.size()))]);
}

void Sessions::take_question(Connection& conn, const SyncQuestion& question) {
  if (!conn.established()) return;
  Comparison& comparison = comparison_of(conn);
  if (const auto taken = comparison.reconciler.take_question(question.ranges); !taken) {
    links_.close(conn, EndReason::kProtocolError, taken.error().what);
    return;
  }
  comparison.progress = clock_.monotonic();
  const bool first = !comparison.peer_asks || question.ranges.session != comparison.theirs.id;
  const bool closed = question.ranges.closing && !first;
  comparison.peer_asks = !question.ranges.closing;
  if (closed) {
    end(conn, comparison.theirs);
  } else if (first) {
    comparison.theirs = new_session(question.ranges.session);
  }
  alarm_.set(comparison.progress);
}

void Sessions::take_answer(Connection& conn, const SyncAnswer& answer) {
  Comparison* const comparison = find_comparison(conn.id);
  if (comparison == nullptr) return;
  if (const auto taken = comparison->reconciler.take_answer(answer.ranges); !taken) {
    links_.close(conn, EndReason::kProtocolError, taken.error().what);
    return;
  }
  comparison->progress = clock_.monotonic();
  alarm_.set(comparison->progress);
}

Sessions::Session Sessions::new_session(SessionId id) const {
  return {.id = id, .without_room = stats_.records_without_room};
}

/// All that either lacked at its beginning is known to both.
void Sessions::end(Connection& link, const Session& session) {
  if (session.without_room != stats_.records_without_room) return;
  dictionary_.set_contact(true);
  if (comparison_of(link).skipped_news) compare(link);
}

void Sessions::tell_floors(Connection& link) {
  const Dictionary::Floors& floors = dictionary_.floors();
  if (std::ranges::all_of(floors, [](Epoch epoch) { return epoch == Epoch::kNone; })) return;
  links_.whisper(link, EpochFloors{.epochs = {floors.begin(), floors.end()}});
}

void Sessions::take_floors(const EpochFloors& floors) {
  Dictionary::Floors taken{};
  std::ranges::copy_n(floors.epochs.begin(), static_cast<std::ptrdiff_t>(std::min(floors.epochs.size(), taken.size())),
                      taken.begin());
  dictionary_.merge_floors(taken);
}

void Sessions::take_store(const Envelope& envelope, const StoreSet& store) {
  const auto merged =
      store.version
          ? dictionary_.merge(store.key, store.value, complete(*store.version, envelope.sender, store.value))
          : dictionary_.merge_py2p(store.key, store.value, envelope.sender, envelope.time, Dictionary::Plain::kSaid);
  if (merged == Dictionary::Merged::kNoRoom) ++stats_.records_without_room;
}

/// REQUIRES: the version is complete.
Sessions::Taken Sessions::take_record(const Connection& from, const RecordEntry& entry) {
  const bool returns = dictionary_.may_be_discarded(entry.key, entry.version);
  switch (dictionary_.merge(entry.key, entry.value, entry.version)) {
    case Dictionary::Merged::kWon:
      break;
    case Dictionary::Merged::kLost:
    case Dictionary::Merged::kKnown:
      return Taken::kKnown;
    case Dictionary::Merged::kNoRoom:
      ++stats_.records_without_room;
      return Taken::kHidden;
    case Dictionary::Merged::kFuture:
    case Dictionary::Merged::kRefused:
      return Taken::kHidden;
  }
  if (returns) {
    ++stats_.keys_returned;
    observer_.on_event(Returned{.key = std::string(entry.key), .from = from.peer});
  }
  return Taken::kNews;
}

void Sessions::take_records(Connection& conn, const Records& records) {
  std::vector<RecordEntry> news;
  std::vector<RecordEntry> outlived;
  std::uint64_t hidden = 0;
  for (const RecordEntry& entry : records.entries) {
    const Taken taken = take_record(conn, entry);
    if (taken == Taken::kHidden) ++hidden;
    if (taken == Taken::kNews) {
      news.push_back(entry);
    } else if (dictionary_.old_deletion_above(entry.key, entry.version)) {
      outlived.push_back(entry);
    }
  }
  if (hidden > 0 && conn.established()) of_links_[conn.id].hidden += hidden;
  if (Comparison* const comparison = find_comparison(conn.id)) comparison->progress = clock_.monotonic();
  if (!news.empty()) pass_on(conn, news);
  if (!outlived.empty()) tell_old_deletions(conn, outlived);
}

std::uint64_t Sessions::take_hidden(const Connection& link) {
  const auto found = of_links_.find(link.id);
  return found == of_links_.end() ? 0 : std::exchange(found->second.hidden, 0);
}

/// The neighbour has sent what was deleted so long ago that the deletion is compared no more: D3 in tombstones.h. What
/// does not fit now it learns in the next session.
void Sessions::tell_old_deletions(Connection& conn, const std::vector<RecordEntry>& outlived) {
  if (transport_.queued(conn.id) > limits::kBulkLowWater) return;
  RecordBatches found;
  for (const RecordEntry& entry : outlived) {
    if (const auto deletion = dictionary_.old_deletion_above(entry.key, entry.version)) found.add(*deletion);
  }
  stats_.old_deletions_told += found.size();
  Connection* const to[] = {&conn};
  for (const Records& batch : found.batches())
    links_.whisper_to(to, batch);
}

/// What was news to us may be news to our other neighbours, of both kinds. Among meshdict nodes it spreads like a rumour
/// and dies where it is known. A neighbour with which we have a session, or are about to, hears of it there; and one that takes
/// less than we would send gets what it lacks in a session, at its own pace.
void Sessions::pass_on(const Connection& from, const std::vector<RecordEntry>& entries) {
  const MonoTime now = clock_.monotonic();
  std::vector<Connection*> others;
  for (const auto& [peer, pair] : links_.pairs()) {
    if (from.peer == peer) continue;
    if (!pair.is_meshdict) {
      for (const RecordEntry& entry : entries)
        links_.owe(*pair.primary, entry.key, HasKey::kPerhaps);
      continue;
    }
    Comparison& comparison = comparison_of(*pair.primary);
    if (comparison.due) continue;
    if (comparison.under_way(now)) {
      comparison.skipped_news = true;
    } else if (transport_.queued(pair.primary->id) > limits::kBulkLowWater) {
      compare(*pair.primary);
    } else {
      others.push_back(pair.primary);
    }
  }
  if (others.empty()) return;
  stats_.records_passed_on += others.size() * entries.size();
  RecordBatches news;
  for (const RecordEntry& entry : entries)
    news.add(entry);
  for (const Records& batch : news.batches())
    links_.whisper_to(others, batch);
}

bool Sessions::is_busy(ConnId link) const {
  const auto found = of_links_.find(link);
  return found != of_links_.end() && found->second.comparison && found->second.comparison->reconciler.busy();
}

void Sessions::step(Connection& link, MonoTime now) {
  Comparison* const comparison = find_comparison(link.id);
  if (comparison == nullptr) return;
  Reconciler& reconciler = comparison->reconciler;
  RecordBatches found;
  const auto add = [&](const ReconcileSet::Entry& item) {
    found.add(dictionary_.entry(item.handle));
    return !found.full() && found.batches().size() == 1;
  };
  auto out = reconciler.work(limits::kSyncBudget, add);
  const auto send = [&](const Message& message) {
    Connection* const to[] = {&link};
    links_.whisper_to(to, message);
    comparison->progress = now;
  };
  stats_.bulk_records_sent += found.size();
  for (const Records& batch : found.batches())
    send(batch);
  if (out && out->is_question) {
    const bool closing = out->message.closing;
    send(SyncQuestion{.ranges = std::move(out->message)});
    if (closing) end(link, comparison->ours);
  } else if (out) {
    send(SyncAnswer{.ranges = std::move(out->message)});
  }
  const bool over = reconciler.asked() != Reconciler::Asked::kUnderWay;
  if (reconciler.busy() || (over && !due_.empty())) alarm_.set(now);
}

void Sessions::sanity_check() const {
  for (const auto& [id, of_link] : of_links_) {
    const Connection* const conn = links_.find(id);
    assert(conn != nullptr && conn->established());
    const bool due = of_link.comparison && of_link.comparison->due;
    assert(std::ranges::count(due_, id) == (due ? 1 : 0));
  }
}

}  // namespace meshdict
