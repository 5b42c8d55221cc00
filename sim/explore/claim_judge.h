#pragma once
// What is demanded of the nodes of a ClaimWorld.
//
// With each input of a node:
// J1. A write is refused exactly while another holds the key: not below the lease, and not above it by more than the margin; and it is
//     admitted once the time has passed that the refusal tells.
// J2. A write that is taken is what the node shows. A holder stays in its claim while it surely trusts its lease, and never goes
//     on in one that may have ended.
// J3. Of the node's record and one that it hears the greater stays: larger epoch, earlier claim, smaller owner, later boot, later
//     sequence. Unless the node, as owner of the smaller, writes it anew above a deletion, a lease that is over or an earlier
//     process of its own; or, as owner of the greater, with the next epoch, since both have the same.
// J4. An acknowledged write that loses to another's record is told as a conflict, unless that came after the lease or the
//     owner's deletion; then it is not.
// J5. What a node sends as written anew is its own, and what it shows.
//
// Always: J6. The lease that is told ends when it does, and a claim is not settled before its time.
//
// At rest, when all nodes have the same record: J7. It is the last acknowledged write of its claim; without deletions there is a
// value once one was acknowledged; and as long as nothing is lost, deleted, restarted or near its end, nobody else was told the same
// epoch. Comparing leads to rest.

#include <optional>

#include "sim/explore/claim_node.h"
#include "sim/explore/claim_world.h"

namespace meshdict::sim {

/// Looks at one node before an input, and is told what came of it.
class ClaimWorld::Judge {
 public:
  Judge(ClaimWorld& world, NodeIndex node);

  void wrote(bool deletes, const ClaimNode::Outcome& outcome);
  void heard(const MadeRecord& incoming, const ClaimNode::Outcome& outcome);
  void ended_turn(const ClaimNode::Outcome& outcome);

 private:
  void taken(bool deletes);
  void kept(const MadeRecord& incoming);
  void replaced(const MadeRecord& incoming);
  void conflict(const ClaimNode::Outcome& outcome);
  [[nodiscard]] bool is_anew() const;
  [[nodiscard]] Duration age(const Version& version) const;
  [[nodiscard]] const std::optional<ClaimNode::Shown>& after() const;
  void wrong(const std::string& what);

  ClaimWorld& world_;
  NodeIndex node_;
  std::optional<ClaimNode::Shown> before_;
};

}  // namespace meshdict::sim
