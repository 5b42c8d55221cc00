#include "core/engine/confirmations.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/limits.h"
#include "core/messages/record_batches.h"

namespace meshdict {

Confirmations::Confirmations(const Surroundings& surroundings, RandomStream random)
    : dictionary_(surroundings.dictionary),
      links_(surroundings.links),
      transport_(surroundings.transport),
      clock_(surroundings.clock),
      clocks_(surroundings.clocks),
      alarm_(surroundings.alarm),
      observer_(surroundings.observer),
      next_token_(random.next()) {}

std::optional<ConfirmationToken> Confirmations::begin(std::vector<std::string> keys) {
  if (open_.size() >= limits::kMaxConfirmations) return std::nullopt;
  const ConfirmationToken token{next_token_++};
  open_[token].keys = std::move(keys);
  for (const auto& [peer, pair] : links_.pairs()) {
    if (pair.is_meshdict) ask(*pair.primary, token);
  }
  return token;
}

void Confirmations::ask(Connection& link, ConfirmationToken token) {
  assert(link.established());
  std::deque<Turn>& turns = turns_[link.id];
  if (std::ranges::any_of(turns, [&](const Turn& turn) { return turn.token == token; })) return;
  turns.push_back({.token = token});
  step(link);
}

void Confirmations::step(Connection& link) {
  const auto found = turns_.find(link.id);
  if (found == turns_.end()) return;
  send_pieces(link, found->second);
  if (found->second.empty()) turns_.erase(found);
}

/// Piece by piece, like every transfer: a writer may wait for more than a queue holds.
void Confirmations::send_pieces(Connection& link, std::deque<Turn>& turns) {
  std::size_t bytes = 0;
  while (!turns.empty() && bytes <= limits::kBulkLowWater) {
    // Engine::on_drained() wakes us.
    if (transport_.queued(link.id) > limits::kBulkLowWater) return;
    Turn& turn = turns.front();
    const auto asked = open_.find(turn.token);
    if (asked == open_.end() || asked->second.confirmed.contains(link.peer)) {
      turns.pop_front();
      continue;
    }
    bytes += send_batch(link, turn, asked->second);
    if (turn.next < asked->second.keys.size()) continue;
    links_.whisper(link, Ping{.nonce = nonce_of(turn.token)});
    turns.pop_front();
  }
  if (!turns.empty()) alarm_.set(clock_.monotonic());
}

/// The bytes that it has sent, about.
std::size_t Confirmations::send_batch(Connection& link, Turn& turn, const Asked& asked) {
  RecordBatches found;
  std::size_t bytes = 0;
  while (turn.next < asked.keys.size() && !found.full() && found.batches().size() <= 1) {
    const std::string& key = asked.keys[turn.next++];
    const auto record = dictionary_.records().find(key);
    // Deleted, and collected since.
    if (record == dictionary_.records().end()) continue;
    const RecordEntry entry{.key = key, .value = record->second.value, .version = record->second.version};
    found.add(entry);
    bytes += encoded_bound(entry);
  }
  Connection* const to[] = {&link};
  for (const Records& batch : found.batches())
    links_.whisper_to(to, batch);
  return bytes;
}

void Confirmations::on_link(Connection& link) {
  for (const auto& [token, asked] : open_) {
    if (!asked.confirmed.contains(link.peer)) ask(link, token);
  }
}

void Confirmations::on_time(MonoTime now) {
  if (next_asking_ > now) return;
  next_asking_ = MonoTime::max();
  for (const auto& [token, asked] : open_) {
    for (const NodeId& peer : asked.hidden) {
      if (Pair* const pair = links_.pair(peer)) ask(*pair->primary, token);
    }
    if (!asked.hidden.empty()) next_asking_ = now + limits::kConfirmAgain;
  }
}

void Confirmations::on_pong(const Connection& link, const Pong& pong) {
  const auto found = open_.find(token_of(pong.nonce));
  if (found == open_.end()) {
    if (pong.hidden == 0) return;
    for (auto& [token, asked] : open_)
      asked.hidden_between.insert(link.peer);
    return;
  }
  Asked& asked = found->second;
  const bool hidden = asked.hidden_between.erase(link.peer) > 0 || pong.hidden > 0;
  const bool tells = pong.clock_ms != 0;
  const bool shows = tells ? !hidden : !is_beyond(clocks_.of(link.peer).standing);
  if (!shows) {
    asked.hidden.insert(link.peer);
    next_asking_ = std::min(next_asking_, clock_.monotonic() + limits::kConfirmAgain);
    return;
  }
  asked.hidden.erase(link.peer);
  if (asked.confirmed.insert(link.peer).second) observer_.on_event(Confirmed{.token = found->first, .peer = link.peer});
}

void Confirmations::sanity_check() const {
  assert(open_.size() <= limits::kMaxConfirmations);
  for (const auto& [id, turns] : turns_) {
    const Connection* const link = links_.find(id);
    assert(link != nullptr && link->established() && !turns.empty());
    std::set<ConfirmationToken> tokens;
    for (const Turn& turn : turns)
      tokens.insert(turn.token);
    assert(tokens.size() == turns.size());
  }
  for (const auto& [token, asked] : open_)
    assert(asked.hidden.empty() || next_asking_ != MonoTime::max());
}

}  // namespace meshdict
