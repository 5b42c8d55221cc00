#pragma once
// What plans call things: their nodes, and the core's reasons, kinds of messages and figures of INFO.

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/engine/views.h"
#include "core/links/end_reason.h"
#include "sim/plan/plan.h"
#include "sim/plan/yaml/reader.h"

namespace meshdict {
class Engine;
}

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
  /// A name, "n1..n9" (all from the first to the second, in the plan's order), "all", or a list of these.
  std::vector<NodeIndex> read_several(const YAML::Node& node, PlanErrors& errors) const;

  /// One name, or kAnyNode for "any", unless a node has that name.
  std::optional<NodeIndex> read_or_any(const YAML::Node& node, PlanErrors& errors) const;
  /// The same as read_several(); "any" and "some 3" put so many kAnyNode behind the named ones.
  std::vector<NodeIndex> read_several_or_some(const YAML::Node& node, PlanErrors& errors) const;

 private:
  [[nodiscard]] bool is_any(const YAML::Node& node) const;
  std::optional<std::size_t> read_some(const YAML::Node& node, PlanErrors& errors) const;
  void read_item(const YAML::Node& node, std::vector<NodeIndex>& into, PlanErrors& errors) const;
  std::optional<NodeIndex> find(const std::string& name, const YAML::Mark& mark, PlanErrors& errors) const;

  std::vector<std::string> names_;
  std::map<std::string, NodeIndex> by_name_;
};

/// How YAML spells a reason: "wrong_network".
std::string_view word_of(EndReason reason);
/// All of them, in the order of EndReason.
const std::vector<std::string>& reason_words();

/// "hello", "store", ...: as transcripts name them.
const std::vector<std::string>& message_kinds();

/// A figure that INFO tells of a node, and that its core knows.
struct InfoFigure {
  std::string_view name;
  /// A counter, which only grows within one incarnation; null: it is a gauge.
  std::uint64_t EngineStats::* counter = nullptr;
  std::uint64_t (*gauge)(const Engine& engine) = nullptr;
};
std::span<const InfoFigure> info_figures();

}  // namespace meshdict::sim
