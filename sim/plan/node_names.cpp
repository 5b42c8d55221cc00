#include "sim/plan/node_names.h"

#include <fmt/format.h>

#include <algorithm>

namespace meshdict::sim {

bool NodeNames::add(const std::string& name) {
  if (!by_name_.emplace(name, static_cast<NodeIndex>(names_.size())).second) return false;
  names_.push_back(name);
  return true;
}

std::vector<NodeIndex> NodeNames::all() const {
  std::vector<NodeIndex> nodes(names_.size());
  for (NodeIndex i = 0; i < nodes.size(); ++i)
    nodes[i] = i;
  return nodes;
}

std::optional<NodeIndex> NodeNames::find(const std::string& name, const YAML::Mark& mark, PlanErrors& errors) const {
  const auto found = by_name_.find(name);
  if (found != by_name_.end()) return found->second;
  errors.add_unknown(mark, name, "node", names_);
  return std::nullopt;
}

std::optional<NodeIndex> NodeNames::read(const YAML::Node& node, PlanErrors& errors) const {
  const auto name = read_text(node, errors);
  return name ? find(*name, node.Mark(), errors) : std::nullopt;
}

std::vector<NodeIndex> NodeNames::read_several(const YAML::Node& node, PlanErrors& errors) const {
  std::vector<NodeIndex> nodes;
  if (!node.IsDefined()) return nodes;
  if (node.IsSequence()) {
    for (const auto& item : node)
      read_item(item, nodes, errors);
  } else {
    read_item(node, nodes, errors);
  }
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  return nodes;
}

void NodeNames::read_item(const YAML::Node& node, std::vector<NodeIndex>& into, PlanErrors& errors) const {
  const auto text = read_text(node, errors);
  if (!text) return;
  if (*text == "all") {
    into = all();
    return;
  }
  const std::size_t dots = text->find("..");
  const auto first = find(text->substr(0, dots), node.Mark(), errors);
  const auto last = dots == std::string::npos ? first : find(text->substr(dots + 2), node.Mark(), errors);
  if (!first || !last) return;
  if (*first > *last) {
    errors.add(node.Mark(), fmt::format("'{}' runs backwards, expected the earlier node first", *text));
    return;
  }
  for (NodeIndex i = *first; i <= *last; ++i)
    into.push_back(i);
}

}  // namespace meshdict::sim
