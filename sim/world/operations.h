#pragma once
// The steps that clients take at nodes, and what the plan says must come of them.

#include <expected>
#include <span>
#include <string>

#include "sim/world/nodes.h"
#include "sim/world/stage.h"

namespace meshdict::sim {

class Operations {
 public:
  /// Both outlive it.
  Operations(Stage& stage, Nodes& nodes) : stage_(stage), nodes_(nodes) {}

  void perform(const Step& step, const SetStep& what);
  void perform(const Step& step, const DeleteStep& what);
  void perform(const Step& step, const BroadcastStep& what);
  void perform(const Step& step, const WhisperStep& what);
  void perform(const Step& step, const ConnectStep& what);
  void perform(const Step& step, const DisconnectStep& what);
  void perform(const Step& step, const ReleaseStep& what);
  void perform(const Step& step, const BreakStep& what);
  void perform(const Step& step, const RemoveStep& what);

  /// By now others must have said that they have what `step` wrote.
  void check_waited(const Step& step, const SetStep& what);

 private:
  /// A write that was tried. Of one that is refused `keys` has only that for which it is.
  struct Written {
    NodeIndex node = 0;
    std::span<const std::string> keys;
    std::span<const LeaseOracle::Foreseen> foreseen;  ///< of each of the keys
    Outcome required = Outcome::kAny;                 ///< by the plan
    NodeIndex owner = kNobody;                        ///< with kLeased: who must hold the key
    std::expected<void, WriteError> result;
  };
  void note(const Step& step, const Written& written);
  void note_about_lease(const Step& step, const Written& written, std::expected<bool, WriteError> done);
  void check_owner(const Step& step, const Written& written, const std::string& text);

  Stage& stage_;
  Nodes& nodes_;
};

}  // namespace meshdict::sim
