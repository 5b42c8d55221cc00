#pragma once
// What oracles look at, without a world: a test says what has happened.

#include <memory>
#include <string>
#include <vector>

#include "proptests/sim/network_fixture.h"
#include "sim/machines/host.h"
#include "sim/oracles/oracle.h"

namespace meshdict::test {

// Two nodes in one place, which are down.
struct Judged {
  Judged() : findings(queue), addresses(plans()) {
    for (NodeIndex node = 0; node < 2; ++node) {
      hosts.push_back(std::make_unique<Host>(node, nodes[node], 1, false, queue, network, addresses, nobody_));
    }
  }
  std::vector<NodePlan>& plans() {
    nodes.resize(2);
    nodes[0].name = "a";
    nodes[1].name = "b";
    return nodes;
  }
  [[nodiscard]] std::string only() const { return findings.count() == 1 ? findings.list().front().what : "not one"; }

  class Nobody final : public Observer {
    void on_event(const Event&) override {}
  } nobody_;
  Wire wire_{2, 1ms};
  EventQueue& queue = wire_.queue;
  Network& network = wire_.network;
  Findings findings;
  std::vector<NodePlan> nodes;
  AddressBook addresses;
  Hosts hosts;
};

}  // namespace meshdict::test
