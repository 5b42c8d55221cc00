#pragma once
// S8: a claim gives way only to one that stands above it by right; with leasing on.
//
// Each claim is one of these, or it has no right to its place:
// 1. A client's write made it, and was acknowledged.
// 2. Its owner issued it again one epoch above a rival of its own epoch that it had beaten: one that began later.
// 3. Its owner took it again one epoch above what nobody held: a deletion, a claim whose lease had ended by the times of the
//    writes or was given up, or an older life of its own.
// 4. Its owner, whose clock had been wrong, wrote it again with its true time.
// And what the writer of a loss is told is true: the winner is larger, and it is no successor in order, which came after the lease
// was over.
// And who is told that an operator has taken a key is told the truth.
//
// From what clients were promised the oracle works out for each key who can stand where, and asks of each claim that a node
// shows whether it is among these. It leaves out identities of which there were two.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "sim/oracles/oracle.h"

namespace meshdict::sim {

class LossOracle {
 public:
  LossOracle(const Hosts& hosts, const EventQueue& world, const Identities& identities,
             const std::vector<Property>& check, Findings& findings);

  /// A client's write at the node was acknowledged.
  void acknowledged(NodeIndex node, const std::string& key);
  /// The node's record of `key` has changed.
  void changed(NodeIndex node, const std::string& key);
  void conflict(NodeIndex node, const Conflict& conflict);
  /// The operator of the node has taken the key from whoever held it.
  void breaks(NodeIndex node, const std::string& key);
  void broken(NodeIndex node, const LeaseBroken& broken);
  /// There are two of this identity.
  void cloned(const NodeId& id) { cloned_.insert(id); }

 private:
  /// A claim, or what it has become with another epoch.
  struct Claim {
    Epoch epoch{};
    Hlc start;
    NodeId owner;
    Boot boot{};
    Hlc first_write;
    Duration made_at{};  ///< when a client's write made it; the first sight of it otherwise
    std::optional<Duration> deleted_at{};
    bool given_up = false;
  };
  using Claims = std::vector<Claim>;

  [[nodiscard]] bool judges(NodeIndex node) const;
  static Claim* find(Claims& claims, const Version& version);
  Claim& note(Claims& claims, const Version& version);
  /// Those that may stand at an epoch.
  static Claims at_epoch(const Claims& claims, Epoch epoch);
  [[nodiscard]] bool has_right(const Claims& claims, const Version& version, const NodePlan& plan) const;
  [[nodiscard]] bool was_wrong(const NodeId& owner) const;

  const Hosts& hosts_;
  const EventQueue& world_;
  const Identities& identities_;
  const bool on_;
  Findings& findings_;
  std::set<NodeId> cloned_;
  std::set<std::pair<std::string, NodeId>> broken_;  // keys, and whose operator has taken them
  std::unordered_map<std::string, Claims> claims_;   // by key; looked up only
};

}  // namespace meshdict::sim
