// The dictionary: local writes, stores from others, comparing.

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/base/base58.h"
#include "core/base/sha256.h"
#include "core/encoding/value.h"
#include "core/engine/parts.h"
#include "core/limits.h"
#include "core/links/compressed_once.h"
#include "core/messages/record_batches.h"

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

/// The one way to broadcast a store: its owner is the sender, and so it takes nothing but records of ours. `had`: whether py2p
/// nodes have the key, before this store.
void Engine::Parts::publish(const OwnRecord& record, HasKey had) {
  const PacedStore store{.key = record.key(), .deletes = deletes_at_py2p(record.value()), .has = had};
  broadcast_message(StoreSet{.key = record.key(), .value = record.value(), .version = record.version()}, &store);
}

void Engine::Parts::handle_store(const Envelope& envelope, const StoreSet& store) {
  const auto merged =
      store.version
          ? dictionary_.merge(store.key, store.value, complete(*store.version, envelope.sender, store.value))
          : dictionary_.merge_py2p(store.key, store.value, envelope.sender, envelope.time, Dictionary::Plain::kSaid);
  if (merged == Dictionary::Merged::kNoRoom) ++stats_.records_without_room;
}

Connection::Sync& Engine::Parts::sync_of(Connection& conn) {
  if (!conn.sync) conn.sync.emplace(dictionary_.items());
  return *conn.sync;
}

/// Wants a session with this neighbour; begin_session() begins it in its turn.
void Engine::Parts::compare(Connection& conn) {
  Connection::Sync& sync = sync_of(conn);
  if (sync.due) return;
  sync.due = true;
  due_.push_back(conn.id);
  alarm_.set(clock_.monotonic());
}

/// Sessions of ours go one after the other, unless one has come to a halt. Rationale: a node that joins by four links
/// would get everything four times. Those of others are answered meanwhile: nodes that waited for each other in a circle
/// would all be stuck.
void Engine::Parts::begin_session(MonoTime now) {
  if (due_.empty()) return;
  for (const auto& [id, conn] : links_.connections()) {
    if (!conn->sync || conn->sync->reconciler.asked() != Reconciler::Asked::kUnderWay) continue;
    const MonoTime turn_ends = conn->sync->progress + limits::kSyncTurn;
    if (now < turn_ends) return alarm_.set(turn_ends);
  }
  for (auto next = due_.begin(); next != due_.end();) {
    Connection* const conn = links_.find(*next);
    if (conn == nullptr || !conn->sync) {  // closed, or retired
      next = due_.erase(next);
      continue;
    }
    Connection::Sync& sync = *conn->sync;
    if (sync.under_way(now)) {
      alarm_.set(sync.progress + limits::kSyncPatience);
    } else if (transport_.queued(conn->id) <= limits::kBulkLowWater) {  // else on_drained() wakes us
      due_.erase(next);
      ++stats_.comparisons;
      sync.due = false;
      sync.skipped_news = false;
      sync.progress = now;
      sync.ours = new_session(SessionId{sync_random_.next()});
      sync.reconciler.ask(sync.ours.id);
      return;
    }
    ++next;
  }
}

void Engine::Parts::compare_with_somebody(MonoTime now) {
  next_compare_ = now + limits::kCompareEvery / 2 + Duration(leisure_.between(0, limits::kCompareEvery.count()));
  std::vector<Connection*> candidates;
  for (const auto& [peer, pair] : links_.pairs()) {
    if (!pair.is_meshdict || !pair.primary->comparable) continue;
    const Connection::Sync& sync = sync_of(*pair.primary);
    if (!sync.due && !sync.under_way(now)) candidates.push_back(pair.primary);
  }
  if (candidates.empty()) return;
  compare(*candidates[static_cast<std::size_t>(leisure_.below(candidates.size()))]);
}

