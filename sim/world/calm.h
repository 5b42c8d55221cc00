#pragma once
// The promises about the end, asked for as soon as they must hold, and not only when the run is over.
//
// 1. The mesh is whole (C1, "connected") settle_bound() after the last fault has begun or ended, and stays so for a moment.
// 2. Records are equal and none is lost (S1, S7) that long after the last fault and the last write.
// 3. From then on nothing happens ("quiet"): nodes ping each other and compare notes, at a pace that does not grow; no record
//    changes, no loss is told, no neighbour is dropped for a fault. And what they remember is bounded ("bounds").
// 4. Nothing of this while something lasts for which the bound does not hold: cuts, slow lines and readers, full and slow disks,
//    nodes that stand still, two with one identity.
//
// It pushes no events: between two of them nothing changes, so it looks before the first that comes too late for it.

#include <cstdint>
#include <optional>
#include <vector>

#include "sim/oracles/mesh.h"
#include "sim/world/stage.h"

namespace meshdict::sim {

class Calm {
 public:
  /// `grace`: how long a connection may take to come up or to go.
  Calm(Stage& stage, Duration grace);

  /// A step is performed now.
  void disturbed(const Action& action);
  /// Nothing happens before `next`.
  void pass(Duration next) {
    if (next > look_at_) look(next);
  }
  /// The run is over.
  void finish();

 private:
  /// Figures when the quiet began.
  struct Quiet {
    Duration since{};
    std::uint64_t frames = 0;
    std::uint64_t changes = 0;
  };

  void look(Duration next);
  void plan_look();
  [[nodiscard]] bool is_at_rest() const;
  [[nodiscard]] std::uint64_t effects() const;
  [[nodiscard]] std::uint64_t changes() const;
  [[nodiscard]] Duration spread_of_clocks() const;
  void look_at_mesh();
  void look_at_records();
  [[nodiscard]] bool all_lines_carry() const;
  void check_quiet();
  void check_bounds() const;
  [[nodiscard]] std::uint64_t most_frames(Duration span) const;

  Stage& stage_;
  const Duration grace_;
  const Duration bound_;
  const bool off_;
  Duration fault_{};   // the last
  Duration change_{};  // the last fault or write
  std::uint64_t effects_ = 0;
  bool mesh_judged_ = false;
  bool records_judged_ = false;
  std::optional<std::vector<ConnectionFault>> faults_before_;
  std::optional<Quiet> quiet_;
  Duration look_at_{};
};

}  // namespace meshdict::sim
