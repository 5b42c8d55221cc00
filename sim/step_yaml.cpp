#include "sim/step_yaml.h"

#include <fmt/format.h>

#include <array>
#include <memory>
#include <utility>

#include "core/event.h"

namespace meshdict::sim {
namespace {

const std::vector<std::string> kVerbs = {"set",   "delete",  "broadcast", "whisper", "connect", "disconnect", "stop",
                                         "crash", "restart", "partition", "heal",    "reset",   "link",       "expect"};

const std::string kSameNode = "this is the same node again, expected another";

class StepReader {
 public:
  StepReader(const NodeNames& nodes, const LinkPlan& links, PlanErrors& errors)
      : nodes_(nodes), links_(links), errors_(errors) {}

  std::optional<Step> read(const YAML::Node& node);

 private:
  Action read_action(std::string_view verb, MapReader& map, Step& step);
  Action read_set(MapReader& map);
  Action read_delete(MapReader& map);
  Action read_partition(MapReader& map, Step& step);
  Action read_reset(MapReader& map);
  Action read_link_step(MapReader& map);
  Action read_expect(MapReader& map);
  void read_refused(const YAML::Node& node, Expectation& what);
  void read_totals(const YAML::Node& node, Expectation& what);
  void read_write(MapReader& map, Outcome& expect, NodeIndex& owner, const std::vector<std::string>& outcomes);
  void read_time(MapReader& map, Step& step);

  NodeIndex node(MapReader& map, const std::string& key) { return nodes_.read(map.required(key), errors_).value_or(0); }
  std::string text(MapReader& map, const std::string& key) {
    return read_text(map.required(key), errors_).value_or(std::string());
  }
  std::string text_or_nothing(MapReader& map, const std::string& key) {
    return read_text(map.optional(key), errors_).value_or(std::string());
  }
  /// Of two nodes, which must be two.
  std::pair<NodeIndex, NodeIndex> both(MapReader& map, const std::string& one, const std::string& other);
  std::optional<std::pair<NodeIndex, NodeIndex>> read_pair(const YAML::Node& value);

