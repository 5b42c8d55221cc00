// The dictionary: local writes, stores from others, comparing and bulk transfer.

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
  dictionary_changed_ = clock_.monotonic();
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
  const auto merged =
      store.version ? dictionary_->merge(store.key, store.value, complete(*store.version, envelope.sender, store.value))
                    : dictionary_->merge_py2p(store.key, store.value, envelope.sender, envelope.time);
  if (merged == Dictionary::Merged::kWon) dictionary_changed_ = clock_.monotonic();
}

void Engine::Impl::handle_stored_entry(const StoredEntry& entry) {
  const auto merged =
      dictionary_->merge_py2p(entry.key, entry.value, entry.owner, static_cast<std::int64_t>(entry.timestamp));
  if (merged != Dictionary::Merged::kWon) return;
  dictionary_changed_ = clock_.monotonic();
  if (const Record* const record = dictionary_->find(entry.key)) {
    forward_records(nullptr, {{.key = entry.key, .value = entry.value, .version = record->version}});
  }
}

void Engine::Impl::send_summary(Connection& conn) {
  ++stats_.comparisons;
  links_->whisper(conn, dictionary_->summary());
}

/// Both ends of a link whose dictionaries differ send all that they have.
void Engine::Impl::handle_summary(Connection& conn, const Summary& summary) {
  if (summary == dictionary_->summary()) return;
  links_->whisper(conn, Want{});
  start_bulk(conn);
}

void Engine::Impl::compare_with_somebody(MonoTime now) {
  next_compare_ = now + limits::kCompareEvery / 2 + Duration(overlay_random_.between(0, limits::kCompareEvery.count()));
  // Stores on their way make two dictionaries differ for a moment; that is no reason to send everything.
  if (now - dictionary_changed_ < config_.settle) return;
  std::vector<Connection*> candidates;
  for (const auto& [peer, pair] : links_->pairs()) {
    if (pair.is_meshdict) candidates.push_back(pair.primary);
  }
  if (candidates.empty()) return;
  send_summary(*candidates[static_cast<std::size_t>(overlay_random_.below(candidates.size()))]);
}

void Engine::Impl::handle_records(Connection& conn, const Records& records) {
  std::vector<RecordEntry> news;
  for (const RecordEntry& entry : records.entries) {
    Version version = entry.version;
    version.value_hash = sha256(entry.value);
    if (dictionary_->merge(entry.key, entry.value, version) == Dictionary::Merged::kWon) news.push_back(entry);
  }
  if (news.empty()) return;
  dictionary_changed_ = clock_.monotonic();
  forward_records(&conn, news);
}

/// What was news to us may be news to our other neighbours: it spreads like a rumour and dies where it is known.
void Engine::Impl::forward_records(const Connection* from, const std::vector<RecordEntry>& entries) {
  std::vector<Connection*> others;
  for (const auto& [peer, pair] : links_->pairs()) {
    if (pair.is_meshdict && (from == nullptr || from->peer != peer)) others.push_back(pair.primary);
  }
  if (others.empty()) return;
  Frame frame = originator_->whisper(Records{.entries = entries});
  for (Connection* const other : others) {
    links_->send(*other, other->compression ? compress_frame(frame, *other->compression) : frame);
  }
}

void Engine::Impl::start_bulk(Connection& conn) {
  if (!conn.established() || conn.bulk) return;
  // What was sent over this very link need not be sent again.
  if (conn.sent_state == dictionary_->summary()) return;
  conn.sent_state = dictionary_->summary();
  conn.bulk.emplace();
  wake_at(clock_.monotonic());
}

void Engine::Impl::continue_bulks(MonoTime now) {
  std::vector<Connection*> busy;
  for (const auto& entry : links_->connections()) {
    if (entry.second->bulk && entry.second->established()) busy.push_back(entry.second.get());
  }
  for (Connection* const conn : busy) {
    if (conn->pacer != nullptr) {
      if (conn->pacer->waiting.empty()) send_one_to_py2p(*conn);
      if (conn->bulk) wake_at(std::max(now + 1ms, conn->pacer->next));
      continue;
    }
    if (transport_.queued(conn->id) > limits::kBulkLowWater) continue;  // on_drained() wakes us
    if (send_batch(*conn)) wake_at(now);
  }
}

/// One batch of a bulk transfer. True while there is more to send.
bool Engine::Impl::send_batch(Connection& conn) {
  const auto& records = dictionary_->records();
  auto next = conn.bulk->last_key ? records.upper_bound(*conn.bulk->last_key) : records.begin();
  Records batch;
  std::size_t bytes = 0;
  while (next != records.end() && batch.entries.size() < limits::kBatchRecords) {
    const RecordEntry entry{.key = next->first, .value = next->second.value, .version = next->second.version};
    if (!batch.entries.empty() && bytes + encoded_size(entry) > limits::kBatchBytes) break;
    bytes += encoded_size(entry);
    batch.entries.push_back(entry);
    ++next;
  }
  if (!batch.entries.empty()) {
    conn.bulk->last_key = std::string(batch.entries.back().key);
    stats_.bulk_records_sent += batch.entries.size();
    const Frame frame = originator_->whisper(batch);
    links_->send(conn, conn.compression ? compress_frame(frame, *conn.compression) : frame);
  }
  if (next != records.end()) return true;
  conn.bulk.reset();
  return false;
}

void Engine::Impl::send_one_to_py2p(Connection& conn) {
  const auto& records = dictionary_->records();
  auto next = conn.bulk->last_key ? records.upper_bound(*conn.bulk->last_key) : records.begin();
  while (next != records.end() && next->second.version.kind == RecordKind::kTombstone)
    ++next;
  if (next == records.end()) {
    conn.bulk.reset();
    return;
  }
  conn.bulk->last_key = next->first;
  ++stats_.bulk_records_sent;
  const Version& version = next->second.version;
  links_->whisper(conn, StoredEntry{.key = next->first,
                                    .value = next->second.value,
                                    .owner = version.owner,
                                    .timestamp = static_cast<std::uint64_t>(version.written.unix_ms() / 1'000)});
}

}  // namespace meshdict
