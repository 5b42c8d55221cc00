#pragma once
// Asks a user's oracles when each is to be judged, and reports what they find wrong, once each.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "meshdict/sim/oracles.h"
#include "sim/oracles/oracle.h"

namespace meshdict::sim {

class Judges {
 public:
  /// All outlive it. `until`: from then on programs stand still.
  Judges(const std::vector<Oracle>& oracles, const View& view, Findings& findings, std::chrono::microseconds until);

  /// Something that oracles see has changed. `settled`: true time from which on the plan does nothing more.
  void look(std::chrono::microseconds settled);
  /// Time has passed: what had to hold by now and did not is told.
  void pass(std::chrono::microseconds settled);
  /// The run is over.
  void at_end(std::chrono::microseconds settled);

 private:
  struct Judge {
    const Oracle* oracle;
    Check check;
    bool done = false;
    /// Of an eventual one: what was wrong at the last look.
    std::string wrong;
  };

  void report(Judge& one, std::string what);
  void report_late(Judge& one, std::chrono::microseconds settled);

  const View& view_;
  Findings& findings_;
  const std::chrono::microseconds until_;
  std::vector<Judge> judges_;
};

}  // namespace meshdict::sim