void Engine::Parts::handle_question(Connection& conn, const SyncQuestion& question) {
  if (!conn.established()) return;
  Connection::Sync& sync = sync_of(conn);
  if (const auto taken = sync.reconciler.take_question(question.ranges); !taken) {
    links_.close(conn, EndReason::kProtocolError, taken.error().what);
    return;
  }
  sync.progress = clock_.monotonic();
  const bool first = !sync.peer_asks || question.ranges.session != sync.theirs.id;
  const bool closed = question.ranges.closing && !first;
  sync.peer_asks = !question.ranges.closing;
  if (closed) {
    end_session(conn, sync.theirs);
  } else if (first) {
    sync.theirs = new_session(question.ranges.session);
  }
  alarm_.set(sync.progress);
}

void Engine::Parts::handle_answer(Connection& conn, const SyncAnswer& answer) {
  if (!conn.established() || !conn.sync) return;
  if (const auto taken = conn.sync->reconciler.take_answer(answer.ranges); !taken) {
    links_.close(conn, EndReason::kProtocolError, taken.error().what);
    return;
  }
  conn.sync->progress = clock_.monotonic();
  alarm_.set(conn.sync->progress);
}

Connection::Session Engine::Parts::new_session(SessionId id) const {
  return {.id = id, .without_room = stats_.records_without_room};
}

/// A session with this neighbour is complete: all that either lacked at its beginning is known to both.
void Engine::Parts::end_session(Connection& conn, const Connection::Session& session) {
  // What was turned away for want of room is not known here: nothing follows from such a session.
  if (session.without_room != stats_.records_without_room) return;
  dictionary_.set_contact(true);
  if (conn.sync->skipped_news) compare(conn);
}

void Engine::Parts::handle_presence(Connection& conn) {
  if (!conn.established()) return;
  // Of a link's two ends, the dialer asks.
  if (!std::exchange(conn.comparable, true) && conn.dialed_by_us) compare(conn);
}

void Engine::Parts::send_floors(Connection& conn) {
  const Dictionary::Floors& floors = dictionary_.floors();
  if (std::ranges::all_of(floors, [](std::uint64_t epoch) { return epoch == 0; })) return;
  links_.whisper(conn, EpochFloors{.epochs = {floors.begin(), floors.end()}});
}

void Engine::Parts::handle_floors(const EpochFloors& floors) {
  Dictionary::Floors taken{};
  std::ranges::copy_n(floors.epochs.begin(), static_cast<std::ptrdiff_t>(std::min(floors.epochs.size(), taken.size())),
                      taken.begin());
  dictionary_.merge_floors(taken);
}

/// REQUIRES: the version is complete.
Engine::Parts::Taken Engine::Parts::take_record(const Connection& conn, const RecordEntry& entry) {
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
    observer_.on_event(Returned{.key = std::string(entry.key), .from = conn.peer});
  }
  return Taken::kNews;
}

void Engine::Parts::handle_records(Connection& conn, const Records& records) {
  std::vector<RecordEntry> news;
  std::vector<RecordEntry> outlived;
  for (RecordEntry entry : records.entries) {
    entry.version.value_hash = sha256(entry.value);
    const Taken taken = take_record(conn, entry);
    if (taken == Taken::kHidden) ++conn.hidden;
    if (taken == Taken::kNews) {
      news.push_back(entry);
    } else if (dictionary_.old_deletion_above(entry.key, entry.version)) {
      outlived.push_back(entry);
    }
  }
  if (conn.sync) conn.sync->progress = clock_.monotonic();
  if (!news.empty()) forward_records(&conn, news);
  if (!outlived.empty()) tell_old_deletions(conn, outlived);
}

/// The neighbour has sent what was deleted so long ago that the deletion is compared no more: D3 in dictionary.h. What
/// does not fit now it learns in the next session.
void Engine::Parts::tell_old_deletions(Connection& conn, const std::vector<RecordEntry>& outlived) {
  if (transport_.queued(conn.id) > limits::kBulkLowWater) return;
  RecordBatches found;
  for (const RecordEntry& entry : outlived) {
    if (const auto deletion = dictionary_.old_deletion_above(entry.key, entry.version)) found.add(*deletion);
  }
  stats_.old_deletions_told += found.size();
  Connection* const to[] = {&conn};
  for (const Records& batch : found.batches())
    send_records(to, batch);
}

