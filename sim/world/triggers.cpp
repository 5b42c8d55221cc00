#include "sim/world/triggers.h"

#include <optional>
#include <string_view>
#include <variant>

#include "core/base/overloaded.h"

namespace meshdict::sim {
namespace {

/// What of an event a trigger asks about.
struct ToldOf {
  Told event = Told::kPeerUp;
  std::optional<NodeId> who{};
  std::optional<Endpoint> where{};  ///< of one whose id is not known
  std::optional<std::string_view> key{};
};

ToldOf told_of(const Event& event) {
  return std::visit(
      Overloaded{
          [](const PeerUp& up) { return ToldOf{.event = Told::kPeerUp, .who = up.peer}; },
          [](const PeerDown& down) { return ToldOf{.event = Told::kPeerDown, .who = down.peer}; },
          [](const MessageArrived& message) {
            return ToldOf{.event = message.whisper ? Told::kWhisper : Told::kBroadcast, .who = message.sender};
          },
          [](const Refused& refused) { return ToldOf{.event = Told::kRefused, .where = refused.remote}; },
          [](const Undeliverable& whisper) { return ToldOf{.event = Told::kUndeliverable, .who = whisper.receiver}; },
          [](const Confirmed& confirmed) { return ToldOf{.event = Told::kConfirmed, .who = confirmed.peer}; },
          [](const Updated& updated) { return ToldOf{.event = Told::kUpdated, .key = updated.key}; },
          [](const Deleted& deleted) { return ToldOf{.event = Told::kDeleted, .key = deleted.key}; },
          [](const Conflict& conflict) {
            return ToldOf{.event = Told::kConflict, .who = conflict.winning.owner, .key = conflict.key};
          },
          [](const Returned& returned) {
            return ToldOf{.event = Told::kReturned, .who = returned.from, .key = returned.key};
          },
          [](const LeftOut& left_out) { return ToldOf{.event = Told::kLeftOut, .who = left_out.peer}; },
          [](const LeaseBroken& broken) { return ToldOf{.event = Told::kBroken, .who = broken.by, .key = broken.key}; },
          [](const MemberParted& parted) { return ToldOf{.event = Told::kParted, .who = parted.member}; },
          [](const ClockJudged& judged) { return ToldOf{.event = Told::kClock, .who = judged.peer}; },
      },
      event);
}

}  // namespace

Triggers::Triggers(const Plan& plan, const Identities& identities, const AddressBook& addresses, EventQueue& queue)
    : plan_(plan), identities_(identities), addresses_(addresses), queue_(queue) {
  for (std::size_t i = 0; i < plan.steps.size(); ++i)
    if (const auto& when = plan.steps[i].when) waiting_.push_back({.step = i, .left = when->nth});
}

NodeIndex Triggers::known(const NodeId& id) const {
  const auto found = identities_.find(id);
  return found == identities_.end() ? kNobody : found->second;
}

bool Triggers::fits(const Trigger& trigger, NodeIndex node, const Event& event) const {
  if (!trigger.mark.empty() || (trigger.node != kNobody && trigger.node != node)) return false;
  if (queue_.now() < trigger.from) return false;
  const ToldOf told = told_of(event);
  if (told.event != trigger.event || (trigger.key && told.key != *trigger.key)) return false;
  if (trigger.who == kNobody) return true;
  if (told.where) return addresses_.find(told.where->host) == trigger.who;
  return told.who && known(*told.who) == trigger.who;
}

void Triggers::come(Waiting& waiting) {
  if (waiting.left == 0) return;
  --waiting.left;
  if (waiting.left > 0) return;
  queue_.push(queue_.now() + plan_.steps[waiting.step].at.low, EventKind::kTriggered, waiting.step);
}

void Triggers::heard(NodeIndex node, const Event& event) {
  for (Waiting& waiting : waiting_)
    if (fits(*plan_.steps[waiting.step].when, node, event)) come(waiting);
}

void Triggers::marked(const std::string& moment) {
  for (Waiting& waiting : waiting_)
    if (plan_.steps[waiting.step].when->mark == moment) come(waiting);
}

std::vector<const Step*> Triggers::waiting() const {
  std::vector<const Step*> steps;
  for (const Waiting& waiting : waiting_)
    if (waiting.left > 0) steps.push_back(&plan_.steps[waiting.step]);
  return steps;
}

}  // namespace meshdict::sim
