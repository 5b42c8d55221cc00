#pragma once
// Faults that the seed draws: which kinds there are, and when nodes are free for one.
//
// 1. What is drawn are ordinary steps: they can be written out, shrunk and drawn in pictures like those of the plan.
// 2. Where the plan tells that a fault would find nothing to do (a crash of what is down, a second cut of the same pair), another
//    node or another kind is drawn. Whether two nodes have a connection only the run can tell: steps about one may idle.
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

/// Stretches of time, of which none touches another.
class Stretches {
 public:
  void add(Duration from, Duration until);
  /// What is open at `at` ends then.
  void close(Duration at);
  [[nodiscard]] bool meets(Duration from, Duration until) const;

 private:
  // By their beginning.
  std::map<Duration, Duration> until_;
};

/// What steps hold of nodes and links, and when: so that no other step finds it taken.
class Occupied {
 public:
  enum class What : std::uint8_t { kDown, kHampered, kDials, kReading, kLink, kRate, kBorder };

  /// REQUIRES: when nodes start is drawn.
  explicit Occupied(const std::vector<NodePlan>& nodes);

  /// What a step of the plan holds. REQUIRES: its time and its nodes are drawn; steps come in the order of their times.
  void add(const Step& step);
  void take(What what, NodeIndex a, NodeIndex b, Duration from, Duration until) {
    held_[{what, a, b}].add(from, until);
  }
  [[nodiscard]] bool is_taken(What what, NodeIndex a, NodeIndex b, Duration from, Duration until) const;
  /// Whether nothing has it down, still or with a disk in trouble.
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
/// All.
std::span<const NemesisKind> nemesis_kinds();
std::vector<std::string> nemesis_names();

/// Adds to `steps` what a nemesis does. `occupied` has what the plan's other steps hold, and then what these do.
void draw_nemesis(const Nemesis& nemesis, const Plan& plan, RandomStream random, Occupied& occupied,
                  std::vector<Step>& steps);

}  // namespace meshdict::sim
