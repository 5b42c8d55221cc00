#include "sim/plan/step_yaml.h"

#include <fmt/format.h>

#include <array>
#include <memory>
#include <utility>

#include "core/limits.h"
#include "core/links/end_reason.h"
#include "sim/plan/limits.h"
#include "sim/plan/step_reader.h"

namespace meshdict::sim {
namespace {

const std::vector<std::string> kVerbs = {
    "set",   "delete",    "broadcast", "whisper",    "connect", "disconnect",  "stop",   "crash", "restart",
    "clone", "pause",     "resume",    "disk",       "clock",   "partition",   "cut",    "mend",  "heal",
    "reset", "half_open", "dials",     "cross_dial", "storm",   "slow_reader", "tamper", "link",  "expect"};

}  // namespace

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
  step.may_idle = flag(map, "may_idle");
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
  if (verb == "expect") return read_expect(map);
  return read_fault(verb, map, step);
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
  set.count = read_count(map.optional("count"), errors_, 1, sim_limits::kMaxAtOnce).value_or(1);
  set.key_size = read_set_size(map, "key_size", limits::kMaxKey);
  set.value_size = read_set_size(map, "value_size", limits::kMaxValue);
  set.wait = read_count(map.optional("wait"), errors_, 1, sim_limits::kMaxAtOnce).value_or(0);
  read_write(map, set.expect, set.owner, {"any", "ok", "leased", "clock"});
  return set;
}

std::uint64_t StepReader::read_set_size(MapReader& map, const std::string& key, std::uint64_t most) {
  const YAML::Node node = map.optional(key);
  const std::uint64_t size = read_size(node, errors_).value_or(0);
  if (size > most)
    errors_.add(node.Mark(), fmt::format("this is longer than a member takes, expected {}B at most", most));
  return size;
}

Action StepReader::read_delete(MapReader& map) {
  DeleteStep erase;
  erase.node = node(map, "node");
  erase.key = text(map, "key");
  read_write(map, erase.expect, erase.owner, {"any", "ok", "leased", "clock", "missing"});
  return erase;
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
    case EndReason::kAnotherNode:
      return "another_node";
    case EndReason::kEnough:
      return "enough";
    case EndReason::kBye:
      return "bye";
    case EndReason::kLocal:
      return "local";
    // The simulator's connections prove nothing, so that these do not come about.
    case EndReason::kAnotherId:
    case EndReason::kPlaintext:
    case EndReason::kSpeaksTls:
    case EndReason::kNoCertificate:
    case EndReason::kUnknownAuthority:
    case EndReason::kSelfSigned:
    case EndReason::kExpired:
    case EndReason::kNotYetValid:
    case EndReason::kWrongUsage:
    case EndReason::kRevoked:
    case EndReason::kNoMeshKey:
    case EndReason::kAnotherMeshKey:
    case EndReason::kTlsFailed:
      break;
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
  link.piece = read_size(map.optional("piece"), errors).value_or(link.piece);
  link.gather = read_duration(map.optional("gather"), errors).value_or(link.gather);
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

std::optional<Step> read_step(const YAML::Node& node, const NodeNames& nodes, const LinkPlan& links,
                              PlanErrors& errors) {
  return StepReader(nodes, links, errors).read(node);
}

}  // namespace meshdict::sim
