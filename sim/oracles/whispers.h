#pragma once
// B2: a whisper arrives once at the node that it is meant for, or its sender is told that it does not.
//
// 1. It arrives nowhere else, and not twice, unless frames were repeated on their way, which no TCP does.
// 2. None that its sender was told to be undeliverable arrives, before or after.
// 3. One that waits for its receiver to be found is told within limits::kDeferredLifetime, or has left for it by then. What has
//    left arrives.
//
// What leaves is asked for where the links of the two did not break, and neither of them ended or stood still, until it was due; not
// where frames were damaged, lines or disks are slow, or two nodes have one identity.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/engine/engine.h"
#include "sim/oracles/oracle.h"
#include "sim/plan/fault.h"

namespace meshdict::sim {

class WhisperOracle {
 public:
  /// `slowest`: how long a frame may be on its way.
  WhisperOracle(const Hosts& hosts, const EventQueue& world, const FaultCounts& faults,
                const std::vector<Property>& check, Duration slowest, Findings& findings);

  /// The number that the whisper's first packet carries.
  [[nodiscard]] std::uint64_t next_number() const { return whispers_.size(); }
  /// Before it is handed to the engine, so that the oracle knows it whatever that raises.
  void sending(NodeIndex from, NodeIndex to);
  /// What the engine has said of the last one; nothing: that it is none.
  void sent(std::optional<WhisperOutcome> outcome);
  void arrived(NodeIndex node, std::uint64_t number, const MessageId& id);
  void undeliverable(NodeIndex from, NodeIndex to, const MessageId& id);

  /// The first has a link to the second: what it held for it leaves.
  void linked(NodeIndex from, NodeIndex to) { linked_[{from, to}].push_back(world_.now()); }
  /// A link of the two has ended.
  void parted(NodeIndex a, NodeIndex b) { parted_[std::minmax(a, b)].push_back(world_.now()); }
  /// The node ends, stands still, goes on, or its disk becomes another.
  void disturbed(NodeIndex node) { disturbed_[node].push_back(world_.now()); }

  /// `lines_limited`: nothing says how long a frame takes.
  void check_at_end(bool lines_limited);

 private:
  struct Whisper {
    NodeIndex from = kNobody;
    NodeIndex to = kNobody;
    Duration at{};
    std::optional<WhisperOutcome> outcome;
    bool arrived = false;
  };
  using Pair = std::pair<NodeIndex, NodeIndex>;
  [[nodiscard]] Duration due(const Whisper& whisper) const;
  [[nodiscard]] bool has_left(const Whisper& whisper) const;
  [[nodiscard]] bool was_disturbed(NodeIndex node, Duration from, Duration until) const;
  [[nodiscard]] bool judges(const Whisper& whisper) const;

  const Hosts& hosts_;
  const EventQueue& world_;
  const FaultCounts& faults_;
  const bool on_;
  const Duration slowest_;
  Findings& findings_;
  std::vector<Whisper> whispers_;
  std::set<MessageId> arrived_;
  std::set<MessageId> undeliverable_;
  std::map<Pair, std::vector<Duration>> told_;  // undeliverable: sender and receiver
  std::map<Pair, std::vector<Duration>> linked_;
  std::map<Pair, std::vector<Duration>> parted_;
  std::map<NodeIndex, std::vector<Duration>> disturbed_;
};

}  // namespace meshdict::sim
