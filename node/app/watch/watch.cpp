#include "app/watch/watch.h"

#include <utility>
#include <variant>

#include "app/watch/limits.h"
#include "core/base/overloaded.h"

namespace meshdict {

void Watch::on_event(const Event& event) {
  std::visit(Overloaded{
                 [this](const Updated&) { ++counts_.keys_set; },
                 [this](const Deleted&) { ++counts_.keys_deleted; },
                 [this](const Conflict& e) { note(e); },
                 [this](const PeerUp&) { ++counts_.neighbours_up; },
                 [this](const PeerDown& e) {
                   ++counts_.neighbours_down;
                   if (e.reason == EndReason::kIdentityInUse) identity_in_use_ = clock_.monotonic();
                 },
                 [this](const Refused& e) { note(e); },
                 [](const MessageArrived&) {},
                 [](const Undeliverable&) {},
                 [](const Confirmed&) {},
                 [](const Returned&) {},
                 [](const ClockJudged&) {},
                 [](const LeftOut&) {},
                 [](const LeaseBroken&) {},
                 [](const MemberParted&) {},
             },
             event);
}

std::optional<Endpoint> Watch::other_settings() const {
  if (!is_recent(settings_differed_)) return std::nullopt;
  return differs_;
}

void Watch::note(const Conflict& conflict) {
  ++counts_.conflicts;
  conflicts_.push_back({.number = counts_.conflicts,
                        .when = clock_.wall(),
                        .key = std::string(cut_text(conflict.key)),
                        .key_bytes = conflict.key.size(),
                        .losing = short_value(conflict.losing_value),
                        .losing_epoch = conflict.losing.epoch,
                        .winner = conflict.winning.owner,
                        .winning_epoch = conflict.winning.epoch,
                        .reason = conflict.reason});
  if (conflicts_.size() > watch_limits::kMaxConflicts) conflicts_.pop_front();
}

void Watch::note(const Refused& refused) {
  if (refused.reason == EndReason::kIdentityInUse) identity_in_use_ = clock_.monotonic();
  // Of those that dial us only who proves to be a member would count, and some meshes ask for no proof.
  if (refused.reason != EndReason::kDifferentSettings || !refused.dialed_by_us) return;
  settings_differed_ = clock_.monotonic();
  differs_ = refused.remote;
}

bool Watch::is_recent(const std::optional<MonoTime>& when) const {
  return when && clock_.monotonic() - *when < watch_limits::kGoesOnFor;
}

}  // namespace meshdict
