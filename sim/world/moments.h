#pragma once
// What nodes have counted by the moments that a plan names, so that an expectation can ask what has come since.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "sim/machines/host.h"
#include "sim/oracles/oracle.h"
#include "sim/plan/plan.h"

namespace meshdict::sim {

class Moments {
 public:
  /// What one node has counted, over all its lives.
  struct Counts {
    std::uint64_t messages = 0;
    std::map<std::string, std::uint64_t, std::less<>> conflicts;
    std::vector<std::uint64_t> figures;         ///< by info_figures(); 0 for those that are no counters
    std::map<std::string, std::string> fences;  ///< of keys of which the plan asks
  };

  /// Both outlive it; the hosts are made later.
  Moments(const Plan& plan, const Hosts& hosts);

  void mark(const std::string& moment);
  /// Nothing when it has not come.
  [[nodiscard]] const Counts* at(const std::string& moment, NodeIndex node) const;
  /// Before the node's engine goes.
  void life_ends(NodeIndex node);
  /// As things are now.
  [[nodiscard]] std::uint64_t figure(NodeIndex node, std::size_t figure) const;

 private:
  const Plan& plan_;
  const Hosts& hosts_;
  std::vector<std::vector<std::uint64_t>> ended_;  // by node and figure: of lives that are over
  std::map<std::string, std::vector<Counts>> marked_;
};

}  // namespace meshdict::sim
