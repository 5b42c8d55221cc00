#pragma once
// B1: every connected node gets every broadcast once.
//
// Never twice: whatever happens. At least once is asked of a node when at the time of the broadcast there was a path to
// it whose links then stayed up for as long as a broadcast may take, over nodes whose clocks are within 30 s of the
// origin's. A link is up while both ends have announced each other, no partition lies between them, and nobody has
// reset it or damaged what it carries. Nodes that stand still are on no path.

#include <cstdint>
#include <vector>

#include "sim/oracles/oracle.h"

namespace meshdict::sim {

class BroadcastOracle {
 public:
  BroadcastOracle(const Hosts& hosts, const Network& network, const EventQueue& world, Findings& findings);

  /// The number that the broadcast's first packet carries.
  [[nodiscard]] std::uint64_t next_number() const { return broadcasts_.size(); }
  void sent(NodeIndex origin);
  void delivered(NodeIndex node, std::uint64_t number);
  /// Time is up for this one.
  void check(std::uint64_t number);

  void peer_up(NodeIndex node, NodeIndex peer);
  void peer_down(NodeIndex node, NodeIndex peer);
  void node_ended(NodeIndex node) { links_[node].clear(); }
  /// Bytes between the two may have been held back or lost.
  void disturbed(NodeIndex a, NodeIndex b);
  /// Of all links of the node.
  void node_disturbed(NodeIndex node);
  /// The links of the two may be up and carry nothing, until then.
  void doubtful(NodeIndex a, NodeIndex b, Duration until);
  /// Of all links that cross the partition that there is now. What happened meanwhile is known at both ends then: a round
  /// trip after its end, since who has closed a connection behind it says so in answer to what the other sends.
  void disturbed_blocked(Duration until);

 private:
  struct Link {
    NodeIndex peer = kNobody;
    Duration since{};
  };
  struct Broadcast {
    NodeIndex origin = kNobody;
    Duration at{};
    std::vector<bool> got;
  };
  struct Doubt {
    NodeIndex a = kNobody;
    NodeIndex b = kNobody;
    Duration until{};
  };
  [[nodiscard]] bool is_doubtful(NodeIndex a, NodeIndex b, Duration at) const;
  [[nodiscard]] Link* find(NodeIndex node, NodeIndex peer);
  [[nodiscard]] bool up_since(NodeIndex node, NodeIndex peer, Duration at) const;

  const Hosts& hosts_;
  const Network& network_;
  const EventQueue& world_;
  Findings& findings_;
  std::vector<std::vector<Link>> links_;  // by node, sorted by peer
  std::vector<Doubt> doubts_;
  std::vector<Broadcast> broadcasts_;
};

}  // namespace meshdict::sim
