#include "sim/world/expectations.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "core/encoding/value.h"
#include "sim/oracles/records.h"

namespace meshdict::sim {
namespace {

std::string text_of(const CountRange& range) {
  if (range.low == range.high) return std::to_string(range.low);
  if (range.high == std::numeric_limits<std::uint64_t>::max()) return fmt::format("at least {}", range.low);
  return fmt::format("{} to {}", range.low, range.high);
}

bool is_of_each_node(const Expectation& what) {
  const bool counts = what.neighbours || what.size || what.messages || what.conflicts;
  return counts || what.key || !what.linked.empty() || !what.not_linked.empty() || what.refused || what.equal;
}

}  // namespace

void Expectations::perform(const Step& step, const ExpectStep& expect) {
  const Expectation& what = *expect.what;
  for (const NodeIndex node : what.nodes) {
    // A sum over nodes is none of a node: one that is down brings what it has had.
    if (is_of_each_node(what) && stage_.usable(step, node, true)) check_node(step, what, node);
  }
  check_totals(step, what);
  if (what.equal) check_equal(step, what);
}

void Expectations::check_node(const Step& step, const Expectation& what, NodeIndex node) {
  const Host& host = *stage_.hosts[node];
  const auto count = [&](const std::optional<CountRange>& wanted, std::uint64_t found, std::string_view of) {
    if (wanted && !wanted->contains(found)) {
      stage_.fail(step, {stage_.name(node)}, fmt::format("should have {} {}, and has {}", text_of(*wanted), of, found));
    }
  };
  count(what.neighbours, host.engine().neighbours().size(), "neighbours");
  count(what.size, host.engine().dictionary().size(), "keys");
  count(what.messages, host.messages, "messages");
  count(what.conflicts, conflicts(what, node), "conflicts");
  check_key(step, what, node);
  check_links(step, what, node);
  check_refused(step, what, node);
}

void Expectations::check_key(const Step& step, const Expectation& what, NodeIndex node) {
  if (!what.key) return;
  const auto record = stage_.hosts[node]->engine().dictionary().find(*what.key);
  const std::string found = record ? client_text(record->value) : "nothing";
  if (what.absent && record) {
    stage_.fail(step, {stage_.name(node)}, fmt::format("'{}' should be absent, and is {}", *what.key, found));
  }
  if (what.value && (!record || record->value != text_value(*what.value))) {
    stage_.fail(step, {stage_.name(node)}, fmt::format("'{}' should be {}, and is {}", *what.key, *what.value, found));
  }
  if (what.owner == kNobody) return;
  const auto owner = record ? stage_.identities.find(record->version.owner) : stage_.identities.end();
  if (owner == stage_.identities.end() || owner->second != what.owner) {
    stage_.fail(step, {stage_.name(node)},
                fmt::format("'{}' should be owned by {}, and is owned by {}", *what.key, stage_.name(what.owner),
                            owner == stage_.identities.end() ? "nobody" : stage_.name(owner->second)));
  }
}

void Expectations::check_links(const Step& step, const Expectation& what, NodeIndex node) {
  if (what.linked.empty() && what.not_linked.empty()) return;
  std::vector<NodeIndex> linked;
  for (const NeighbourView& neighbour : stage_.hosts[node]->engine().neighbours()) {
    const auto peer = stage_.identities.find(neighbour.id);
    if (peer != stage_.identities.end()) linked.push_back(peer->second);
  }
  const auto is_linked = [&](NodeIndex other) {
    return std::find(linked.begin(), linked.end(), other) != linked.end();
  };
  for (const NodeIndex other : what.linked) {
    if (other != node && !is_linked(other)) {
      stage_.fail(step, {stage_.name(node), stage_.name(other)},
                  fmt::format("{} should be a neighbour, and is none", stage_.name(other)));
    }
  }
  for (const NodeIndex other : what.not_linked) {
    if (is_linked(other)) {
      stage_.fail(step, {stage_.name(node), stage_.name(other)},
                  fmt::format("{} should be no neighbour, and is one", stage_.name(other)));
    }
  }
}

void Expectations::check_refused(const Step& step, const Expectation& what, NodeIndex node) {
  if (!what.refused) return;
  const auto& refused = stage_.hosts[node]->refused;
  const bool found = std::any_of(refused.begin(), refused.end(), [&](const auto& entry) {
    return entry.first.reason == *what.refused && (what.refused_who == kNobody || entry.first.who == what.refused_who);
  });
  if (found) return;
  stage_.fail(
      step, {stage_.name(node)},
      fmt::format("should have refused {}: {}, and has not",
                  what.refused_who == kNobody ? "somebody" : stage_.name(what.refused_who), to_string(*what.refused)));
}

std::uint64_t Expectations::conflicts(const Expectation& what, NodeIndex node) const {
  std::uint64_t count = 0;
  for (const auto& [key, times] : stage_.hosts[node]->conflicts) {
    if (!what.key || *what.key == key) count += times;
  }
  return count;
}

void Expectations::check_totals(const Step& step, const Expectation& what) {
  std::uint64_t messages = 0;
  std::uint64_t told = 0;
  for (const NodeIndex node : what.nodes) {
    messages += stage_.hosts[node]->messages;
    told += conflicts(what, node);
  }
  if (what.total_messages && !what.total_messages->contains(messages)) {
    stage_.fail(
        step, {},
        fmt::format("should have {} messages in all, and there are {}", text_of(*what.total_messages), messages));
  }
  if (what.total_conflicts && !what.total_conflicts->contains(told)) {
    stage_.fail(step, {},
                fmt::format("should have {} conflicts in all, and there are {}", text_of(*what.total_conflicts), told));
  }
}

void Expectations::check_equal(const Step& step, const Expectation& what) {
  const auto first =
      std::find_if(what.nodes.begin(), what.nodes.end(), [&](NodeIndex node) { return stage_.up(node); });
  if (first == what.nodes.end()) return;
  for (const NodeIndex node : what.nodes) {
    if (!stage_.up(node)) continue;
    const auto difference = first_difference(*stage_.hosts[*first], *stage_.hosts[node]);
    if (difference)
      stage_.fail(step, {stage_.name(*first), stage_.name(node)}, "should hold the same records: " + *difference);
  }
}

}  // namespace meshdict::sim
