// Which nodes to dial, and when.
//
// 1. A node keeps dialling until it has min(limits::kOutgoingTarget, known) outgoing connections; nodes that are
//    neighbours already, whoever dialled, are left alone.
// 2. Now and then it dials one stranger more. When that leaves it with more than the target, the oldest such extra link
//    is given up: it was never counted on. So the degree stays bounded and halves that forgot each other meet again.

#include <algorithm>

#include "core/engine_impl.h"
#include "core/limits.h"

namespace meshdict {

std::size_t Engine::Impl::outgoing_count() const {
  return static_cast<std::size_t>(std::ranges::count_if(links_->connections(), [](const auto& entry) {
    const Connection& conn = *entry.second;
    return conn.dialed_by_us && !conn.extra && conn.state != ConnState::kRetired;
  }));
}

AddressBook::Wanted Engine::Impl::stranger_filter() const {
  return [this](const Endpoint& address, const AddressBook::Entry& entry) {
    if (address == config_.advertise || (!entry.id.empty() && entry.id == self_)) return false;
    if (!entry.id.empty() && links_->linked_to(entry.id)) return false;
    return std::ranges::none_of(links_->connections(), [&](const auto& known) {
      const Connection& conn = *known.second;
      return (conn.dialed_by_us && conn.remote == address) || (!entry.id.empty() && conn.peer == entry.id);
    });
  };
}

void Engine::Impl::dial_where_needed() {
  next_dial_ = MonoTime::max();
  std::size_t outgoing = outgoing_count();
  if (outgoing >= limits::kOutgoingTarget || links_->pairs().size() >= limits::kMaxNeighbours) return;
  const auto wanted = stranger_filter();
  while (outgoing < limits::kOutgoingTarget) {
    const auto address = book_.pick(links_->pairs().empty(), wanted);
    if (!address) break;
    ++stats_.dials;
    ++outgoing;
    links_->dial(*address, false);
  }
  if (outgoing < limits::kOutgoingTarget) next_dial_ = book_.next_try(wanted).value_or(MonoTime::max());
}

void Engine::Impl::dial_a_stranger(MonoTime now) {
  drop_an_extra_link();
  bool dialed = false;
  if (outgoing_count() >= limits::kOutgoingTarget && links_->pairs().size() < limits::kMaxNeighbours) {
    if (const auto address = book_.pick(false, stranger_filter())) {
      dialed = true;
      ++stats_.dials;
      links_->dial(*address, true);
    }
  }
  // Failed tries and lost neighbours make the pause short again (on_pair_down).
  if (dialed) stranger_pause_ = std::min(limits::kStrangerPauseCap, stranger_pause_ * 2);
  next_stranger_ = now + stranger_pause_ / 2 + Duration(overlay_random_.between(0, stranger_pause_.count()));
}

void Engine::Impl::drop_an_extra_link() {
  for (const auto& entry : links_->connections()) {
    const Connection& conn = *entry.second;
    if (!conn.extra || !conn.established() || links_->pair(conn.peer)->links.size() > 1) continue;
    links_->part(NodeId(conn.peer), limits::kByeEnough, EndReason::kEnough);
    return;
  }
}

void Engine::Impl::connect(const Endpoint& to) {
  dial_now(to, false);
  finish_input();
}

void Engine::Impl::dial_now(const Endpoint& to, bool extra) {
  book_.add(to, NodeId(), false);
  const bool dialing = std::ranges::any_of(links_->connections(), [&](const auto& entry) {
    return entry.second->dialed_by_us && entry.second->remote == to;
  });
  if (dialing) return;
  ++stats_.dials;
  links_->dial(to, extra);
}

bool Engine::Impl::disconnect(const NodeId& peer) {
  if (!links_->linked_to(peer)) return false;
  links_->part(peer, limits::kByeUnwanted, EndReason::kLocal);
  finish_input();
  return true;
}

}  // namespace meshdict
