#pragma once
// The promises about claims, with leasing on: S3, S4 and S5.
//
// S3  what is held as somebody's, that node has written; a claim has one writer, whose writes follow one another: no two of them are of one place, and later ones are written
//     later. Identities of which there were two at a time are left out.
//     What gives a claim up is its last write.
// S4  a resource that accepts only fences at least as large as the largest it has seen never accepts a superseded holder:
//     it is asked at each acknowledged write, and refuses nobody whose claim is the later one.
// S5  while nothing is cut off, delayed beyond D, down or paused, and clocks are within their bounds, at most one node
//     calls itself settled as the holder of a key, if the younger claim was made when the two had met: by a path of links,
//     and for long enough to have compared what they hold.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "sim/oracles/oracle.h"
#include "sim/plan/fault.h"

namespace meshdict::sim {

class ClaimOracle {
 public:
  /// `slowest`: how long a frame may be on its way from one neighbour to another.
  ClaimOracle(const Hosts& hosts, const FaultCounts& faults, const std::vector<Property>& check, Duration slowest,
              Findings& findings);

  /// The node's record of `key` has changed.
  void changed(NodeIndex node, const std::string& key);
  /// A client's write at the node was acknowledged.
  void acknowledged(NodeIndex node, const std::string& key);
  /// Asks all nodes who holds what.
  void look();
  /// A step has cut off, ended or delayed something in a way that no fault counts.
  void disturbed() { disturbed_ = true; }
  /// Whether nothing has happened so far that ends or delays a connection.
  [[nodiscard]] bool undisturbed() const;
  /// There are two of this identity.
  void cloned(const NodeId& id) { cloned_.insert(id); }

 private:
  using Claim = std::tuple<std::string, Epoch, std::uint64_t, NodeId>;  // key, epoch, start, owner
  using Place = std::pair<Boot, Sequence>;
  struct Presented {
    std::string fence;
    Version version;
  };
  struct SettledClaim {
    std::size_t host = 0;
    Duration age{};  ///< by its own clock
  };
  [[nodiscard]] Duration joined_for(std::size_t one, std::size_t other) const;
  [[nodiscard]] bool have_met(const SettledClaim& one, const SettledClaim& other) const;
  [[nodiscard]] bool checks(Property property) const;
  [[nodiscard]] bool promises_hold() const;
  [[nodiscard]] const std::string& name(NodeIndex node) const { return hosts_[node]->plan().name; }

  const Hosts& hosts_;
  const FaultCounts& faults_;
  const std::vector<Property> check_;
  const Duration slowest_;
  Findings& findings_;
  bool calm_ = true;
  bool disturbed_ = false;
  std::set<NodeId> cloned_;
  std::map<Claim, std::map<Place, Version>> writes_;
  std::map<std::pair<std::string, NodeId>, std::set<std::uint64_t>>
      contents_;                                // by key and owner: hashes of what it wrote
  std::map<std::string, Presented> resources_;  // by key
  std::set<std::string> keys_;
};

}  // namespace meshdict::sim
