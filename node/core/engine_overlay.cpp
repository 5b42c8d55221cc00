// Which nodes to dial, and when.
//
// 1. A node keeps dialling until it has min(limits::kOutgoingTarget, known) outgoing connections; nodes that are
//    neighbours already, whoever dialled, are left alone.
// 2. Addresses that are insisted on (address_book.h) are dialled beyond that number.
// 3. Now and then it dials one stranger more. The oldest extra link is given up for it: it was never counted on. So the
//    degree stays bounded, and halves that forgot each other meet again; where nobody is a stranger all links stay.

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
      if (conn.state == ConnState::kRetired) return false;
      return (conn.dialed_by_us && conn.remote == address) || (!entry.id.empty() && conn.peer == entry.id);
    });
  };
}

void Engine::Impl::dial_where_needed() {
  next_dial_ = MonoTime::max();
  if (links_->pairs().size() >= limits::kMaxNeighbours) return;
  std::size_t outgoing = outgoing_count();
  const auto dial_all = [&](const AddressBook::Wanted& wanted, std::size_t most) {
    while (outgoing < most) {
      const auto address = book_.pick(links_->pairs().empty(), wanted);
      if (!address) break;
      ++stats_.dials;
      links_->dial(*address, outgoing >= limits::kOutgoingTarget);
      ++outgoing;
    }
    if (outgoing < most) next_dial_ = std::min(next_dial_, book_.next_try(wanted).value_or(MonoTime::max()));
  };
  const auto wanted = stranger_filter();
  const MonoTime now = clock_.monotonic();
  dial_all([&](const Endpoint& address,
               const AddressBook::Entry& entry) { return entry.insist_until > now && wanted(address, entry); },
           limits::kMaxNeighbours);
  dial_all(wanted, limits::kOutgoingTarget);
}

void Engine::Impl::dial_a_stranger(MonoTime now) {
  bool dialed = false;
  if (outgoing_count() >= limits::kOutgoingTarget && links_->pairs().size() < limits::kMaxNeighbours) {
    if (const auto address = book_.pick(false, stranger_filter())) {
      dialed = true;
      drop_an_extra_link();
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

bool Engine::Impl::forget(const Endpoint& address) {
  const bool known = book_.entry(address) != nullptr;
  book_.forget(address);
  finish_input();
  return known;
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
