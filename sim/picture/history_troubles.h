#pragma once
// Part of reading a history: faults that last, from the step that begins them to the one that undoes them.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sim/picture/history.h"

namespace YAML {  // NOLINT(readability-identifier-naming): yaml-cpp's
class Node;
}

namespace meshdict::sim {

class TroubleTracker {
 public:
  explicit TroubleTracker(History& history) : troubles_(history.troubles) {}

  /// Takes a fault's step: its verb, its arguments, and the nodes that it names. Faults without a known end are ignored.
  void step(const std::string& verb, const YAML::Node& arguments, const std::vector<NodeIndex>& nodes, Duration at);
  /// Faults that nothing has undone last until `end`.
  void finish(Duration end);

 private:
  void begin(const std::string& slot, const std::string& what, const std::vector<NodeIndex>& nodes, Duration at);
  void end(const std::string& slot, Duration at);
  void clock(const std::string& slot, const YAML::Node& arguments, const std::vector<NodeIndex>& nodes, Duration at);

  std::vector<Trouble>& troubles_;
  // Positions in History::troubles of those that last, by what can only be there once.
  std::map<std::string, std::size_t> open_;
  // The sum of a clock's jumps.
  std::map<std::string, std::int64_t> jumped_us_;
};

}  // namespace meshdict::sim
