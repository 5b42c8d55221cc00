#pragma once
// A few nodes that have nothing but the core's Dictionary, with one key, and a network in which the caller chooses what
// happens next. It is explored as a SmallWorld is (explore.h), and replayed.
//
// 1. Every write and deletion of the plan can be tried at any time; a refused one is used up. What a node writes, it sends to
//    each other node once. Nothing is ordered: each arrival of a record is a choice of its own.
// 2. A node hears several records in one turn; what it writes anew by itself (contests.h) it sends when its turn ends, which
//    is a choice, too.
// 3. All clocks show the same. A choice `time` is the next of the plan's pauses; it can come at any time, whatever is on its way.
// 4. Faults: `lose`: a record does not arrive. `repeat`: it arrives, and once more at any time. `restart`: a process is killed and
//    comes back with its disk and a newer boot.
// 5. The world is at rest when nothing is on its way, no turn is open, and all nodes have the same record. While only
//    the last is missing, two nodes that differ compare: each hears the other's record.
// 6. What is demanded stands in claim_judge.h. It shares no code with the core's merge and leases, but for the margin of leases.
// 7. A node's state is what it has heard and done, in order: a copy that is changed does that again. Two states are one when every
//    node has heard the same in the same order, and the same is on its way. What a node had heard before, or what stood below
//    its record and drew no answer, does not count.

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/encoding/msgpack.h"
#include "core/record/version.h"
#include "sim/explore/choice.h"
#include "sim/plan/plan.h"

namespace meshdict::sim {

struct ClaimFaults {
  std::uint32_t lose = 0;
  std::uint32_t repeat = 0;
  std::uint32_t restart = 0;
  bool operator==(const ClaimFaults&) const = default;
};

struct ClaimPlan {
  std::vector<std::string> nodes;
  std::vector<std::uint32_t> writes{};   ///< of each node, so many
  std::vector<std::uint32_t> deletes{};  ///< the same
  std::vector<Duration> pauses{};        ///< in this order
  ClaimFaults faults{};
};

/// A record as a node has made it, shared by all worlds.
struct MadeRecord {
  ItemName name;  ///< its writer, and which of that node's it was, from 1
  Raw value;
  Version version;
};
using MadeRecordPtr = std::shared_ptr<const MadeRecord>;

/// The record that a node has.
struct ClaimShown {
  Raw value;
  Version version;
  bool operator==(const ClaimShown&) const = default;
};

class ClaimNode;

class ClaimWorld {
 public:
  using Plan = ClaimPlan;

  /// `plan` outlives it. A world and its copies belong to one thread.
  explicit ClaimWorld(const ClaimPlan& plan);
  ClaimWorld(const ClaimWorld& other);
  ClaimWorld& operator=(const ClaimWorld&) = delete;
  ~ClaimWorld();

  /// All that can happen next, in a fixed order: first what must happen some time, then writes, time and faults.
  [[nodiscard]] std::vector<Choice> choices() const;
  /// REQUIRES: it is one of choices().
  void apply(const Choice& choice);
  [[nodiscard]] bool at_rest() const;

  /// Empty: nothing is wrong.
  [[nodiscard]] std::vector<std::string> wrongs() const;
  /// See rule 7.
  [[nodiscard]] std::uint64_t digest() const;
  [[nodiscard]] Duration now() const { return now_; }
  /// What the choice brings, for people.
  [[nodiscard]] std::string describe(const Choice& choice) const;
  /// Whose record the nodes have, and of which epoch.
  [[nodiscard]] std::string look() const;

 private:
  struct Flight {
    MadeRecordPtr record;
    NodeIndex to = 0;
  };
  class Judge;

  [[nodiscard]] ClaimNode& change(NodeIndex node);
  [[nodiscard]] bool all_heard() const;
  [[nodiscard]] bool all_alike() const;
  [[nodiscard]] std::vector<Flight>::const_iterator find(const Choice& choice) const;
  void add_arrivals(std::vector<Choice>& found) const;
  void add_faults(std::vector<Choice>& found) const;
  void write(NodeIndex node, bool deletes);
  void hear(NodeIndex node, const MadeRecordPtr& record);
  void end_turn(NodeIndex node);
  void compare(NodeIndex a, NodeIndex b);
  void send_to_others(NodeIndex from, const MadeRecordPtr& record);
  MadeRecordPtr make(NodeIndex writer, const ClaimShown& shown);
  [[nodiscard]] std::string wrong_lease(NodeIndex at) const;
  [[nodiscard]] std::string wrong_rest() const;

  const ClaimPlan& plan_;
  Duration now_{};
  std::size_t pauses_ = 0;
  ClaimFaults spent_;
  std::vector<std::shared_ptr<ClaimNode>> nodes_;
  std::vector<std::uint32_t> writes_left_;
  std::vector<std::uint32_t> deletes_left_;
  std::vector<std::uint32_t> made_;          // by node
  std::vector<bool> in_turn_;                // by node: it may have something to send
  std::vector<Flight> flights_;              // sorted by record and receiver
  std::vector<MadeRecordPtr> acknowledged_;  // writes of clients, as they were taken
  /// What must never happen, and has.
  std::vector<std::string> misdeeds_;
};

}  // namespace meshdict::sim
