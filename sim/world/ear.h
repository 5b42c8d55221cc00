#pragma once
// What the engine of one node tells, noted for the oracles, for what the plan expects, and in trace and transcript.

#include "core/engine/event.h"
#include "sim/world/stage.h"

namespace meshdict::sim {

class Ear final : public Observer {
 public:
  /// The stage outlives it, and it the node's host.
  Ear(Stage& stage, NodeIndex node) : stage_(stage), node_(node) {}
  void on_event(const Event& event) override;

 private:
  void hear(const PeerUp& up);
  void hear(const PeerDown& down);
  void hear(const MessageArrived& message);
  void hear(const Refused& refused);
  void hear(const Undeliverable& whisper);
  void hear(const Updated& /*updated*/) {}  // the disk tells what has changed
  void hear(const Deleted& /*deleted*/) {}
  void hear(const Conflict& conflict);
  void hear(const Confirmed& confirmed);
  void hear(const Returned& /*returned*/) {}
  void hear(const ClockJudged& /*judged*/) {}
  void hear(const LeftOut& left_out);
  [[nodiscard]] bool is_of_program(const NodeId& sender) const;
  void hear(const LeaseBroken& broken);
  void hear(const MemberParted& /*parted*/) {}
  void check_dropped(NodeIndex peer, const PeerDown& down);
  [[nodiscard]] Host& host() { return *stage_.hosts[node_]; }

  Stage& stage_;
  NodeIndex node_;
};

}  // namespace meshdict::sim
