#pragma once
// The promises about records: S1, S2, S6, S7 and "wait".
//
// S1     at the end all nodes of a society hold the same records, deletions beyond the horizon apart, and of all
//        versions that clients were promised none is larger than the one that is there.
// S2     the claim that a node shows for a key never falls, and is there again after a restart with its disk (leasing on).
// S6     when an acknowledged write gives way at its writer, then to a write of its own, to a later one after its lease
//        or its deletion, or with a conflict that tells the writer; after a restart with its disk it is still there.
// S7     a deleted key does not return in a version older than its deletion, as long as who deleted it has its disk.
// wait   a neighbour that has confirmed a write shows it then, or a later one.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/oracles/oracle.h"

namespace meshdict::sim {

/// The part of the order that a fence shows: greater is the later claim.
int order_of_claims(const Version& left, const Version& right);

/// The oracle's own idea of the order of versions: greater wins.
int naive_compare(const Version& left, const Version& right, Leasing leasing);

/// Whether it gives its claim up: then it pretends to be from before the claim began.
bool gives_up(const Version& version);
/// Bits of the latest time at which it shows its claim to have been held.
std::uint64_t last_held_bits(const Version& version);

class RecordOracle {
 public:
  RecordOracle(const Hosts& hosts, const Network& network, const EventQueue& world, const Identities& identities,
               const std::vector<Property>& check, Findings& findings);

  /// A client's write was acknowledged.
  void acknowledged(NodeIndex node, const std::string& key);
  void conflict(NodeIndex node, const Conflict& conflict);
  /// `peer` has told the node that it has what was written to these keys at `since`.
  void confirmed(NodeIndex node, const std::vector<std::string>& keys, Duration since, NodeIndex peer);
  /// The node's record of `key` has changed.
  void changed(NodeIndex node, const std::string& key);
  /// The node ends without a warning: what it shows now its disk has.
  void ends(NodeIndex node);
  /// It has read its disk again.
  void restarted(NodeIndex node);
  /// What the node has acknowledged and shown since then is lost with its disk.
  void forget(NodeIndex node, Duration since);
  /// Of those who should agree by now: S1 and S7.
  void check_societies();
  void check_at_end();

 private:
  struct Acknowledged {
    Version version;
    Duration at{};
    /// It has lost, and rightly or reported.
    bool settled = false;
    /// What its writer's wall clock was ahead by then. Beyond the skew, the write is issued again with its true time once the
    /// clock is right.
    Duration ahead{};
  };
  struct Shown {
    Version version;
    Duration at{};
  };
  using Place = std::pair<NodeIndex, std::string>;

  void note_deletion(const std::string& key, const Version& version, Leasing leasing);
  [[nodiscard]] bool may_have_forgotten(NodeIndex node, const std::string& key, const Version& shown) const;
  [[nodiscard]] bool was_deleted(const std::string& key, const Version& since, Leasing leasing) const;
  void check_equal(const Society& society);
  void check_largest(const Society& society);
  void check_fence(NodeIndex node, const std::string& key, const Version& version);
  [[nodiscard]] bool is_later_write(const std::string& key, const Version& there, const Acknowledged& promised) const;
  void check_reported(NodeIndex node, const std::string& key, Acknowledged& promised, const Version& there);
  [[nodiscard]] bool checks(Property property) const;
  [[nodiscard]] const std::string& name(NodeIndex node) const { return hosts_[node]->plan().name; }

  const Hosts& hosts_;
  const Network& network_;
  const EventQueue& world_;
  const Identities& identities_;
  const std::vector<Property> check_;
  Findings& findings_;
  std::map<Place, Acknowledged> acknowledged_;  // the last write of each node to each key
  std::map<Place, Shown> shown_;                // the claim that a node has shown last
  struct Deleted {
    Version largest;  ///< its tombstone may be collected
    Duration first{};
  };
  std::map<std::string, Deleted> deleted_;  // acknowledged deletions
};

/// Whether two nodes hold the same records; otherwise the first key that differs, and how. A deletion older than the
/// horizon is remembered by those who had it then, and need not be known to others.
std::optional<std::string> first_difference(const Host& left, const Host& right);

}  // namespace meshdict::sim
