// The dictionary: local writes, stores from others, comparing and handing over.

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/base58.h"
#include "core/engine_impl.h"
#include "core/limits.h"
#include "core/sha256.h"
#include "core/value.h"

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

/// A little above what an entry takes in a batch.
std::size_t encoded_size(const RecordEntry& entry) {
  return entry.key.size() + entry.value.size() + 160;
}

}  // namespace

void Engine::Impl::publish(std::string_view key, RawView value, const StoreVersion& version) {
  broadcast_message(StoreSet{.key = key, .value = value, .version = version});
}

void Engine::Impl::publish_reissued() {
  for (const std::string& key : dictionary_->take_reissued()) {
    const auto record = dictionary_->records().find(key);
    assert(record != dictionary_->records().end());
    publish(key, record->second.value, store_version(record->second.version));
  }
}

std::expected<void, WriteError> Engine::Impl::set(std::string_view key, RawView value) {
  const auto version = dictionary_->set(key, value);
  if (!version) return std::unexpected(version.error());
  publish(key, value, *version);
  return {};
}

std::expected<void, WriteError> Engine::Impl::erase(std::string_view key) {
  const auto version = dictionary_->erase(key);
  if (!version) return std::unexpected(version.error());
  publish(key, bytes_value(""), *version);
  return {};
}

std::expected<std::size_t, Engine::BatchError> Engine::Impl::write(std::span<const WriteOp> ops) {
  for (std::size_t i = 0; i < ops.size(); ++i) {
    if (!ops[i].value && dictionary_->find(ops[i].key) == nullptr) continue;
    if (auto admitted = dictionary_->admit(ops[i].key); !admitted) {
      return std::unexpected(BatchError{.index = i, .error = std::move(admitted.error())});
    }
    if (!ops[i].value) continue;
    if (auto good = check_value(*ops[i].value); !good) {
      return std::unexpected(BatchError{.index = i, .error = BadValue{std::move(good.error())}});
    }
  }
  std::size_t written = 0;
  for (const WriteOp& op : ops) {
    if (op.value ? set(op.key, *op.value).has_value() : erase(op.key).has_value()) ++written;
  }
  return written;
}

void Engine::Impl::handle_store(const Envelope& envelope, const StoreSet& store) {
  if (store.version) {
    dictionary_->merge(store.key, store.value, complete(*store.version, envelope.sender, store.value));
  } else {
    dictionary_->merge_py2p(store.key, store.value, envelope.sender, envelope.time);
  }
}

void Engine::Impl::handle_stored_entry(const StoredEntry& entry) {
  const auto merged =
      dictionary_->merge_py2p(entry.key, entry.value, entry.owner, static_cast<std::int64_t>(entry.timestamp));
  if (merged != Dictionary::Merged::kWon) return;
  if (const Record* const record = dictionary_->find(entry.key)) {
    forward_records(nullptr, {{.key = entry.key, .value = entry.value, .version = record->version}});
  }
}

Connection::Sync& Engine::Impl::sync_of(Connection& conn) {
  if (!conn.sync) conn.sync.emplace(dictionary_->items());
  return *conn.sync;
}

/// Begins a session, unless one of ours is under way.
void Engine::Impl::compare(Connection& conn) {
  Connection::Sync& sync = sync_of(conn);
  const MonoTime now = clock_.monotonic();
  const bool under_way = sync.reconciler.asked() == Reconciler::Asked::kUnderWay;
  if (under_way && now - sync.progress < limits::kSyncPatience) return;
  ++stats_.comparisons;
  sync.progress = now;
  sync.skipped_news = false;
  sync.reconciler.ask(sync_random_.next());
  wake_at(now);
}

void Engine::Impl::compare_with_somebody(MonoTime now) {
  next_compare_ = now + limits::kCompareEvery / 2 + Duration(overlay_random_.between(0, limits::kCompareEvery.count()));
  std::vector<Connection*> candidates;
  for (const auto& [peer, pair] : links_->pairs()) {
    if (pair.is_meshdict) candidates.push_back(pair.primary);
  }
  if (candidates.empty()) return;
  compare(*candidates[static_cast<std::size_t>(overlay_random_.below(candidates.size()))]);
}

void Engine::Impl::handle_question(Connection& conn, const SyncQuestion& question) {
  if (!conn.established()) return;
  Connection::Sync& sync = sync_of(conn);
  if (const auto taken = sync.reconciler.take_question(question.ranges); !taken) {
    links_->close(conn, EndReason::kProtocolError, taken.error().what);
    return;
  }
  sync.progress = clock_.monotonic();
  sync.peer_asks = !question.ranges.closing;
  if (sync.peer_asks) {
    wake_at(sync.progress);
  } else {
    end_session(conn);
  }
}

void Engine::Impl::handle_answer(Connection& conn, const SyncAnswer& answer) {
  if (!conn.established() || !conn.sync) return;
  if (const auto taken = conn.sync->reconciler.take_answer(answer.ranges); !taken) {
    links_->close(conn, EndReason::kProtocolError, taken.error().what);
    return;
  }
  conn.sync->progress = clock_.monotonic();
  wake_at(conn.sync->progress);
}

/// One of the two sessions with this neighbour is complete: all that either lacked is known to both.
void Engine::Impl::end_session(Connection& conn) {
  dictionary_->set_contact(true);
  if (conn.sync->skipped_news && !conn.sync->peer_asks) compare(conn);
}