/// What was news to us may be news to our other neighbours, of both kinds. Among meshdict nodes it spreads like a rumour
/// and dies where it is known. A neighbour with whom we compare, or are about to, hears of it there; and one that takes
/// less than we would send gets what it lacks in a session, at its own pace.
void Engine::Parts::forward_records(const Connection* from, const std::vector<RecordEntry>& entries) {
  const MonoTime now = clock_.monotonic();
  std::vector<Connection*> others;
  for (const auto& [peer, pair] : links_.pairs()) {
    if (from != nullptr && from->peer == peer) continue;
    if (!pair.is_meshdict) {
      for (const RecordEntry& entry : entries)
        links_.owe(*pair.primary, entry.key, HasKey::kPerhaps);
      continue;
    }
    Connection::Sync& sync = sync_of(*pair.primary);
    if (sync.due) continue;
    if (sync.under_way(now)) {
      sync.skipped_news = true;
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
    send_records(others, batch);
}

void Engine::Parts::send_records(std::span<Connection* const> to, const Records& batch) {
  const auto frame = originator_.whisper(batch);
  if (!frame) {  // cannot be: record_batches.cpp has the proof
    ++stats_.too_large;
    return;
  }
  CompressedOnce once(*frame);
  for (Connection* const conn : to)
    links_.send(*conn, once.for_peer(*conn));
}

/// Of all sessions one goes on for a step, the next one in the next turn of the loop.
void Engine::Parts::continue_transfers(MonoTime now) {
  begin_session(now);
  Connection* first = nullptr;
  Connection* next = nullptr;
  std::size_t ready = 0;
  for (const auto& [id, conn] : links_.connections()) {
    if (!conn->established()) continue;
    const bool busy = (conn->sync && conn->sync->reconciler.busy()) || !conn->to_confirm.empty();
    if (!busy || transport_.queued(id) > limits::kBulkLowWater) continue;  // on_drained() wakes us
    ++ready;
    if (first == nullptr) first = conn.get();
    if (next == nullptr && id > last_served_) next = conn.get();
  }
  if (ready == 0) return;
  if (next == nullptr) next = first;
  last_served_ = next->id;
  continue_confirmations(*next);
  if (next->sync) continue_sync(*next, now);
  if (ready > 1) alarm_.set(now);
}

/// One step: a batch of records, or two if the last record did not fit the first, and then the message that they were found
/// for, if that is done.
void Engine::Parts::continue_sync(Connection& conn, MonoTime now) {
  Reconciler& reconciler = conn.sync->reconciler;
  RecordBatches found;
  const auto add = [&](const ReconcileSet::Entry& item) {
    found.add(dictionary_.entry(item.handle));
    return !found.full() && found.batches().size() == 1;
  };
  auto out = reconciler.work(limits::kSyncBudget, add);
  const auto send = [&](const Message& message) {
    if (const auto frame = originator_.whisper(message)) {
      links_.send(conn, CompressedOnce(*frame).for_peer(conn));
    } else {
      ++stats_.too_large;
    }
    conn.sync->progress = now;
  };
  stats_.bulk_records_sent += found.size();
  for (const Records& batch : found.batches())
    send(batch);
  if (out && out->is_question) {
    const bool closing = out->message.closing;
    send(SyncQuestion{.ranges = std::move(out->message)});
    if (closing) end_session(conn, conn.sync->ours);
  } else if (out) {
    send(SyncAnswer{.ranges = std::move(out->message)});
  }
  const bool over = reconciler.asked() != Reconciler::Asked::kUnderWay;
  if (reconciler.busy() || (over && !due_.empty())) alarm_.set(now);
}

}  // namespace meshdict
