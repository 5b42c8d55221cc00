#include "core/engine/members.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/limits.h"
#include "core/links/software.h"

namespace meshdict {
namespace {

/// A parting is news when it lasts for so much longer than what is known: more than it loses on any way.
constexpr Duration kPartingNews = 2s;

}  // namespace

std::string_view to_string(MemberState state) {
  switch (state) {
    case MemberState::kSelf:
      return "self";
    case MemberState::kNeighbour:
      return "neighbour";
    case MemberState::kReached:
      return "reached";
    case MemberState::kSilent:
      return "silent";
    case MemberState::kLeft:
      return "left";
    case MemberState::kRemoved:
      return "removed";
  }
  return "silent";
}

Members::Members(const Surroundings& surroundings, RandomStream random)
    : originator_(surroundings.originator),
      links_(surroundings.links),
      overlay_(surroundings.overlay),
      clock_(surroundings.clock),
      observer_(surroundings.observer),
      random_(random) {}

void Members::pass_on(const Message& message, const NodeId& except) {
  for (auto& [peer, pair] : links_.pairs()) {
    if (pair.is_meshdict && peer != except) links_.whisper(*pair.primary, message);
  }
}

// Roll calls

MemberCard Members::own_card(Nonce call) const {
  return {.call = call,
          .member = {.address = links_.settings().address, .id = originator_.self()},
          .boot = originator_.boot(),
          .software = std::string(kSoftware),
          .neighbours = links_.pairs().size()};
}

/// False for one that is known, and when there are too many.
bool Members::open_call(Nonce number, const NodeId& from) {
  const MonoTime now = clock_.monotonic();
  std::erase_if(calls_, [&](const auto& entry) { return now - entry.second.when > limits::kRollCallLasts; });
  if (calls_.size() >= limits::kMaxRollCalls) return false;
  return calls_.try_emplace(number, Call{.from = from, .when = now}).second;
}

bool Members::call() {
  const MonoTime now = clock_.monotonic();
  if (last_call_ != MonoTime::min() && now - last_call_ < limits::kRollCallPause) return false;
  const Nonce number{random_.next()};
  if (!open_call(number, NodeId())) return false;
  last_call_ = now;
  pass_on(RollCall{number}, NodeId());
  return true;
}

void Members::take_call(const Connection& from, const RollCall& call) {
  Pair* const pair = links_.pair(from.peer);
  if (pair == nullptr || !open_call(call.number, from.peer)) return;
  pass_on(call, from.peer);
  links_.try_whisper(*pair->primary, own_card(call.number));
}

void Members::take_card(const Connection& from, const MemberCard& card) {
  const auto found = calls_.find(card.call);
  if (found == calls_.end() || card.member.id.empty() || found->second.from == from.peer) return;
  if (++found->second.cards > limits::kMaxMembers) return;
  if (card.member.id != originator_.self()) note_card(card);
  Pair* const back = links_.pair(found->second.from);
  if (back != nullptr) links_.try_whisper(*back->primary, card);
}

void Members::note_card(const MemberCard& card) {
  if (known_.size() >= limits::kMaxMembers && !known_.contains(card.member.id)) {
    known_.erase(std::ranges::min_element(known_, {}, [](const auto& entry) { return entry.second.heard; }));
  }
  known_.insert_or_assign(card.member.id, Known{.address = card.member.address,
                                                .boot = card.boot,
                                                .software = card.software,
                                                .neighbours = card.neighbours,
                                                .heard = clock_.monotonic()});
}

// Partings

void Members::leave() {
  pass_on(Parting{.member = originator_.self(),
                  .boot = originator_.boot(),
                  .kind = PartingKind::kLeft,
                  .left_ms = limits::kMutedFor / 1ms},
          NodeId());
}

void Members::remove(const NodeId& member, Duration lasts) {
  assert(member != originator_.self());
  const Parting parting{.member = member, .kind = PartingKind::kRemoved, .left_ms = lasts / 1ms};
  // A new wish counts, whatever was wished before.
  gone_.erase(member);
  if (note_parting(parting)) act_on(parting, originator_.self());
}

void Members::take_parting(const Connection& from, const Parting& parting) {
  if (parting.member.empty()) return;
  const bool left = parting.kind == PartingKind::kLeft;
  // It is back, or it is ourselves: what left was an earlier incarnation.
  const Pair* const pair = links_.pair(parting.member);
  if (left && pair != nullptr && pair->primary->peer_boot > parting.boot) return;
  if (left && parting.member == originator_.self()) return;
  if (note_parting(parting)) act_on(parting, from.peer);
}

/// False when it is no news.
bool Members::note_parting(const Parting& parting) {
  const MonoTime now = clock_.monotonic();
  const Duration left = std::min<Duration>(
      std::chrono::milliseconds(std::clamp<std::int64_t>(parting.left_ms, 0, limits::kLongestParting / 1ms)),
      limits::kLongestParting);
  std::erase_if(gone_, [&](const auto& entry) { return entry.second.until <= now; });
  const auto found = gone_.find(parting.member);
  const bool outlasts = found == gone_.end() || now + left > found->second.until + kPartingNews;
  const bool is_graver =
      found != gone_.end() && found->second.kind == PartingKind::kLeft && parting.kind == PartingKind::kRemoved;
  if (left <= kPartingNews || (!outlasts && !is_graver)) return false;
  // Removed stays removed: that it has left, too, changes nothing.
  if (found != gone_.end() && found->second.kind == PartingKind::kRemoved && parting.kind == PartingKind::kLeft)
    return false;
  if (found == gone_.end() && gone_.size() >= limits::kMaxPartings) {
    gone_.erase(std::ranges::min_element(gone_, {}, [](const auto& entry) { return entry.second.until; }));
  }
  gone_[parting.member] = {.kind = parting.kind, .boot = parting.boot, .until = now + left};
  return true;
}

Parting Members::told(const NodeId& member, const Gone& gone) const {
  return {.member = member, .boot = gone.boot, .kind = gone.kind, .left_ms = (gone.until - clock_.monotonic()) / 1ms};
}

void Members::act_on(const Parting& parting, const NodeId& told_by) {
  const Gone& gone = gone_.at(parting.member);
  pass_on(told(parting.member, gone), told_by);
  const bool removed = gone.kind == PartingKind::kRemoved;
  observer_.on_event(MemberParted{
      .member = parting.member, .kind = gone.kind, .lasts = gone.until - clock_.monotonic(), .told_by = told_by});
  if (parting.member == originator_.self()) return;
  overlay_.keep_out(parting.member, gone.until, removed ? Overlay::KeptOut::kRefused : Overlay::KeptOut::kNotDialled);
}

void Members::on_link_up(Connection& link) {
  const MonoTime now = clock_.monotonic();
  // One that has left is back.
  const auto back = gone_.find(link.peer);
  if (back != gone_.end() && back->second.kind == PartingKind::kLeft) gone_.erase(back);
  for (const auto& [member, gone] : gone_) {
    if (gone.until > now) links_.whisper(link, told(member, gone));
  }
}

// The list

void Members::expire(MonoTime now) {
  std::erase_if(gone_, [now](const auto& entry) { return entry.second.until <= now; });
  std::erase_if(calls_, [now](const auto& entry) { return now - entry.second.when > limits::kRollCallLasts; });
}

void Members::list_neighbours(std::map<NodeId, MemberView>& views) const {
  for (const auto& [peer, pair] : links_.pairs()) {
    MemberView& view = views[peer];
    view.id = peer;
    view.state = MemberState::kNeighbour;
    view.address = pair.primary->peer_address;
    view.boot = pair.primary->peer_boot;
    view.heard_ago = clock_.monotonic() - pair.primary->heard;
    if (!pair.is_meshdict) view.software = "py2p";
  }
}

std::vector<MemberView> Members::list() const {
  const MonoTime now = clock_.monotonic();
  std::map<NodeId, MemberView> views;
  for (const auto& [id, known] : known_) {
    views[id] = {.id = id,
                 .address = known.address,
                 .state = known.heard >= last_call_ ? MemberState::kReached : MemberState::kSilent,
                 .boot = known.boot,
                 .software = known.software,
                 .neighbours = known.neighbours,
                 .heard_ago = now - known.heard};
  }
  list_neighbours(views);
  for (const auto& [id, gone] : gone_) {
    MemberView& view = views[id];
    view.id = id;
    if (gone.until <= now || view.state == MemberState::kNeighbour) continue;
    view.state = gone.kind == PartingKind::kRemoved ? MemberState::kRemoved : MemberState::kLeft;
    view.state_lasts = gone.until - now;
  }
  const MemberCard own = own_card(Nonce::kNone);
  views[own.member.id] = {.id = own.member.id,
                          .address = own.member.address,
                          .state = MemberState::kSelf,
                          .boot = own.boot,
                          .software = own.software,
                          .neighbours = own.neighbours,
                          .heard_ago = Duration::zero()};
  std::vector<MemberView> list;
  list.reserve(views.size());
  for (auto& [id, view] : views)
    list.push_back(std::move(view));
  return list;
}

void Members::sanity_check() const {
  assert(known_.size() <= limits::kMaxMembers);
  assert(calls_.size() <= limits::kMaxRollCalls);
  assert(gone_.size() <= limits::kMaxPartings);
}

}  // namespace meshdict
