// Which neighbours have what we wrote: for a writer that waits until others have it too.
//
// A neighbour is sent the records once more and then a ping. It takes both in order, and answers after the commit of what
// it took: its pong says that it has the records, or others that beat them, and how many of them it does not show. Rationale:
// that the writes have been sent is no proof, since a link may have ended meanwhile; and a session of comparing, which is
// one, goes through all differences first. The records go in batches, and only while little else is queued: nobody is slow
// because we send much at once.
//
// Who does not show all of them, since its clock says that they are of the future, has confirmed nothing: its clients do
// not see them, and may take the keys. It is asked again. An older member does not say; it counts unless its clock is
// known to be beyond the skew. A pong to another ping between the batches may have told of some of them: that counts too.

#include <algorithm>

#include "core/engine/parts.h"
#include "core/limits.h"
#include "core/messages/record_batches.h"

namespace meshdict {

std::optional<ConfirmationToken> Engine::Parts::confirm(std::vector<std::string> keys) {
  if (confirmations_.size() >= limits::kMaxConfirmations) return std::nullopt;
  const ConfirmationToken token{next_confirmation_++};
  Confirmation& asked = confirmations_[token];
  asked.keys = std::move(keys);
  for (const auto& [peer, pair] : links_.pairs()) {
    if (pair.is_meshdict) ask_to_confirm(*pair.primary, token);
  }
  return token;
}

void Engine::Parts::ask_to_confirm(Connection& link, ConfirmationToken token) {
  const bool waits = std::ranges::any_of(link.to_confirm, [&](const auto& turn) { return turn.token == token; });
  if (waits) return;
  link.to_confirm.push_back({.token = token});
  continue_confirmations(link);
}

/// Piece by piece, like every transfer: a writer may wait for more than a queue holds.
void Engine::Parts::continue_confirmations(Connection& link) {
  std::size_t bytes = 0;
  while (!link.to_confirm.empty() && bytes <= limits::kBulkLowWater) {
    if (transport_.queued(link.id) > limits::kBulkLowWater) return;  // on_drained() wakes us
    Connection::ToConfirm& turn = link.to_confirm.front();
    const auto found = confirmations_.find(turn.token);
    if (found == confirmations_.end() || found->second.confirmed.contains(link.peer)) {
      link.to_confirm.pop_front();
      continue;
    }
    bytes += send_batch_to_confirm(link, turn, found->second);
    if (turn.next < found->second.keys.size()) continue;
    links_.whisper(link, Ping{.nonce = nonce_of(turn.token)});
    link.to_confirm.pop_front();
  }
  if (!link.to_confirm.empty()) alarm_.set(clock_.monotonic());
}

/// The bytes that it has sent, about.
std::size_t Engine::Parts::send_batch_to_confirm(Connection& link, Connection::ToConfirm& turn,
                                                 const Confirmation& asked) {
  RecordBatches found;
  std::size_t bytes = 0;
  while (turn.next < asked.keys.size() && !found.full() && found.batches().size() <= 1) {
    const std::string& key = asked.keys[turn.next++];
    const auto record = dictionary_.records().find(key);
    if (record == dictionary_.records().end()) continue;  // deleted, and collected since
    const RecordEntry entry{.key = key, .value = record->second.value, .version = record->second.version};
    found.add(entry);
    bytes += encoded_bound(entry);
  }
  Connection* const to[] = {&link};
  for (const Records& batch : found.batches())
    send_records(to, batch);
  return bytes;
}

void Engine::Parts::ask_for_open_confirmations(Connection& link) {
  for (const auto& [token, asked] : confirmations_) {
    if (!asked.confirmed.contains(link.peer)) ask_to_confirm(link, token);
  }
}

void Engine::Parts::ask_again_to_confirm(MonoTime now) {
  next_confirm_again_ = MonoTime::max();
  for (auto& [token, asked] : confirmations_) {
    for (const NodeId& peer : asked.hidden) {
      if (Pair* const pair = links_.pair(peer)) ask_to_confirm(*pair->primary, token);
    }
    if (!asked.hidden.empty()) next_confirm_again_ = now + limits::kConfirmAgain;
  }
}

void Engine::Parts::on_pong(const Connection& link, const Pong& pong) {
  const auto found = confirmations_.find(token_of(pong.nonce));
  if (found == confirmations_.end()) {
    if (pong.hidden == 0) return;
    for (auto& [token, asked] : confirmations_)
      asked.hidden_between.insert(link.peer);
    return;
  }
  Confirmation& asked = found->second;
  const bool hidden = asked.hidden_between.erase(link.peer) > 0 || pong.hidden > 0;
  const MonoTime now = clock_.monotonic();
  const bool tells = pong.clock_ms != 0;
  const bool shows = tells ? !hidden : !is_beyond(clocks_.of(link.peer, now, clock_.wall()).standing);
  if (!shows) {
    asked.hidden.insert(link.peer);
    next_confirm_again_ = std::min(next_confirm_again_, now + limits::kConfirmAgain);
    return;
  }
  asked.hidden.erase(link.peer);
  if (asked.confirmed.insert(link.peer).second) observer_.on_event(Confirmed{.token = found->first, .peer = link.peer});
}

}  // namespace meshdict
