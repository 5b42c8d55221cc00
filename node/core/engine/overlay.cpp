#include "core/engine/overlay.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/limits.h"

namespace meshdict {

Overlay::Overlay(Links& links, AddressBook book, const Clock& clock, RandomStream& leisure, EngineStats& stats)
    : links_(links), book_(std::move(book)), clock_(clock), leisure_(leisure), stats_(stats) {}

void Overlay::start(std::span<const Endpoint> join) {
  for (const Endpoint& address : join)
    book_.add_from_user(address);
  changed_ = true;
  stranger_pause_ = limits::kStrangerPauseFirst;
  next_stranger_ = draw_next_stranger(clock_.monotonic());
}

std::size_t Overlay::outgoing_count() const {
  return static_cast<std::size_t>(std::ranges::count_if(links_.connections(), [](const auto& entry) {
    const Connection& conn = *entry.second;
    return conn.dialed_by_us && !conn.extra && conn.state != ConnState::kRetired;
  }));
}

AddressBook::Wanted Overlay::stranger_filter() const {
  return [this](const Endpoint& address, const AddressBook::Entry& entry) {
    if (address == links_.settings().address || (!entry.id.empty() && entry.id == links_.self())) return false;
    if (!entry.id.empty() && (links_.linked_to(entry.id) || is_kept_out(entry.id, KeptOut::kNotDialled))) return false;
    return std::ranges::none_of(links_.connections(), [&](const auto& known) {
      const Connection& conn = *known.second;
      if (conn.state == ConnState::kRetired) return false;
      return (conn.dialed_by_us && conn.remote == address) || (!entry.id.empty() && conn.peer == entry.id);
    });
  };
}

void Overlay::dial_where_needed() {
  // Whatever is gone may have been why its peer was not dialled.
  if (!changed_ && !links_.any_closed()) return;
  changed_ = false;
  dial_all_needed();
}

void Overlay::on_time(MonoTime now) {
  if (next_dial_ <= now) changed_ = true;
  if (next_stranger_ <= now) dial_a_stranger(now);
}

void Overlay::expire(MonoTime now) {
  note_living_links(now);
  book_.expire();
  std::erase_if(kept_apart_, [now](const auto& entry) { return entry.second.until <= now; });
  std::erase_if(kept_out_, [now](const auto& entry) { return entry.second.until <= now; });
}

void Overlay::dial_all_needed() {
  next_dial_ = MonoTime::max();
  if (links_.pairs().size() >= links_.settings().most_neighbours) return;
  std::size_t outgoing = outgoing_count();
  const auto dial_all = [&](const AddressBook::Wanted& wanted, std::size_t most) {
    while (outgoing < most) {
      const auto address =
          book_.pick(links_.pairs().empty() ? AddressBook::Order::kUserFirst : AddressBook::Order::kAnyOfAll, wanted);
      if (!address) break;
      dial(*address, outgoing >= limits::kOutgoingTarget ? DialKind::kExtra : DialKind::kLasting);
      ++outgoing;
    }
    if (outgoing < most) next_dial_ = std::min(next_dial_, book_.next_try(wanted).value_or(MonoTime::max()));
  };
  const auto wanted = stranger_filter();
  const MonoTime now = clock_.monotonic();
  dial_all([&](const Endpoint& address,
               const AddressBook::Entry& entry) { return entry.insist_until > now && wanted(address, entry); },
           links_.settings().most_neighbours);
  dial_all(wanted, std::min(limits::kOutgoingTarget, links_.settings().most_neighbours));
}

void Overlay::dial_a_stranger(MonoTime now) {
  bool dialed = false;
  if (outgoing_count() >= limits::kOutgoingTarget && links_.pairs().size() < links_.settings().most_neighbours) {
    if (const auto address = book_.pick(AddressBook::Order::kAnyOfAll, stranger_filter())) {
      dialed = true;
      drop_an_extra_link();
      dial(*address, DialKind::kExtra);
    }
  }
  // Failed tries and lost neighbours make the pause short again.
  if (dialed) stranger_pause_ = std::min(limits::kStrangerPauseCap, stranger_pause_ * 2);
  next_stranger_ = draw_next_stranger(now);
}

MonoTime Overlay::draw_next_stranger(MonoTime now) {
  return now + stranger_pause_ / 2 + Duration(leisure_.between(0, stranger_pause_.count()));
}

void Overlay::drop_an_extra_link() {
  for (const auto& entry : links_.connections()) {
    const Connection& conn = *entry.second;
    if (!conn.extra || !conn.established() || links_.pair(conn.peer)->links.size() > 1) continue;
    links_.part(NodeId(conn.peer), ByeReason::kEnough);
    return;
  }
}

void Overlay::connect(const Endpoint& to, const NodeId& expected) {
  // One that is dialled for a certain node is remembered once that node has answered.
  if (expected.empty()) book_.add(to, NodeId(), AddressSource::kOurselves);
  Connection& conn = dial_now(to, DialKind::kLasting);
  conn.wish = ++wishes_;
  conn.expected = expected;
}

bool Overlay::forget(const Endpoint& address) {
  const bool known = book_.entry(address) != nullptr;
  book_.forget(address);
  return known;
}

Connection& Overlay::dial(const Endpoint& to, DialKind kind) {
  ++stats_.dials;
  return links_.dial(to, kind);
}

/// Dials, unless we have already dialled there. Valid until sweep().
Connection& Overlay::dial_now(const Endpoint& to, DialKind kind) {
  for (const auto& [id, conn] : links_.connections()) {
    if (conn->dialed_by_us && conn->remote == to) return *conn;
  }
  return dial(to, kind);
}

std::uint64_t Overlay::wish_for(const NodeId& wanted) {
  const std::uint64_t wish = ++wishes_;
  if (is_kept_out(wanted, KeptOut::kNotDialled)) return wish;
  if (const auto address = book_.find(wanted)) dial_now(*address, DialKind::kExtra).wish = wish;
  return wish;
}

void Overlay::found(const NodeId& wanted, const Endpoint& address, const NodeId& told_by, std::uint64_t wish) {
  book_.add(address, wanted, address_source(told_by.text()));
  if (!links_.linked_to(wanted) && !is_kept_out(wanted, KeptOut::kNotDialled))
    dial_now(address, DialKind::kExtra).wish = wish;
}

bool Overlay::disconnect(const NodeId& peer) {
  const bool coming_up = std::ranges::any_of(links_.connections(), [&](const auto& entry) {
    return entry.second->peer == peer && entry.second->state != ConnState::kRetired;
  });
  if (!coming_up) return false;
  if (kept_apart_.size() >= limits::kMaxKeptApart) {
    kept_apart_.erase(std::ranges::min_element(kept_apart_, {}, [](const auto& entry) { return entry.second.wish; }));
  }
  kept_apart_[peer] = {.until = clock_.monotonic() + limits::kMutedFor, .wish = ++wishes_};
  links_.part(peer, ByeReason::kUnwanted);
  links_.refuse_pending(peer);
  return true;
}

void Overlay::keep_out(const NodeId& peer, MonoTime until, KeptOut how) {
  if (kept_out_.size() >= limits::kMaxPartings && !kept_out_.contains(peer)) {
    kept_out_.erase(std::ranges::min_element(kept_out_, {}, [](const auto& entry) { return entry.second.until; }));
  }
  kept_out_[peer] = {.until = until, .how = how};
  if (how == KeptOut::kNotDialled) return;
  links_.part(peer, ByeReason::kUnwanted);
  links_.refuse_pending(peer);
}

bool Overlay::is_kept_out(const NodeId& peer, KeptOut at_least) const {
  const auto found = kept_out_.find(peer);
  return found != kept_out_.end() && found->second.how >= at_least && found->second.until > clock_.monotonic();
}

/// Until the time is over, or our user's own later wish brings it: to connect, or to whisper to that node.
bool Overlay::keeps_apart(const Connection& conn) {
  if (is_kept_out(conn.peer, KeptOut::kRefused)) return true;
  const auto found = kept_apart_.find(conn.peer);
  if (found == kept_apart_.end()) return false;
  if (found->second.until > clock_.monotonic() && found->second.wish > conn.wish) return true;
  kept_apart_.erase(found);
  return false;
}

void Overlay::on_address(const Endpoint& address, const Connection& conn) {
  if (conn.dialed_by_us && address == conn.remote) {
    book_.answered(address, conn.peer);
  } else {
    book_.add(address, conn.peer, address_source(conn.remote.host));
  }
}

void Overlay::on_link_up(const Connection& link) {
  if (link.dialed_by_us) book_.linked(link.remote, link.peer);
}

void Overlay::on_pair_up(const NodeId& peer) {
  std::erase_if(departed_, [&](const Departed& one) { return one.id == peer; });
  kept_out_.erase(peer);
  changed_ = true;
}

void Overlay::on_pair_down(const NodeId& peer, EndReason reason) {
  std::erase_if(departed_, [&](const Departed& one) { return one.id == peer; });
  if (departed_.size() >= limits::kMaxDeparted) departed_.erase(departed_.begin());
  departed_.push_back({.id = peer, .address = {}, .reason = reason, .when = clock_.monotonic()});
  changed_ = true;
}

void Overlay::on_turned_away(const Endpoint& remote, EndReason reason) {
  if (!is_about_proof(reason)) return;
  std::erase_if(turned_away_,
                [&](const Departed& one) { return one.address.host == remote.host && one.reason == reason; });
  if (turned_away_.size() >= limits::kMaxDeparted) turned_away_.erase(turned_away_.begin());
  turned_away_.push_back({.id = {}, .address = remote, .reason = reason, .when = clock_.monotonic()});
}

void Overlay::on_lost(const Pair& pair, const Connection& last, const Ending& ending) {
  if (ending.reason == EndReason::kEnough || ending.is_bye(ByeReason::kEnough)) return;
  stranger_pause_ = limits::kStrangerPauseFirst;
  next_stranger_ = std::min(next_stranger_, clock_.monotonic() + stranger_pause_);
  note_end(pair, last, ending);
}

void Overlay::on_failed_dial(const Connection& conn, EndReason reason) {
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

void Overlay::note_end(const Pair& pair, const Connection& last, const Ending& ending) {
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

void Overlay::note_living_links(MonoTime now) {
  for (const auto& [peer, pair] : links_.pairs()) {
    if (now - pair.since < limits::kLinkProven) continue;
    for (const Connection* const link : pair.links) {
      book_.lived(link->peer_address, peer);
      if (link->dialed_by_us) book_.lived(link->remote, peer);
    }
  }
}

void Overlay::take_peers(const Connection& from, const Peers& peers) {
  const AddressSource source = address_source(from.peer.text());
  for (const PeerEntry& entry : peers.entries) {
    if (entry.id != links_.self()) book_.add(entry.address, entry.id, source);
  }
  changed_ = true;
}

void Overlay::tell_peers(Connection& conn) {
  Peers peers;
  for (const auto& [peer, pair] : links_.pairs()) {
    if (peer != conn.peer) peers.entries.push_back({.address = pair.primary->peer_address, .id = peer});
  }
  leisure_.shuffle(peers.entries);
  if (peers.entries.size() > limits::kMaxPeersSent / 2) peers.entries.resize(limits::kMaxPeersSent / 2);
  for (PeerEntry& known : book_.sample(limits::kMaxPeersSent / 2)) {
    if (known.id != conn.peer && !links_.linked_to(known.id)) peers.entries.push_back(std::move(known));
  }
  links_.try_whisper(conn, peers);
}

std::vector<DepartedView> Overlay::departed() const {
  std::vector<DepartedView> views;
  views.reserve(departed_.size() + turned_away_.size());
  const MonoTime now = clock_.monotonic();
  for (const auto* list : {&departed_, &turned_away_}) {
    for (const Departed& one : *list)
      views.push_back({.id = one.id, .address = one.address, .reason = one.reason, .ago = now - one.when});
  }
  return views;
}

void Overlay::sanity_check() const {
  book_.sanity_check();
  assert(kept_apart_.size() <= limits::kMaxKeptApart && kept_out_.size() <= limits::kMaxPartings);
  assert(departed_.size() <= limits::kMaxDeparted && turned_away_.size() <= limits::kMaxDeparted);
  for (const auto& [peer, apart] : kept_apart_)
    assert(apart.wish <= wishes_);
}

}  // namespace meshdict
