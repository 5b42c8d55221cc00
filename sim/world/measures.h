#pragma once
// What steps and events say about the thresholds of the core: how long nodes were away, how much was written, and so on. What
// frames say the network measures itself.
//
// It changes nothing that the run does, and nothing in its trace. Not thread-safe.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/machines/event_queue.h"
#include "sim/oracles/oracle.h"
#include "sim/plan/plan.h"
#include "sim/plan/thresholds.h"

namespace meshdict::sim {

class Measures {
 public:
  /// All outlive it.
  Measures(const EventQueue& world, const Hosts& hosts, Reach& reach)
      : world_(world), hosts_(hosts), reach_(reach), away_since_(hosts.size()) {}

  // Nodes

  /// It is down or stands still from now on; it is there again.
  void away(NodeIndex node);
  void back(NodeIndex node);
  /// After each change of its wall clock: it is held against the furthest that there have been on either side.
  void clock_moved(NodeIndex node, Duration jump);

  // Links

  /// Something divides the nodes; nothing does any more.
  void divided();
  void united();
  /// By a user; and by a user linked again.
  void parted(NodeIndex a, NodeIndex b);
  void connected(NodeIndex a, NodeIndex b);
  void dialled_at_once(std::uint64_t dials);

  // What users write and say

  /// A write was acknowledged.
  void wrote(NodeIndex node, const std::vector<std::string>& keys, std::uint64_t value_size);
  void deleted(const std::string& key);
  /// Another holds the key that somebody is about to write, and wrote it last so long ago.
  void contested(Duration age) { reach_.saw(Quantity::kClaimAge, age); }
  /// A neighbour has said that it has what was written then.
  void confirmed(Duration written) { reach_.saw(Quantity::kConfirming, world_.now() - written); }
  /// A whisper waits until its receiver is found; what waits for it leaves, or is given up.
  void held(NodeIndex from, NodeIndex to);
  void released(NodeIndex from, NodeIndex to);

  /// What there is when the run ends.
  void at_end();

 private:
  using Pair = std::pair<NodeIndex, NodeIndex>;

  const EventQueue& world_;
  const Hosts& hosts_;
  Reach& reach_;
  std::vector<std::optional<Duration>> away_since_;
  std::optional<Duration> divided_since_;
  std::map<Pair, Duration> parted_since_;
  std::map<Pair, std::vector<Duration>> held_;
  std::map<std::string, std::set<NodeIndex>> writers_;  // by key
  std::map<std::string, Duration> deleted_;             // when last, by key
  std::map<NodeIndex, std::int64_t> written_ahead_;
  struct Offsets {
    Duration lowest;
    Duration highest;
  };
  std::optional<Offsets> offsets_;  // of all wall clocks so far, from the true time
};

}  // namespace meshdict::sim
