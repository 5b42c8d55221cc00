#pragma once
#include <yaml-cpp/yaml.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/plan/plan.h"
#include "sim/plan/yaml_reader.h"

namespace meshdict::sim {

/// The nodes of a plan by name, where its text speaks of them.
class NodeNames {
 public:
  /// False when there is one of this name.
  bool add(const std::string& name);
  [[nodiscard]] std::size_t size() const { return names_.size(); }
  [[nodiscard]] std::vector<NodeIndex> all() const;

  /// One name.
  std::optional<NodeIndex> read(const YAML::Node& node, PlanErrors& errors) const;
  /// A name, "n1..n9" (from the one to the other, in the plan's order), "all", or a list of these.
  std::vector<NodeIndex> read_several(const YAML::Node& node, PlanErrors& errors) const;

 private:
  void read_item(const YAML::Node& node, std::vector<NodeIndex>& into, PlanErrors& errors) const;
  std::optional<NodeIndex> find(const std::string& name, const YAML::Mark& mark, PlanErrors& errors) const;

  std::vector<std::string> names_;
  std::map<std::string, NodeIndex> by_name_;
};

}  // namespace meshdict::sim
