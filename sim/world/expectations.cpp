#include "sim/world/expectations.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/encoding/value.h"
#include "sim/oracles/records.h"
#include "sim/plan/yaml/node_names.h"
#include "sim/plan/yaml/writer.h"

namespace meshdict::sim {
namespace {

bool is_of_each_node(const Expectation& what) {
  const bool counts = what.neighbours || what.size || what.messages || what.conflicts || !what.info.empty();
  return counts || what.key || !what.linked.empty() || !what.not_linked.empty() || what.refused || what.equal;
}

std::string since_text(const Expectation& what) {
  return what.since.empty() ? std::string() : " since " + what.since;
}

}  // namespace

void Expectations::perform(const Step& step, const ExpectStep& expect) {
  const Expectation& what = *expect.what;
  if (what.holds == Holds::kNow) {
    for (Unmet& one : unmet(what))
      stage_.fail(step, std::move(one.nodes), one.what);
    return;
  }
  const Watch watch{
      .step = &step, .what = &what, .from = stage_.now() + what.span.low, .until = stage_.now() + what.span.high};
  watches_.push_back(watch);
  for (const Duration at : {watch.from, watch.until})
    stage_.queue.push(at, EventKind::kWatch, 0);
}

// Over time

void Expectations::look() {
  std::erase_if(watches_, [this](Watch& watch) { return watch.from <= stage_.now() && judge(watch); });
}

bool Expectations::judge(Watch& watch) {
  const bool over = stage_.now() >= watch.until;
  watch.last = unmet(*watch.what);
  watch.looked = true;
  const bool met = watch.last.empty();
  switch (watch.what->holds) {
    case Holds::kNow:
      return true;
    case Holds::kEventually:
      if (!met && over) fail(watch, fmt::format("within {} s: ", seconds_text(watch.until - watch.from)));
      return met || over;
    case Holds::kStays:
      if (!met) fail(watch, fmt::format("until {} s: ", seconds_text(watch.until)));
      return !met || over;
    case Holds::kNever:
      if (met) {
        stage_.fail(*watch.step, {},
                    fmt::format("should never be so until {} s, and is: {}", seconds_text(watch.until),
                                arguments_yaml(stage_.plan, watch.step->action)));
      }
      return met || over;
  }
  return true;
}

void Expectations::fail(const Watch& watch, std::string_view before) {
  for (const Unmet& one : watch.last)
    stage_.fail(*watch.step, one.nodes, fmt::format("{}{}", before, one.what));
}

void Expectations::finish() {
  for (Watch& watch : watches_) {
    if (watch.what->holds != Holds::kEventually) continue;
    if (!watch.looked) watch.last = unmet(*watch.what);
    fail(watch, "before the run ends: ");
  }
  watches_.clear();
}

// At a moment

std::vector<Expectations::Unmet> Expectations::unmet(const Expectation& what) {
  unmet_.clear();
  for (const NodeIndex node : what.nodes) {
    // A sum over nodes is none of a node: one that is down brings what it has had.
    if (!is_of_each_node(what)) continue;
    const Host& host = *stage_.hosts[node];
    if (host.up() && !host.still()) {
      check_node(what, node);
    } else {
      lacks({stage_.name(node)}, fmt::format("expect: the node {}", host.up() ? "stands still" : "is down"));
    }
  }
  check_totals(what);
  if (what.equal) check_equal(what);
  return std::move(unmet_);
}

void Expectations::check_node(const Expectation& what, NodeIndex node) {
  check_counts(what, node);
  check_key(what, node);
  check_lease(what, node);
  check_links(what, node);
  check_refused(what, node);
  check_info(what, node);
}

void Expectations::check_counts(const Expectation& what, NodeIndex node) {
  const Host& host = *stage_.hosts[node];
  const auto count = [&](const std::optional<CountRange>& wanted, std::uint64_t found, const std::string& of) {
    if (wanted && !wanted->contains(found)) {
      lacks({stage_.name(node)}, fmt::format("should have {} {}, and has {}", text_of(*wanted), of, found));
    }
  };
  count(what.neighbours, host.engine().neighbours().size(), "neighbours");
  count(what.size, host.engine().dictionary().size(), "keys");
  count(what.messages, messages(what, node), "messages" + since_text(what));
  count(what.conflicts, conflicts(what, node), "conflicts" + since_text(what));
}

void Expectations::check_info(const Expectation& what, NodeIndex node) {
  const Engine& engine = stage_.hosts[node]->engine();
  for (const InfoDemand& demand : what.info) {
    const InfoFigure& figure = info_figures()[demand.figure];
    std::uint64_t found = figure.counter == nullptr ? figure.gauge(engine) : engine.stats().*figure.counter;
    if (!what.since.empty()) {
      const Moments::Counts* before = stage_.moments.at(what.since, node);
      if (before == nullptr) return lacks({stage_.name(node)}, fmt::format("the moment '{}' has not come", what.since));
      found = stage_.moments.figure(node, demand.figure) - before->figures[demand.figure];
    }
    if (!demand.count.contains(found)) {
      lacks({stage_.name(node)}, fmt::format("should have {} {}{}, and has {}", text_of(demand.count), figure.name,
                                             since_text(what), found));
    }
  }
}

void Expectations::check_key(const Expectation& what, NodeIndex node) {
  if (!what.key) return;
  const auto record = stage_.hosts[node]->engine().dictionary().find(*what.key);
  const std::string found = record ? client_text(record->value) : "nothing";
  if (what.absent && record) {
    lacks({stage_.name(node)}, fmt::format("'{}' should be absent, and is {}", *what.key, found));
  }
  const bool demands = what.value || what.typed;
  const Raw wanted = what.typed ? what.typed->raw : text_value(what.value.value_or(std::string()));
  if (demands && (!record || record->value != wanted)) {
    // A text may look like the number that it is not.
    const bool alike = record && client_text(wanted) == found;
    lacks({stage_.name(node)}, fmt::format("'{}' should be {}, and is {}{}", *what.key, client_text(wanted), found,
                                           alike ? " of another type" : ""));
  }
  if (what.owner == kNobody) return;
  const auto owner = record ? stage_.identities.find(record->version.owner) : stage_.identities.end();
  if (owner == stage_.identities.end() || owner->second != what.owner) {
    lacks({stage_.name(node)},
          fmt::format("'{}' should be owned by {}, and is owned by {}", *what.key, stage_.name(what.owner),
                      owner == stage_.identities.end() ? "nobody" : stage_.name(owner->second)));
  }
}

void Expectations::check_lease(const Expectation& what, NodeIndex node) {
  if (!(what.epoch || what.fence || what.lease || what.state || what.left)) return;
  const auto lease = stage_.hosts[node]->engine().dictionary().lease(*what.key);
  const auto tell = [&](const std::string& of, const std::string& wanted, const std::string& found) {
    lacks({stage_.name(node)}, fmt::format("the {} of '{}' should be {}, and is {}", of, *what.key, wanted, found));
  };
  static constexpr std::array<const char*, 3> kHeld = {"held", "lapsed", "none"};
  const LeaseHeld held = !lease ? LeaseHeld::kNone : lease->held ? LeaseHeld::kHeld : LeaseHeld::kLapsed;
  if (what.lease && *what.lease != held) {
    tell("lease", kHeld[static_cast<std::size_t>(*what.lease)], kHeld[static_cast<std::size_t>(held)]);
  }
  const std::string none = "nothing, for there is no such key";
  if (what.epoch && !(lease && what.epoch->contains(std::to_underlying(lease->epoch)))) {
    tell("epoch", text_of(*what.epoch), lease ? std::to_string(std::to_underlying(lease->epoch)) : none);
  }
  if (what.state && !(lease && lease->state == *what.state)) {
    tell("lease's state", std::string(to_string(*what.state)), lease ? std::string(to_string(lease->state)) : none);
  }
  if (what.left && !(lease && what.left->low <= lease->left && lease->left <= what.left->high)) {
    const std::string range = fmt::format("{} to {} s", seconds_text(what.left->low), seconds_text(what.left->high));
    tell("lease's time left", range, lease ? seconds_text(lease->left) + " s" : none);
  }
  check_fence(what, node, lease);
}

void Expectations::check_fence(const Expectation& what, NodeIndex node, const std::optional<LeaseView>& lease) {
  if (!what.fence) return;
  const Moments::Counts* before = stage_.moments.at(what.since, node);
  if (before == nullptr) return lacks({stage_.name(node)}, fmt::format("the moment '{}' has not come", what.since));
  const auto then = before->fences.find(*what.key);
  if (!lease || then == before->fences.end()) {
    return lacks({stage_.name(node)}, fmt::format("'{}' has no fence{}", *what.key, lease ? " at " + what.since : ""));
  }
  const bool met = *what.fence == FenceIs::kSame ? lease->fence == then->second : lease->fence > then->second;
  if (met) return;
  lacks({stage_.name(node)}, fmt::format("the fence of '{}' should be {} at {}, and is {}", *what.key,
                                         *what.fence == FenceIs::kSame ? "the same as" : "larger than", what.since,
                                         lease->fence == then->second  ? "the same"
                                         : lease->fence > then->second ? "larger"
                                                                       : "smaller"));
}

void Expectations::check_links(const Expectation& what, NodeIndex node) {
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
      lacks({stage_.name(node), stage_.name(other)},
            fmt::format("{} should be a neighbour, and is none", stage_.name(other)));
    }
  }
  for (const NodeIndex other : what.not_linked) {
    if (is_linked(other)) {
      lacks({stage_.name(node), stage_.name(other)},
            fmt::format("{} should be no neighbour, and is one", stage_.name(other)));
    }
  }
}

