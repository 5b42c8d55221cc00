#pragma once
// The steps that befall nodes, disks, clocks and the network.
//
// A step that takes effect counts its kind (sim/plan/fault.h), here or where the effect is, and tells the oracles which
// promises it suspends.

#include <cstdint>
#include <vector>

#include "sim/world/nodes.h"
#include "sim/world/stage.h"

namespace meshdict::sim {

class Faults {
 public:
  /// Both outlive it.
  Faults(Stage& stage, Nodes& nodes) : stage_(stage), nodes_(nodes) {}

  // Nodes

  void perform(const Step& step, const StartStep& what);
  void perform(const Step& step, const RestartStep& what);
  void perform(const Step& step, const StopStep& what);
  void perform(const Step& step, const LeaveStep& what);
  void perform(const Step& step, const CrashStep& what);
  void perform(const Step& step, const CloneStep& what);
  void perform(const Step& step, const PauseStep& what);
  void perform(const Step& step, const ResumeStep& what);
  void perform(const Step& step, const DiskStep& what);
  void perform(const Step& step, const ClockStep& what);

  // The network

  void perform(const Step& step, const PartitionStep& what);
  void perform(const Step& step, const HealStep& what);
  void perform(const Step& step, const CutStep& what);
  void perform(const Step& step, const MendStep& what);
  void perform(const Step& step, const ResetStep& what);
  void perform(const Step& step, const HalfOpenStep& what);
  void perform(const Step& step, const LinkStep& what);
  void perform(const Step& step, const DialsStep& what);
  void perform(const Step& step, const StormStep& what);
  void perform(const Step& step, const SlowReaderStep& what);
  void perform(const Step& step, const TamperStep& what);

  /// The moment has its name; what waits for it follows.
  void perform(const Step& step, const MarkStep& what);

  /// At the end of the run: tells of what has waited for a frame in vain.
  void finish();

 private:
  /// What befalls the next frame of a connection.
  struct Trap {
    const Step* step = nullptr;
    std::uint64_t number = 0;  ///< as the network gave it
  };
  void lose_end(const Step& step, NodeIndex a, NodeIndex b, bool mute);
  void unconnected(const Step& step, NodeIndex a, NodeIndex b);

  Stage& stage_;
  Nodes& nodes_;
  std::vector<Trap> traps_;
};

}  // namespace meshdict::sim
