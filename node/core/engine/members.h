#pragma once
// Who belongs to the mesh: asked for when somebody wants to know, and otherwise not a word is said.
//
// R1. A roll call goes from neighbour to neighbour, each passes it on once, and each answers with a card of its own, which goes back by
//     the way that the call came. So the list shows who can be reached now, however large the mesh is, and a mesh that nobody asks
//     stays quiet. Rationale: a list that is kept up by itself says something at every change, and still only believes that a
//     member is there.
// R2. Cards are kept, also those that only pass through: who has not answered the last call is still listed, as silent.
// R3. A parting tells that a member has left for good, or that an operator has removed it. It goes from neighbour to neighbour,
//     each passes on what is news, and who links up while it lasts is told it, too.
//     - Nobody dials the member until the parting is over. A removed one is also parted from, and turned away.
//     - One that has left is welcome with a later boot at any time.
//     - The time that is left travels, not a moment: no clock is compared. A parting only becomes shorter on its way, and one that
//       is not longer than what is known by kPartingNews is no news, so that it ends everywhere.
// R4. Only meshdict nodes say or hear any of this. Older ones ignore it and pass nothing on: behind them it is not heard.
// R5. Bounds: limits::kMaxMembers cards (the one heard of longest ago gives way), limits::kMaxRollCalls calls within
//     limits::kRollCallLasts (further ones are not taken), kMaxMembers cards passed on for each, limits::kMaxPartings partings (the
//     one that ends first gives way), none longer than limits::kLongestParting.
//
// Not thread-safe. Cost: a call is a message or two on each link, and a card for each member on the way to who asked.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/base/ids.h"
#include "core/base/random.h"
#include "core/base/time.h"
#include "core/engine/event.h"
#include "core/engine/overlay.h"
#include "core/engine/views.h"
#include "core/env/clock.h"
#include "core/links/links.h"
#include "core/messages/message.h"
#include "core/messages/originator.h"

namespace meshdict {

class Members {
 public:
  /// What this works with. All of it outlives this.
  struct Surroundings {
    const Originator& originator;
    Links& links;
    Overlay& overlay;
    const Clock& clock;
    Observer& observer;
  };

  Members(const Surroundings& surroundings, RandomStream random);

  // What our user wants

  /// Calls the roll: cards come in from now on. False when the last call is younger than limits::kRollCallPause.
  bool call();
  /// Tells all that we have left for good.
  void leave();
  /// Removes a member for so long. REQUIRES: it is not ourselves.
  void remove(const NodeId& member, Duration lasts);

  // What neighbours say

  void take_call(const Connection& from, const RollCall& call);
  void take_card(const Connection& from, const MemberCard& card);
  void take_parting(const Connection& from, const Parting& parting);
  void on_link_up(Connection& link);

  void expire(MonoTime now);
  /// In the order of ids.
  [[nodiscard]] std::vector<MemberView> list() const;
  void sanity_check() const;

 private:
  struct Known {
    Endpoint address;
    Boot boot = Boot::kNone;
    std::string software;
    std::uint64_t neighbours = 0;
    MonoTime heard;
  };
  struct Call {
    /// Whence it came; empty: we have called.
    NodeId from;
    MonoTime when;
    std::size_t cards = 0;
  };
  struct Gone {
    PartingKind kind = PartingKind::kLeft;
    Boot boot = Boot::kNone;
    MonoTime until;
  };

  [[nodiscard]] MemberCard own_card(Nonce call) const;
  bool open_call(Nonce number, const NodeId& from);
  void pass_on(const Message& message, const NodeId& except);
  void note_card(const MemberCard& card);
  bool note_parting(const Parting& parting);
  void act_on(const Parting& parting, const NodeId& told_by);
  [[nodiscard]] Parting told(const NodeId& member, const Gone& gone) const;
  void list_neighbours(std::map<NodeId, MemberView>& views) const;

  const Originator& originator_;
  Links& links_;
  Overlay& overlay_;
  const Clock& clock_;
  Observer& observer_;
  RandomStream random_;
  std::map<NodeId, Known> known_;
  std::map<Nonce, Call> calls_;
  std::map<NodeId, Gone> gone_;
  MonoTime last_call_ = MonoTime::min();
};

}  // namespace meshdict
