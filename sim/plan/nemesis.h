#pragma once
// Faults that the seed draws: which kinds there are, and when nodes are free for one.
//
// 1. Ordinary steps are drawn: they can be written out, shrunk and shown in pictures like those of the plan.
// 2. When the plan shows that a fault would find nothing to do (a crash of a node that is down, a second cut of the same pair),
//    another node or another kind is drawn. Only the run can tell whether two nodes have a connection: steps about one may
//    change nothing (may_idle).
// 3. Each fault ends by itself.

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "core/base/random.h"
#include "sim/plan/fault.h"
#include "sim/plan/plan.h"

namespace meshdict::sim {

/// Stretches of time that do not touch each other.
class Stretches {
 public:
  void add(Duration from, Duration until);
  /// A stretch that covers `at` ends then.
  void close(Duration at);
  [[nodiscard]] bool meets(Duration from, Duration until) const;

 private:
  // By their beginning.
  std::map<Duration, Duration> until_;
};

/// What steps hold of nodes and links, and when: so that no other step takes the same.
class Occupied {
 public:
  enum class What : std::uint8_t { kDown, kHampered, kDials, kReading, kLink, kRate, kBorder };

  /// REQUIRES: the nodes' starts are drawn.
  explicit Occupied(const std::vector<NodePlan>& nodes);

  /// What a step of the plan holds. REQUIRES: its time and its nodes are drawn; steps come in the order of their times.
  void add(const Step& step);
  void take(What what, NodeIndex a, NodeIndex b, Duration from, Duration until) {
    held_[{what, a, b}].add(from, until);
  }
  [[nodiscard]] bool is_taken(What what, NodeIndex a, NodeIndex b, Duration from, Duration until) const;
  /// Whether the node is up, does not stand still, and has no trouble with its disk.
  [[nodiscard]] bool is_well(NodeIndex node, Duration from, Duration until) const {
    return !is_taken(What::kDown, node, kNobody, from, until) && !is_taken(What::kHampered, node, kNobody, from, until);
  }
  [[nodiscard]] bool is_down(NodeIndex node, Duration at) const { return is_taken(What::kDown, node, kNobody, at, at); }

 private:
  std::map<std::tuple<What, NodeIndex, NodeIndex>, Stretches> held_;
};

struct NemesisKind {
  /// As in results, where the fault has a name there.
  std::string_view name;
  std::string_view meaning;
};
/// All kinds.
std::span<const NemesisKind> nemesis_kinds();
std::vector<std::string> nemesis_names();

/// Adds to `steps` what a nemesis does. `occupied` has what the plan's other steps hold; what these steps hold is added to it.
void draw_nemesis(const Nemesis& nemesis, const Plan& plan, RandomStream random, Occupied& occupied,
                  std::vector<Step>& steps);

}  // namespace meshdict::sim
