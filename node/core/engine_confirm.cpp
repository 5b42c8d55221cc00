// Which neighbours have what we wrote: for a writer that waits until others have it too.
//
// A neighbour is sent the records once more and then a ping. It takes both in order, and answers after the commit of what
// it took: its pong says that it has the records, or others that beat them. Rationale: that the writes have been sent is
// no proof, since a link may have ended meanwhile; and a session of comparing, which is one, goes through all differences
// first.

#include <algorithm>

#include "core/engine_impl.h"
#include "core/limits.h"

namespace meshdict {

std::optional<std::uint64_t> Engine::Impl::confirm(std::vector<std::string> keys) {
  if (confirmations_.size() >= limits::kMaxConfirmations) return std::nullopt;
  const std::uint64_t token = next_confirmation_++;
  Confirmation& asked = confirmations_[token];
  asked.keys = std::move(keys);
  for (const auto& [peer, pair] : links_->pairs()) {
    if (pair.is_meshdict) ask_to_confirm(*pair.primary, token, asked);
  }
  finish_input();
  return token;
}

void Engine::Impl::end_confirmation(std::uint64_t token) {
  confirmations_.erase(token);
}

void Engine::Impl::ask_to_confirm(Connection& link, std::uint64_t token, const Confirmation& asked) {
  Records batch;
  std::size_t bytes = 0;
  const auto send = [&] {
    if (batch.entries.empty()) return;
    links_->whisper(link, batch);
    batch.entries.clear();
    bytes = 0;
  };
  for (const std::string& key : asked.keys) {
    const auto record = dictionary_->records().find(key);
    if (record == dictionary_->records().end()) continue;  // deleted, and collected since
    batch.entries.push_back({.key = key, .value = record->second.value, .version = record->second.version});
    bytes += key.size() + record->second.value.size();
    if (batch.entries.size() >= limits::kBatchRecords || bytes >= limits::kBatchBytes) send();
  }
  send();
  links_->whisper(link, Ping{.nonce = token});
}

void Engine::Impl::ask_for_open_confirmations(Connection& link) {
  for (const auto& [token, asked] : confirmations_) {
    if (!asked.confirmed.contains(link.peer)) ask_to_confirm(link, token, asked);
  }
}

void Engine::Impl::on_pong(const Connection& link, std::uint64_t nonce) {
  const auto found = confirmations_.find(nonce);
  if (found == confirmations_.end() || !found->second.confirmed.insert(link.peer).second) return;
  observer_.on_event(Confirmed{.token = nonce, .peer = link.peer});
}

}  // namespace meshdict
