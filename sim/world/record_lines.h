#pragma once
// What a transcript says of records: a line for each change of what a node holds of a key.

#include <map>
#include <string>
#include <utility>

#include "sim/world/stage.h"

namespace meshdict::sim {

/// REQUIRES, of all calls: the stage has a transcript, and the node is up.
class RecordLines {
 public:
  explicit RecordLines(Stage& stage) : stage_(stage) {}

  /// Writes what `node` holds of `key`, if that is not what was written last.
  void tell(NodeIndex node, const std::string& key);
  /// The node has started: writes all that it holds.
  void tell_all(NodeIndex node);

 private:
  Stage& stage_;
  std::map<std::pair<NodeIndex, std::string>, std::string> told_;
};

}  // namespace meshdict::sim