void Expectations::check_refused(const Expectation& what, NodeIndex node) {
  if (!what.refused) return;
  const auto& refused = stage_.hosts[node]->refused;
  const bool found = std::any_of(refused.begin(), refused.end(), [&](const auto& entry) {
    return entry.first.reason == *what.refused && (what.refused_who == kNobody || entry.first.who == what.refused_who);
  });
  if (found) return;
  lacks({stage_.name(node)}, fmt::format("should have refused {}: {}, and has not",
                                         what.refused_who == kNobody ? "somebody" : stage_.name(what.refused_who),
                                         to_string(*what.refused)));
}

std::uint64_t Expectations::messages(const Expectation& what, NodeIndex node) const {
  const Moments::Counts* before = stage_.moments.at(what.since, node);
  return stage_.hosts[node]->messages - (before == nullptr ? 0 : before->messages);
}

std::uint64_t Expectations::conflicts(const Expectation& what, NodeIndex node) const {
  const auto count = [&](const auto& conflicts) {
    std::uint64_t sum = 0;
    for (const auto& [key, times] : conflicts) {
      if (!what.key || *what.key == key) sum += times;
    }
    return sum;
  };
  const Moments::Counts* before = stage_.moments.at(what.since, node);
  return count(stage_.hosts[node]->conflicts) - (before == nullptr ? 0 : count(before->conflicts));
}

void Expectations::check_totals(const Expectation& what) {
  std::uint64_t heard = 0;
  std::uint64_t told = 0;
  for (const NodeIndex node : what.nodes) {
    heard += messages(what, node);
    told += conflicts(what, node);
  }
  const auto check = [&](const std::optional<CountRange>& wanted, std::uint64_t found, std::string_view of) {
    if (!wanted || wanted->contains(found)) return;
    lacks({},
          fmt::format("should have {} {}{} in all, and there are {}", text_of(*wanted), of, since_text(what), found));
  };
  check(what.total_messages, heard, "messages");
  check(what.total_conflicts, told, "conflicts");
}

void Expectations::check_equal(const Expectation& what) {
  const auto first =
      std::find_if(what.nodes.begin(), what.nodes.end(), [&](NodeIndex node) { return stage_.up(node); });
  if (first == what.nodes.end()) return;
  for (const NodeIndex node : what.nodes) {
    if (!stage_.up(node)) continue;
    const auto difference = first_difference(*stage_.hosts[*first], *stage_.hosts[node]);
    if (difference) lacks({stage_.name(*first), stage_.name(node)}, "should hold the same records: " + *difference);
  }
}

}  // namespace meshdict::sim