  const NodeNames& nodes_;
  const LinkPlan& links_;
  PlanErrors& errors_;
};

std::optional<Step> StepReader::read(const YAML::Node& node) {
  const std::size_t errors_before = errors_.list().size();
  if (!node.IsMap()) {
    errors_.add(node.Mark(), "a step is a map, expected 'at: TIME' and one of " + list_words(kVerbs));
    return std::nullopt;
  }
  MapReader map(node, "a step", errors_);
  Step step;
  step.line = static_cast<std::uint32_t>(node.Mark().line + 1);
  read_time(map, step);
  std::optional<std::string> chosen;
  YAML::Node arguments;
  for (const std::string& word : kVerbs) {
    const YAML::Node found = map.optional(word);
    if (!found.IsDefined()) continue;
    if (chosen) {
      errors_.add(found.Mark(), fmt::format("a step has both '{}' and '{}', expected one", *chosen, word));
    }
    chosen = word;
    arguments.reset(found);
  }
  map.finish();
  if (!chosen) {
    if (errors_.list().size() == errors_before) {
      errors_.add(node.Mark(), "a step does nothing, expected one of " + list_words(kVerbs));
    }
    return std::nullopt;
  }
  MapReader inner(arguments, "'" + *chosen + "'", errors_);
  step.action = read_action(*chosen, inner, step);
  inner.finish();
  if (errors_.list().size() != errors_before) return std::nullopt;
  return step;
}

void StepReader::read_time(MapReader& map, Step& step) {
  const YAML::Node at = map.optional("at");
  const YAML::Node after = map.optional("after");
  step.relative = !at.IsDefined();
  if (at.IsDefined() && after.IsDefined()) {
    errors_.add(after.Mark(), "a step has both 'at' and 'after', expected one");
  }
  step.at = read_duration_range(at.IsDefined() ? at : after, errors_).value_or(DurationRange{});
}

Action StepReader::read_action(std::string_view verb, MapReader& map, Step& step) {
  if (verb == "set") return read_set(map);
  if (verb == "delete") return read_delete(map);
  if (verb == "broadcast") return BroadcastStep{node(map, "node"), text_or_nothing(map, "text")};
  if (verb == "whisper") {
    const auto [from, to] = both(map, "node", "to");
    return WhisperStep{from, to, text_or_nothing(map, "text")};
  }
  if (verb == "connect") {
    const NodeIndex from = node(map, "node");
    return ConnectStep{from, node(map, "to")};
  }
  if (verb == "disconnect") {
    const auto [node, from] = both(map, "node", "from");
    return DisconnectStep{node, from};
  }
  if (verb == "stop") return StopStep{node(map, "node")};
  if (verb == "crash") {
    step.lasts = read_duration_range(map.optional("for"), errors_);
    const bool silent = read_flag(map.optional("silent"), errors_).value_or(false);
    return CrashStep{node(map, "node"), silent};
  }
  if (verb == "restart") return RestartStep{node(map, "node")};
  if (verb == "partition") return read_partition(map, step);
  if (verb == "heal") return HealStep{};
  if (verb == "reset") return read_reset(map);
  if (verb == "link") return read_link_step(map);
  return read_expect(map);
}

void StepReader::read_write(MapReader& map, Outcome& expect, NodeIndex& owner,
                            const std::vector<std::string>& outcomes) {
  const YAML::Node wanted = map.optional("expect");
  if (const auto word = read_word(wanted, "outcome", outcomes, errors_)) expect = static_cast<Outcome>(*word);
  const YAML::Node holder = map.optional("owner");
  if (holder.IsDefined() && expect != Outcome::kLeased) {
    errors_.add(holder.Mark(), "an owner goes with a refusal only, expected 'expect: leased' beside it");
  }
  owner = nodes_.read(holder, errors_).value_or(kNobody);
}

Action StepReader::read_set(MapReader& map) {
  SetStep set;
  set.node = node(map, "node");
  set.key = text(map, "key");
  set.value = text(map, "value");
  read_write(map, set.expect, set.owner, {"any", "ok", "leased"});
  return set;
}

Action StepReader::read_delete(MapReader& map) {
  DeleteStep erase;
  erase.node = node(map, "node");
  erase.key = text(map, "key");
  read_write(map, erase.expect, erase.owner, {"any", "ok", "leased", "missing"});
  return erase;
}

Action StepReader::read_partition(MapReader& map, Step& step) {
  PartitionStep partition;
  step.lasts = read_duration_range(map.optional("for"), errors_);
  partition.reset = read_flag(map.optional("reset"), errors_).value_or(false);
  const YAML::Node groups = map.required("groups");
  if (!groups.IsDefined()) return partition;
  if (!groups.IsSequence() || groups.size() == 0) {
    errors_.add(groups.Mark(), "these are no groups, expected a list of lists of nodes, such as [[ana], [bob, cy]]");
    return partition;
  }
  std::vector<bool> placed(nodes_.size(), false);
  for (const auto& group : groups) {
    partition.groups.push_back(nodes_.read_several(group, errors_));
    for (const NodeIndex member : partition.groups.back()) {
      if (placed[member]) errors_.add(group.Mark(), "a node is in two groups, expected it in one");
      placed[member] = true;
    }
  }
  return partition;
}

std::pair<NodeIndex, NodeIndex> StepReader::both(MapReader& map, const std::string& one, const std::string& other) {
  const auto first = nodes_.read(map.required(one), errors_);
  const YAML::Node where = map.required(other);
  const auto second = nodes_.read(where, errors_);
  if (first && first == second) errors_.add(where.Mark(), kSameNode);
  return {first.value_or(0), second.value_or(0)};
}

std::optional<std::pair<NodeIndex, NodeIndex>> StepReader::read_pair(const YAML::Node& value) {
  if (!value.IsDefined()) return std::nullopt;
  if (!value.IsSequence() || value.size() != 2) {
    errors_.add(value.Mark(), "this is no pair, expected two nodes such as [ana, bob]");
    return std::nullopt;
  }
  const auto a = nodes_.read(value[0], errors_);
  const auto b = nodes_.read(value[1], errors_);
  if (!a || !b) return std::nullopt;
  if (a == b) errors_.add(value[1].Mark(), kSameNode);
  return std::pair(*a, *b);
}

Action StepReader::read_reset(MapReader& map) {
  const auto pair = read_pair(map.required("between"));
  return pair ? ResetStep{pair->first, pair->second} : ResetStep{};
}

Action StepReader::read_link_step(MapReader& map) {
  LinkStep link;
  link.link = read_link(map, links_, errors_);
  const YAML::Node between = map.optional("between");
  const YAML::Node of = map.optional("of");
  if (between.IsDefined() && of.IsDefined()) {
    errors_.add(of.Mark(), "'link' has both 'between' and 'of', expected one");
  }
  if (const auto pair = read_pair(between)) {
    link.a = pair->first;
    link.b = pair->second;
  } else if (const auto one = nodes_.read(of, errors_)) {
    link.a = *one;
  }
  return link;
}

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

}  // namespace

std::string_view word_of(EndReason reason) {
  switch (reason) {
    case EndReason::kClosedByPeer:
      return "closed_by_peer";
    case EndReason::kDialFailed:
      return "dial_failed";
    case EndReason::kWrongNetwork:
      return "wrong_network";
    case EndReason::kHelloTimeout:
      return "hello_timeout";
    case EndReason::kProtocolError:
      return "protocol_error";
    case EndReason::kSilent:
      return "silent";
    case EndReason::kSlowReader:
      return "slow_reader";
    case EndReason::kDuplicate:
      return "duplicate";
    case EndReason::kOlderBoot:
      return "older_boot";
    case EndReason::kSelf:
      return "self";
    case EndReason::kTooMany:
      return "too_many";
    case EndReason::kDifferentSettings:
      return "different_settings";
    case EndReason::kIdentityInUse:
      return "identity_in_use";
    case EndReason::kEnough:
      return "enough";
    case EndReason::kBye:
      return "bye";
    case EndReason::kLocal:
      return "local";
  }
  return {};
}

const std::vector<std::string>& reason_words() {
  static const std::vector<std::string> kWords = [] {
    std::vector<std::string> words;
    for (int reason = 0; reason <= static_cast<int>(EndReason::kLocal); ++reason) {
      words.emplace_back(word_of(static_cast<EndReason>(reason)));
    }
    return words;
  }();
  return kWords;
}

LinkPlan read_link(MapReader& map, const LinkPlan& defaults, PlanErrors& errors) {
  LinkPlan link = defaults;
  link.latency = read_duration_range(map.optional("latency"), errors).value_or(link.latency);
  link.jitter = read_duration_range(map.optional("jitter"), errors).value_or(link.jitter);
  link.bandwidth = read_bandwidth(map.optional("bandwidth"), errors).value_or(link.bandwidth);
  return link;
}

std::optional<Step> read_step(const YAML::Node& node, const NodeNames& nodes, const LinkPlan& links,
                              PlanErrors& errors) {
  return StepReader(nodes, links, errors).read(node);
}

}  // namespace meshdict::sim
