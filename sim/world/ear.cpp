#include "sim/world/ear.h"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

#include "core/encoding/msgpack.h"
#include "core/limits.h"
#include "sim/machines/guests.h"
#include "sim/trace/describe.h"

namespace meshdict::sim {

void Ear::on_event(const Event& event) {
  stage_.mark(Mark::kEvent, node_, 0);
  add_to(stage_.hash, event);
  ++stage_.counters.events[event.index()];
  if (stage_.transcript.enabled()) {
    const std::string text = describe(event, [this](const NodeId& id) { return stage_.known_as(id); });
    stage_.transcript.line(stage_.now(), stage_.name(node_), "! " + text);
  }
  std::visit([this](const auto& told) { hear(told); }, event);
  stage_.triggers.heard(node_, event);
  if (stage_.guests != nullptr) stage_.guests->heard(node_, event);
}

/// Those of programs are not numbered, as the oracles need them.
bool Ear::is_of_program(const NodeId& sender) const {
  if (stage_.guests == nullptr) return false;
  const auto found = stage_.identities.find(sender);
  return found != stage_.identities.end() && !stage_.plan.nodes[found->second].program.empty();
}

void Ear::hear(const PeerUp& up) {
  const auto peer = stage_.identities.find(up.peer);
  if (peer == stage_.identities.end()) return;
  stage_.broadcasts.peer_up(node_, peer->second);
  stage_.whispers.linked(node_, peer->second);
  stage_.measures.released(node_, peer->second);
}

void Ear::hear(const PeerDown& down) {
  const auto peer = stage_.identities.find(down.peer);
  ++host().refused[{peer == stage_.identities.end() ? kNobody : peer->second, down.reason}];
  if (down.reason == EndReason::kSilent) stage_.reach.saw(Quantity::kGap, limits::kSilenceVerdict + 1us);
  if (down.reason == EndReason::kSlowReader) stage_.reach.saw(Quantity::kStall, limits::kStallVerdict + 1us);
  if (peer == stage_.identities.end()) return;
  stage_.broadcasts.peer_down(node_, peer->second);
  stage_.whispers.parted(node_, peer->second);
  check_dropped(peer->second, down);
}

void Ear::hear(const MessageArrived& message) {
  ++host().messages;
  if (message.packets.empty() || is_of_program(message.sender)) return;
  MsgpackCursor cursor(message.packets.front());
  const auto number = cursor.unsigned_integer();
  if (!number) return;
  if (message.whisper) {
    stage_.whispers.arrived(node_, *number, message.id);
  } else {
    stage_.broadcasts.delivered(node_, *number);
  }
}

void Ear::hear(const Refused& refused) {
  ++host().refused[{stage_.addresses.find(refused.remote.host), refused.reason}];
}

void Ear::hear(const Undeliverable& whisper) {
  const auto receiver = stage_.identities.find(whisper.receiver);
  if (receiver == stage_.identities.end()) return;
  stage_.measures.released(node_, receiver->second);
  if (!stage_.plan.nodes[node_].program.empty()) return;
  stage_.whispers.undeliverable(node_, receiver->second, whisper.id);
}

void Ear::hear(const Conflict& conflict) {
  ++host().conflicts[conflict.key];
  stage_.records.conflict(node_, conflict);
  stage_.losses.conflict(node_, conflict);
}

void Ear::hear(const Confirmed& confirmed) {
  std::vector<Host::Wait>& waits = host().waits;
  const auto wait = std::ranges::find(waits, confirmed.token, &Host::Wait::token);
  const auto peer = stage_.identities.find(confirmed.peer);
  if (wait == waits.end() || peer == stage_.identities.end()) return;
  ++wait->confirmed;
  if (wait->step != nullptr) ++stage_.confirmed[wait->step];
  stage_.measures.confirmed(wait->since);
  stage_.records.confirmed(node_, wait->keys, wait->since, peer->second);
}

void Ear::hear(const LeaseBroken& broken) {
  stage_.losses.broken(node_, broken);
}

void Ear::hear(const LeftOut& left_out) {
  const auto peer = stage_.identities.find(left_out.peer);
  if (peer == stage_.identities.end()) return;
  // Until it is told again, if more is left out.
  stage_.broadcasts.doubtful(node_, peer->second, stage_.now() + limits::kTellLeftOutEvery);
}

// A mesh that nothing has disturbed loses no neighbour by its own doing.
void Ear::check_dropped(NodeIndex peer, const PeerDown& down) {
  const bool for_a_fault = down.reason == EndReason::kSilent || down.reason == EndReason::kProtocolError ||
                           down.reason == EndReason::kSlowReader;
  if (!for_a_fault || !stage_.checks(Property::kC1) || !stage_.claims.undisturbed()) return;
  if (!stage_.network.carries(node_, peer)) return;
  stage_.findings.add(
      name_of(Property::kC1), {stage_.name(node_), stage_.name(peer)},
      fmt::format("dropped a connection that nothing has disturbed: {}; {}", to_string(down.reason), down.detail));
}

}  // namespace meshdict::sim
