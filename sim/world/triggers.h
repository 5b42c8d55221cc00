#pragma once
// Steps that wait for an event, or for a moment that such a step names.
//
// The event is counted while its node tells it; the step follows from the queue, at the same moment or later.

#include <cstdint>
#include <string>
#include <vector>

#include "core/engine/event.h"
#include "sim/machines/event_queue.h"
#include "sim/machines/host.h"
#include "sim/oracles/oracle.h"
#include "sim/plan/plan.h"

namespace meshdict::sim {

class Triggers {
 public:
  /// All outlive it.
  Triggers(const Plan& plan, const Identities& identities, const AddressBook& addresses, EventQueue& queue);

  /// A node tells an event.
  void heard(NodeIndex node, const Event& event);
  /// A named moment has come.
  void marked(const std::string& moment);
  /// Steps that have waited in vain so far.
  [[nodiscard]] std::vector<const Step*> waiting() const;

 private:
  struct Waiting {
    std::size_t step = 0;  // its place in the plan
    std::uint64_t left = 1;
  };
  void come(Waiting& waiting);
  [[nodiscard]] bool fits(const Trigger& trigger, NodeIndex node, const Event& event) const;
  [[nodiscard]] NodeIndex known(const NodeId& id) const;

  const Plan& plan_;
  const Identities& identities_;
  const AddressBook& addresses_;
  EventQueue& queue_;
  std::vector<Waiting> waiting_;
};

}  // namespace meshdict::sim
