// Which nodes to dial, and when.
//
// 1. A node keeps dialling until it has min(limits::kOutgoingTarget, known) outgoing connections; nodes that are
//    neighbours already, whoever dialled, are left alone.
// 2. Addresses that are insisted on (address_book.h) are dialled beyond that number.
// 3. Now and then it dials one stranger more. The oldest extra link is given up for it: it was never counted on. So the
//    degree stays bounded, and halves that forgot each other meet again; where nobody is a stranger all links stay.

#include <algorithm>

#include "core/engine/impl.h"
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
    links_->part(NodeId(conn.peer), ByeReason::kEnough);
    return;
  }
}

void Engine::Impl::connect(const Endpoint& to, const NodeId& expected) {
  // One that is dialled for a certain node is remembered once that node has answered.
  if (expected.empty()) book_.add(to, NodeId(), AddressSource::kOurselves);
  Connection& conn = dial_now(to, false);
  conn.wish = ++wishes_;
  conn.expected = expected;
  finish_input();
}

bool Engine::Impl::forget(const Endpoint& address) {
  const bool known = book_.entry(address) != nullptr;
  book_.forget(address);
  finish_input();
  return known;
}

/// Dials, unless we have already dialled there. Valid until sweep().
Connection& Engine::Impl::dial_now(const Endpoint& to, bool extra) {
  for (const auto& [id, conn] : links_->connections()) {
    if (conn->dialed_by_us && conn->remote == to) return *conn;
  }
  ++stats_.dials;
  return links_->dial(to, extra);
}

bool Engine::Impl::disconnect(const NodeId& peer) {
  const bool coming_up = std::ranges::any_of(links_->connections(), [&](const auto& entry) {
    return entry.second->peer == peer && entry.second->state != ConnState::kRetired;
  });
  if (!coming_up) return false;
  if (kept_apart_.size() >= limits::kMaxKeptApart) {
    kept_apart_.erase(std::ranges::min_element(kept_apart_, {}, [](const auto& entry) { return entry.second.wish; }));
  }
  kept_apart_[peer] = {.until = clock_.monotonic() + limits::kMutedFor, .wish = ++wishes_};
  links_->part(peer, ByeReason::kUnwanted);
  links_->refuse_pending(peer);
  finish_input();
  return true;
}

/// Until the time is over, or our user's own later wish brings it: to connect, or to whisper to that node.
bool Engine::Impl::keeps_apart(const Connection& conn) {
  const auto found = kept_apart_.find(conn.peer);
  if (found == kept_apart_.end()) return false;
  if (found->second.until > clock_.monotonic() && found->second.wish > conn.wish) return true;
  kept_apart_.erase(found);
  return false;
}

// What becomes of an address

void Engine::Impl::on_address(const Endpoint& address, const Connection& conn) {
  if (conn.dialed_by_us && address == conn.remote) {
    book_.answered(address, conn.peer);
  } else {
    book_.add(address, conn.peer, address_source(conn.remote.host));
  }
}

void Engine::Impl::note_failed_dial(const Connection& conn, EndReason reason) {
  switch (reason) {
    case EndReason::kWrongNetwork:
    case EndReason::kDifferentSettings:
      book_.turned_away(conn.remote);
      break;
    case EndReason::kIdentityInUse:
      book_.put_off(conn.remote);
      break;
    case EndReason::kLocal:
    case EndReason::kBye:
      book_.mute(conn.remote, conn.peer);
      break;
    case EndReason::kSelf:
      book_.forget(conn.remote);
      break;
    case EndReason::kAnotherNode:  // nothing is wrong with the address
      break;
    default:
      book_.failed(conn.remote);
  }
  if (conn.extra) stranger_pause_ = limits::kStrangerPauseFirst;
}

void Engine::Impl::note_end(const Pair& pair, const Connection& last, const Ending& ending) {
  if (ending.reason == EndReason::kOlderBoot) return;
  const bool lived = clock_.monotonic() - pair.since >= limits::kLinkProven;
  const bool unwanted = ending.reason == EndReason::kLocal || ending.is_bye(ByeReason::kUnwanted);
  const bool leaves = ending.reason == EndReason::kIdentityInUse || ending.is_bye(ByeReason::kStopping);
  const auto note = [&](const Endpoint& address) {
    if (lived) book_.lived(address, pair.peer);
    if (unwanted) {
      book_.mute(address, pair.peer);
    } else if (leaves) {
      book_.put_off(address, pair.peer);
    } else {
      book_.lost(address, pair.peer);
    }
  };
  note(last.peer_address);
  if (last.dialed_by_us && last.remote != last.peer_address) note(last.remote);
}

void Engine::Impl::note_living_links(MonoTime now) {
  for (const auto& [peer, pair] : links_->pairs()) {
    if (now - pair.since < limits::kLinkProven) continue;
    for (const Connection* const link : pair.links) {
      book_.lived(link->peer_address, peer);
      if (link->dialed_by_us) book_.lived(link->remote, peer);
    }
  }
}

}  // namespace meshdict
