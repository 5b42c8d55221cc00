#include "core/engine/searches.h"

#include <cassert>
#include <utility>

#include "core/limits.h"

namespace meshdict {

Searches::Searches(const Surroundings& surroundings)
    : links_(surroundings.links),
      overlay_(surroundings.overlay),
      broadcasts_(surroundings.broadcasts),
      clock_(surroundings.clock),
      observer_(surroundings.observer) {}

bool Searches::has_room_for(const NodeId& wanted) const {
  const auto found = searches_.find(wanted);
  return found == searches_.end() ? searches_.size() < limits::kMaxDeferred
                                  : found->second.whispers.size() < limits::kMaxDeferredOfOne;
}

std::optional<MonoTime> Searches::hold(const NodeId& wanted, const Frame& whisper) {
  assert(has_room_for(wanted));
  const auto [found, fresh] = searches_.try_emplace(wanted);
  Search& search = found->second;
  search.whispers.push_back(whisper);
  if (!fresh) return std::nullopt;
  search.expires = clock_.monotonic() + limits::kDeferredLifetime;
  search.wish = overlay_.wish_for(wanted);
  broadcasts_.say(Request{.request_id = whisper.id.view(), .wanted = wanted});
  return search.expires;
}

void Searches::on_pair_up(Pair& pair) {
  const auto found = searches_.find(pair.peer);
  if (found == searches_.end()) return;
  for (const Frame& whisper : found->second.whispers)
    if (!links_.offer(*pair.primary, whisper)) {
      observer_.on_event(Undeliverable{.receiver = pair.peer, .id = whisper.id});
    }
  searches_.erase(found);
}

void Searches::take_response(const Connection& from, const Response& response) {
  const auto search = searches_.find(response.found.id);
  if (search == searches_.end()) return;
  overlay_.found(response.found.id, response.found.address, from.peer, search->second.wish);
}

void Searches::answer(const Request& request) {
  PeerEntry found{.address = links_.settings().address, .id = request.wanted};
  if (request.wanted != links_.self()) {
    const Pair* const pair = links_.pair(request.wanted);
    if (pair == nullptr || pair->is_meshdict) return;
    found.address = pair->primary->peer_address;
  }
  if (found.address.host.empty()) return;
  broadcasts_.say(Response{.request_id = request.request_id, .found = std::move(found)});
}

void Searches::expire(MonoTime now) {
  for (auto search = searches_.begin(); search != searches_.end();) {
    if (search->second.expires > now) {
      ++search;
      continue;
    }
    for (const Frame& whisper : search->second.whispers) {
      observer_.on_event(Undeliverable{.receiver = search->first, .id = whisper.id});
    }
    search = searches_.erase(search);
  }
}

void Searches::sanity_check() const {
  assert(searches_.size() <= limits::kMaxDeferred);
  for (const auto& [wanted, search] : searches_) {
    assert(!search.whispers.empty() && search.whispers.size() <= limits::kMaxDeferredOfOne);
    assert(!links_.linked_to(wanted));
  }
}

}  // namespace meshdict
