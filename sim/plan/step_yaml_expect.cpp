// Reading what an `expect` step demands.

#include <memory>
#include <utility>

#include "sim/plan/step_reader.h"

namespace meshdict::sim {

Action StepReader::read_expect(MapReader& map) {
  const std::size_t errors_before = errors_.list().size();
  Expectation what;
  const YAML::Node one = map.optional("node");
  const YAML::Node several = map.optional("nodes");
  if (one.IsDefined() && several.IsDefined()) {
    errors_.add(several.Mark(), "'expect' has both 'node' and 'nodes', expected one");
  } else if (!one.IsDefined() && !several.IsDefined()) {
    errors_.add(map.map().Mark(), "'expect' does not say of whom, expected 'node: NAME' or 'nodes: [NAME, ...]'");
  }
  what.nodes = nodes_.read_several(one.IsDefined() ? one : several, errors_);
  what.key = read_text(map.optional("key"), errors_);
  const YAML::Node value = map.optional("value");
  const YAML::Node absent = map.optional("absent");
  const YAML::Node owner = map.optional("owner");
  for (const YAML::Node& about : {value, absent, owner}) {
    if (about.IsDefined() && !what.key)
      errors_.add(about.Mark(), "this is about no key, expected 'key: NAME' beside it");
  }
  what.value = read_text(value, errors_);
  what.absent = read_flag(absent, errors_).value_or(false);
  what.owner = nodes_.read(owner, errors_).value_or(kNobody);
  what.neighbours = read_count_range(map.optional("neighbours"), errors_);
  what.size = read_count_range(map.optional("size"), errors_);
  what.messages = read_count_range(map.optional("messages"), errors_);
  what.conflicts = read_count_range(map.optional("conflicts"), errors_);
  what.linked = nodes_.read_several(map.optional("linked"), errors_);
  what.not_linked = nodes_.read_several(map.optional("not_linked"), errors_);
  what.equal = read_flag(map.optional("equal"), errors_).value_or(false);
  read_refused(map.optional("refused"), what);
  read_totals(map.optional("in_all"), what);
  const bool demands = what.value || what.absent || what.owner != kNobody || what.neighbours || what.size ||
                       what.messages || what.conflicts || !what.linked.empty() || !what.not_linked.empty() ||
                       what.equal || what.refused || what.total_messages || what.total_conflicts;
  if (!demands && errors_.list().size() == errors_before) {
    errors_.add(
        map.map().Mark(),
        "'expect' demands nothing, expected value, absent, owner, neighbours, size, messages, conflicts, linked, "
        "not_linked, equal, refused or in_all");
  }
  return ExpectStep{std::make_shared<const Expectation>(std::move(what))};
}

void StepReader::read_refused(const YAML::Node& node, Expectation& what) {
  if (!node.IsDefined()) return;
  MapReader map(node, "'refused'", errors_);
  if (const auto reason = read_word(map.required("reason"), "reason", reason_words(), errors_)) {
    what.refused = static_cast<EndReason>(*reason);
  }
  what.refused_who = nodes_.read(map.optional("who"), errors_).value_or(kNobody);
  map.finish();
}

void StepReader::read_totals(const YAML::Node& node, Expectation& what) {
  if (!node.IsDefined()) return;
  MapReader map(node, "'in_all'", errors_);
  what.total_messages = read_count_range(map.optional("messages"), errors_);
  what.total_conflicts = read_count_range(map.optional("conflicts"), errors_);
  map.finish();
}

}  // namespace meshdict::sim
