#pragma once
// The inside of read_step(). Operations are read in step.cpp, expectations in expect.cpp, all else in
// step_faults.cpp.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/plan/plan.h"
#include "sim/plan/yaml/node_names.h"
#include "sim/plan/yaml/reader.h"
#include "sim/plan/yaml/step.h"

namespace meshdict::sim {

inline const std::string kSameNode = "this is the same node again, expected another";

class StepReader {
 public:
  StepReader(StepContext& context, PlanErrors& errors) : context_(context), nodes_(context.nodes), errors_(errors) {}

  std::optional<Step> read(const YAML::Node& node);

 private:
  Action read_action(std::string_view verb, MapReader& map, Step& step);
  Action read_set(MapReader& map);
  std::uint64_t read_set_size(MapReader& map, const std::string& key, std::uint64_t most);
  Action read_delete(MapReader& map);
  Action read_mark(const YAML::Node& node);
  void read_waited(MapReader& map, SetStep& set);

  // expect.cpp
  Action read_expect(MapReader& map);
  void read_key(MapReader& map, Expectation& what);
  void read_lease(MapReader& map, Expectation& what);
  void read_info(const YAML::Node& node, Expectation& what);
  void read_since(MapReader& map, Expectation& what);
  void read_span(MapReader& map, Expectation& what);
  void read_refused(const YAML::Node& node, Expectation& what);
  void read_totals(const YAML::Node& node, Expectation& what);

  // step_faults.cpp
  Action read_fault(std::string_view verb, MapReader& map, Step& step);
  Action read_crash(MapReader& map, Step& step);
  Action read_partition(MapReader& map, Step& step);
  Action read_reset(MapReader& map);
  Action read_link_step(MapReader& map, Step& step);
  Action read_restart(MapReader& map);
  DiskLeft read_disk_left(const YAML::Node& disk);
  Action read_dials(MapReader& map, Step& step);
  Action read_storm(MapReader& map);
  Action read_slow_reader(MapReader& map, Step& step);
  Action read_tamper(MapReader& map);
  Action read_disk(MapReader& map, Step& step);
  Action read_clock(MapReader& map, Step& step);
  void read_lasts(MapReader& map, Step& step) { step.lasts = read_duration_range(map.optional("for"), errors_); }
  std::vector<NodeIndex> several(MapReader& map, const std::string& key) {
    return nodes_.read_several_or_some(map.required(key), errors_);
  }
  bool flag(MapReader& map, const std::string& key) { return read_flag(map.optional(key), errors_).value_or(false); }

  Action read_about_lease(std::string_view verb, MapReader& map);
  void read_write(MapReader& map, Outcome& expect, NodeIndex& owner, const std::vector<std::string>& outcomes);
  void read_time(MapReader& map, Step& step);
  void read_moment(const YAML::Node& at, Step& step);
  void read_when(const YAML::Node& node, Step& step);
  void read_repeat(const YAML::Node& node, Step& step);
  void check_open_nodes(const YAML::Node& node, Step& step);

  NodeIndex node(MapReader& map, const std::string& key) {
    return nodes_.read_or_any(map.required(key), errors_).value_or(0);
  }
  std::string text(MapReader& map, const std::string& key) {
    return read_text(map.required(key), errors_).value_or(std::string());
  }
  std::string text_or_nothing(MapReader& map, const std::string& key) {
    return read_text(map.optional(key), errors_).value_or(std::string());
  }
  /// Reads two nodes, which must not be the same.
  std::pair<NodeIndex, NodeIndex> both(MapReader& map, const std::string& one, const std::string& other);
  std::optional<std::pair<NodeIndex, NodeIndex>> read_pair(const YAML::Node& value);

  StepContext& context_;
  const NodeNames& nodes_;
  PlanErrors& errors_;
};

}  // namespace meshdict::sim