void Engine::Impl::send_floors(Connection& conn) {
  const Dictionary::Floors& floors = dictionary_->floors();
  if (std::ranges::all_of(floors, [](std::uint64_t epoch) { return epoch == 0; })) return;
  links_->whisper(conn, EpochFloors{.epochs = {floors.begin(), floors.end()}});
}

void Engine::Impl::handle_floors(const EpochFloors& floors) {
  Dictionary::Floors taken{};
  std::ranges::copy_n(floors.epochs.begin(), static_cast<std::ptrdiff_t>(std::min(floors.epochs.size(), taken.size())),
                      taken.begin());
  dictionary_->merge_floors(taken);
}

void Engine::Impl::handle_records(Connection& conn, const Records& records) {
  std::vector<RecordEntry> news;
  for (const RecordEntry& entry : records.entries) {
    Version version = entry.version;
    version.value_hash = sha256(entry.value);
    if (dictionary_->merge(entry.key, entry.value, version) == Dictionary::Merged::kWon) news.push_back(entry);
  }
  if (conn.sync) conn.sync->progress = clock_.monotonic();
  if (!news.empty()) forward_records(&conn, news);
}

/// What was news to us may be news to our other neighbours: it spreads like a rumour and dies where it is known. A
/// neighbour with whom a session is under way hears of it there, or in the session that follows.
void Engine::Impl::forward_records(const Connection* from, const std::vector<RecordEntry>& entries) {
  const MonoTime now = clock_.monotonic();
  std::vector<Connection*> others;
  for (const auto& [peer, pair] : links_->pairs()) {
    if (!pair.is_meshdict || (from != nullptr && from->peer == peer)) continue;
    Connection::Sync& sync = sync_of(*pair.primary);
    const bool asking = sync.reconciler.asked() == Reconciler::Asked::kUnderWay || sync.peer_asks;
    if (asking && now - sync.progress < limits::kSyncPatience) {
      sync.skipped_news = true;
    } else {
      others.push_back(pair.primary);
    }
  }
  if (others.empty()) return;
  Frame frame = originator_->whisper(Records{.entries = entries});
  for (Connection* const other : others) {
    links_->send(*other, other->compression ? compress_frame(frame, *other->compression) : frame);
  }
}

void Engine::Impl::continue_transfers(MonoTime now) {
  std::vector<Connection*> busy;
  for (const auto& entry : links_->connections()) {
    Connection& conn = *entry.second;
    if (conn.established() && (conn.handover || (conn.sync && conn.sync->reconciler.busy()))) {
      busy.push_back(&conn);
    }
  }
  for (Connection* const conn : busy) {
    if (conn->handover) {
      continue_handover(*conn, now);
    } else if (transport_.queued(conn->id) <= limits::kBulkLowWater) {  // else on_drained() wakes us
      continue_sync(*conn, now);
    }
  }
}

/// One turn: at most one batch of records, and then the message that they were found for, if that is done.
void Engine::Impl::continue_sync(Connection& conn, MonoTime now) {
  Reconciler& reconciler = conn.sync->reconciler;
  Records batch;
  std::size_t bytes = 0;
  const auto add = [&](const ReconcileSet::Entry& item) {
    batch.entries.push_back(dictionary_->entry(item.handle));
    bytes += encoded_size(batch.entries.back());
    return batch.entries.size() < limits::kBatchRecords && bytes < limits::kBatchBytes;
  };
  auto out = reconciler.work(limits::kSyncBudget, add);
  const auto send = [&](const Message& message) {
    const Frame frame = originator_->whisper(message);
    links_->send(conn, conn.compression ? compress_frame(frame, *conn.compression) : frame);
  };
  if (!batch.entries.empty()) {
    stats_.bulk_records_sent += batch.entries.size();
    send(batch);
  }
  if (out && out->is_question) {
    const bool closing = out->message.closing;
    send(SyncQuestion{.ranges = std::move(out->message)});
    if (closing) end_session(conn);
  } else if (out) {
    send(SyncAnswer{.ranges = std::move(out->message)});
  }
  if (reconciler.busy()) wake_at(now);
}

void Engine::Impl::start_handover(Connection& conn) {
  conn.handover.emplace();
  wake_at(clock_.monotonic());
}

/// One record at a time, and none before the one before has left: py2p breaks otherwise.
void Engine::Impl::continue_handover(Connection& conn, MonoTime now) {
  const auto wait = [&] { wake_at(std::max(now + 1ms, conn.pacer->next)); };
  if (!conn.pacer->waiting.empty()) return wait();
  const auto& records = dictionary_->records();
  auto next = conn.handover->last_key ? records.upper_bound(*conn.handover->last_key) : records.begin();
  while (next != records.end() && !is_visible(next->second.version))
    ++next;
  if (next == records.end()) {
    conn.handover.reset();
    return;
  }
  conn.handover->last_key = next->first;
  ++stats_.bulk_records_sent;
  const Version& version = next->second.version;
  links_->whisper(conn, StoredEntry{.key = next->first,
                                    .value = next->second.value,
                                    .owner = version.owner,
                                    .timestamp = static_cast<std::uint64_t>(version.written.unix_ms() / 1'000)});
  wait();
}

}  // namespace meshdict
