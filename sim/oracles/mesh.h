#pragma once
#include <compare>
#include <string>
#include <vector>

#include "sim/oracles/oracle.h"

namespace meshdict::sim {

/// What is wrong with a mesh at one moment. Connections come and go; only what stays wrong is a fault.
struct ConnectionFault {
  std::vector<std::string> nodes;
  std::string what;
  auto operator<=>(const ConnectionFault&) const = default;
};

/// C1: between any two nodes at most one connection, exactly one when they call each other neighbours; and no node is
/// without a neighbour while there is another to be had. Sorted.
std::vector<ConnectionFault> connection_faults(const Hosts& hosts, const Network& network,
                                               const Identities& identities);

/// "connected", at the end: the neighbours of neighbours of any node are all of its society.
void check_connected(const Hosts& hosts, const Network& network, const Identities& identities, Findings& findings);

}  // namespace meshdict::sim
