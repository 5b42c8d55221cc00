// The part of Links that sends, and bounds what waits for neighbours.
//
// 1. A queue is full when more waits than limits::kMaxQueued; or more than its share of limits::kMaxQueuedOfAll while that is
//    used up, so that those give way first that have the most. Nothing that a neighbour can do without joins a full queue; but
//    where little waits, one frame more always has room: a broadcast waits for many, and is there once.
// 2. A full queue costs no link. Only a neighbour that takes nothing of it for limits::kStallVerdict is dropped, and one that
//    goes on asking meanwhile.
// 3. The transport's queue is looked at after some bytes only: what waits may exceed a bound by limits::kBulkLowWater.

#include <algorithm>

#include "core/limits.h"
#include "core/links/compressed_once.h"
#include "core/links/links.h"

namespace meshdict {

void Links::count_sent(const Frame& frame) {
  ++frames_sent_;
  bytes_sent_ += frame.bytes->size();
}

void Links::put(Connection& conn, const Frame& frame) {
  count_sent(frame);
  conn.spoken = clock_.monotonic();
  transport_.send(conn.id, frame);
}

void Links::send(Connection& conn, const Frame& frame) {
  if (conn.closed() || conn.state == ConnState::kRetired) return;
  if (conn.pacer != nullptr) {
    offer(conn, frame);
    return;
  }
  if (!has_room(conn, frame.bytes->size()) && conn.congested) {
    if (transport_.queued(conn.id) <= limits::kBulkLowWater) {
      on_drained(conn);
    } else {
      conn.untaken_answers += frame.bytes->size();
      if (conn.untaken_answers > limits::kMaxAnswersUntaken) return overflow(conn);
    }
  }
  put(conn, frame);
}

bool Links::try_send(Connection& conn, const Frame& frame) {
  if (conn.closed() || conn.state == ConnState::kRetired) return true;
  if (conn.pacer != nullptr) return push_paced(conn, frame);
  if (!has_room(conn, frame.bytes->size())) return false;
  put(conn, frame);
  return true;
}

bool Links::offer(Connection& conn, const Frame& frame) {
  if (try_send(conn, frame)) return true;
  leave_out(conn, 1);
  return false;
}

bool Links::push_paced(Connection& conn, const Frame& frame) {
  const std::size_t bytes = frame.bytes->size();
  if (!conn.pacer->has_room(bytes) || !has_room(conn, bytes)) return false;
  const MonoTime now = clock_.monotonic();
  const bool pushed = conn.pacer->push(frame, now);
  pump(conn, now);
  return pushed;
}

void Links::send(Connection& conn, const std::expected<Frame, FrameTooLarge>& frame) {
  if (frame) {
    send(conn, *frame);
  } else {
    ++frames_too_large_;
  }
}

void Links::try_whisper(Connection& conn, const Message& message) {
  if (const auto frame = originator_.whisper(message)) {
    try_send(conn, *frame);
  } else {
    ++frames_too_large_;
  }
}

void Links::whisper_to(std::span<Connection* const> to, const Message& message) {
  const auto frame = originator_.whisper(message);
  if (!frame) {
    ++frames_too_large_;
    return;
  }
  CompressedOnce once(*frame);
  for (Connection* const conn : to)
    send(*conn, once.for_peer(*conn));
}

std::size_t Links::waiting_for(const Connection& conn) const {
  return transport_.queued(conn.id) + (conn.pacer != nullptr ? conn.pacer->bytes() : 0);
}

std::size_t Links::waiting_for_all() const {
  std::size_t bytes = 0;
  for (const auto& [id, conn] : connections_)
    bytes += waiting_for(*conn);
  return bytes;
}

std::size_t Links::share() const {
  return std::min(limits::kMaxQueued, limits::kMaxQueuedOfAll / std::max<std::size_t>(connections_.size(), 1));
}

bool Links::has_room(Connection& conn, std::size_t bytes) {
  if (conn.congested) return false;
  conn.unchecked_bytes += bytes;
  if (conn.unchecked_bytes < limits::kBulkLowWater) return true;
  conn.unchecked_bytes = 0;
  const std::size_t waiting = waiting_for(conn) + bytes;
  if (waiting <= share()) return true;
  const bool little_waits = waiting - bytes <= limits::kBulkLowWater;
  if (waiting <= limits::kMaxQueued && (little_waits || waiting_for_all() + bytes <= limits::kMaxQueuedOfAll))
    return true;
  // The next one is looked at, too.
  conn.unchecked_bytes = limits::kBulkLowWater;
  congest(conn);
  return false;
}

/// Until on_drained(), which comes only to a queue that is above limits::kBulkLowWater now.
void Links::congest(Connection& conn) {
  if (conn.congested || transport_.queued(conn.id) <= limits::kBulkLowWater) return;
  conn.congested = true;
  const MonoTime now = clock_.monotonic();
  look_at_progress(conn, now);
  conn.taking = now;
}

void Links::on_drained(Connection& conn) {
  conn.congested = false;
  conn.untaken_answers = 0;
}

bool Links::all_have_room() const {
  const std::size_t enough = share() / limits::kSourcesWaitFrom;
  return std::ranges::all_of(pairs_, [&](const auto& entry) {
    const Connection& conn = *entry.second.primary;
    const bool busy = conn.congested || (conn.pacer != nullptr && conn.pacer->is_busy());
    return !busy && waiting_for(conn) <= enough;
  });
}

void Links::leave_out(Connection& conn, std::uint64_t messages) {
  conn.left_out += messages;
  left_out_ += messages;
  const MonoTime now = clock_.monotonic();
  if (conn.told_of_left_out && now < *conn.told_of_left_out + limits::kTellLeftOutEvery) return;
  conn.told_of_left_out = now;
  host_.on_left_out(conn);
}

/// Lets on_time() close it: callers of send() may be in the middle of a walk over the pairs.
void Links::overflow(Connection& conn) {
  conn.overflowed = true;
  wake_at(clock_.monotonic());
}

void Links::send_store(Connection& conn, const Frame& frame, const PacedStore& store) {
  if (conn.closed() || conn.pacer == nullptr) return;
  const MonoTime now = clock_.monotonic();
  const bool room = has_room(conn, frame.bytes->size());
  limit_owed(conn);
  conn.pacer->push_store(frame, store, now, room ? limits::kMaxPacedBytes : 0);
  pump(conn, now);
}

void Links::owe(Connection& conn, std::string_view key, HasKey has) {
  if (conn.closed() || conn.pacer == nullptr) return;
  limit_owed(conn);
  conn.pacer->owe(key, has);
  wake_at(conn.pacer->next());
}

void Links::limit_owed(Connection& conn) const {
  conn.pacer->limit_owed(std::min(limits::kMaxOwed, limits::kMaxOwedOfAll / std::max<std::size_t>(pairs_.size(), 1)));
}

void Links::hand_over(Connection& conn) {
  if (conn.pacer == nullptr) return;
  conn.pacer->walk(MonoTime::min(), MonoTime::max());
  wake_at(conn.pacer->next());
}

void Links::pump(Connection& conn, MonoTime now) {
  Pacer& pacer = *conn.pacer;
  if (!pacer.empty() && pacer.next() <= now) {
    if (transport_.queued(conn.id) <= limits::kBulkLowWater) {
      auto frame = pacer.take(now);
      if (const std::uint64_t late = pacer.take_late()) leave_out(conn, late);
      if (!frame && pacer.owes()) frame = host_.next_owed(conn);
      if (frame) {
        count_sent(*frame);
        transport_.send(conn.id, *frame);
      }
    } else {
      congest(conn);
    }
    pacer.sent(now);
  }
  if (!pacer.empty()) wake_at(pacer.next());
}

}  // namespace meshdict
