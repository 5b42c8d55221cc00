#include "sim/plan/yaml/step.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <set>
#include <utility>

#include "core/limits.h"
#include "sim/plan/edit.h"
#include "sim/plan/limits.h"
#include "sim/plan/yaml/step_reader.h"

namespace meshdict::sim {
namespace {

const std::vector<std::string> kVerbs = {
    "set",     "delete", "broadcast", "whisper",   "connect", "disconnect", "stop",      "crash",
    "restart", "clone",  "pause",     "resume",    "disk",    "clock",      "partition", "cut",
    "mend",    "heal",   "reset",     "half_open", "dials",   "cross_dial", "storm",     "slow_reader",
    "tamper",  "link",   "expect",    "mark",      "release", "break",      "leave",     "remove"};

/// Where the name of a moment ends, in `healed + 5s`.
constexpr std::string_view kNameCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

bool is_name(std::string_view text) {
  const bool begins_well = !text.empty() && std::isalpha(static_cast<unsigned char>(text.front())) != 0;
  return begins_well && text.size() <= sim_limits::kMaxName &&
         text.find_first_not_of(kNameCharacters) == std::string_view::npos;
}

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
  step.may_idle = flag(map, "may_idle");
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
  if (*chosen == "mark" && arguments.IsScalar()) {
    step.action = read_mark(arguments);
  } else {
    MapReader inner(arguments, "'" + *chosen + "'", errors_);
    step.action = read_action(*chosen, inner, step);
    inner.finish();
  }
  if (step.repeat && std::holds_alternative<MarkStep>(step.action)) {
    errors_.add(arguments.Mark(), "a moment that comes again has no name, expected 'mark' without 'repeat'");
  }
  check_open_nodes(arguments, step);
  if (errors_.list().size() != errors_before) return std::nullopt;
  return step;
}

void StepReader::read_time(MapReader& map, Step& step) {
  const YAML::Node at = map.optional("at");
  const YAML::Node after = map.optional("after");
  const YAML::Node when = map.optional("when");
  step.relative = !at.IsDefined() && !when.IsDefined();
  if (at.IsDefined() && (after.IsDefined() || when.IsDefined())) {
    errors_.add(after.IsDefined() ? after.Mark() : when.Mark(),
                fmt::format("a step has both 'at' and '{}', expected one", after.IsDefined() ? "after" : "when"));
  }
  if (at.IsDefined() && at.IsScalar() && !at.Scalar().empty() &&
      std::isalpha(static_cast<unsigned char>(at.Scalar()[0])) != 0) {
    read_moment(at, step);
  } else {
    step.at = read_duration_range(at.IsDefined() ? at : after, errors_).value_or(DurationRange{});
  }
  read_when(when, step);
  const YAML::Node repeat = map.optional("repeat");
  read_repeat(repeat, step);
  if (step.repeat && step.when) errors_.add(repeat.Mark(), "a step has both 'when' and 'repeat', expected one");
}

/// "healed", or "healed + 5s".
void StepReader::read_moment(const YAML::Node& at, Step& step) {
  const std::string_view text = at.Scalar();
  const std::size_t end = std::min(text.find_first_not_of(kNameCharacters), text.size());
  const std::string name(text.substr(0, end));
  std::string_view behind = text.substr(end);
  if (std::ranges::find(context_.moments, name) == context_.moments.end()) {
    if (context_.moments.empty()) {
      errors_.add(at.Mark(),
                  fmt::format("'{}' is no moment, expected a time such as 1.5s, or the name of a 'mark' before", name));
    } else {
      errors_.add_unknown(at.Mark(), name, "moment that a step before this one marks", context_.moments);
    }
    return;
  }
  step.moment = name;
  if (behind.empty()) return;
  const std::size_t plus = behind.find('+');
  const std::size_t begin = plus == std::string_view::npos ? plus : behind.find_first_not_of(' ', plus + 1);
  const bool spaced = behind.substr(0, plus).find_first_not_of(' ') == std::string_view::npos;
  const auto later =
      begin == std::string_view::npos || !spaced ? std::nullopt : parse_duration_range(behind.substr(begin));
  if (later) {
    step.at = *later;
  } else {
    errors_.add(at.Mark(),
                fmt::format("'{}' is no time, expected a form such as '{} + 5s' or '{} + 1s..5s'", text, name, name));
  }
}

void StepReader::read_when(const YAML::Node& node, Step& step) {
  if (!node.IsDefined()) return;
  MapReader map(node, "'when'", errors_);
  Trigger trigger;
  if (const auto event = read_word(map.required("event"), "event", told_words(), errors_)) {
    trigger.event = static_cast<Told>(*event);
  }
  trigger.node = nodes_.read(map.optional("node"), errors_).value_or(kNobody);
  const YAML::Node who = map.optional("who");
  const YAML::Node key = map.optional("key");
  trigger.who = nodes_.read(who, errors_).value_or(kNobody);
  trigger.key = read_text(key, errors_);
  trigger.nth = read_count(map.optional("nth"), errors_, 1, sim_limits::kMaxNth).value_or(1);
  trigger.from = read_duration(map.optional("from"), errors_).value_or(Duration{});
  map.finish();
  const bool of_key = trigger.event == Told::kUpdated || trigger.event == Told::kDeleted;
  const bool of_both =
      trigger.event == Told::kConflict || trigger.event == Told::kReturned || trigger.event == Told::kBroken;
  const std::string& word = told_words()[static_cast<std::size_t>(trigger.event)];
  if (key.IsDefined() && !of_key && !of_both) {
    errors_.add(
        key.Mark(),
        fmt::format("'{}' is about no key, expected it of updated, deleted, conflict, returned or broken", word));
  }
  if (who.IsDefined() && of_key) {
    errors_.add(who.Mark(), fmt::format("'{}' does not tell of whom, expected 'key' or nothing in its place", word));
  }
  step.when = trigger;
}

void StepReader::read_repeat(const YAML::Node& node, Step& step) {
  if (!node.IsDefined()) return;
  MapReader map(node, "'repeat'", errors_);
  Repeat repeat;
  repeat.times = read_count(map.required("times"), errors_, 1, sim_limits::kMaxRepeats).value_or(1);
  repeat.every = read_duration_range(map.required("every"), errors_).value_or(DurationRange{});
  map.finish();
  step.repeat = repeat;
}

Action StepReader::read_mark(const YAML::Node& node) {
  const auto name = read_text(node, errors_);
  if (!name) return MarkStep{};
  if (!is_name(*name)) {
    errors_.add(node.Mark(),
                fmt::format("'{}' is no name for a moment, expected a letter, then letters, digits, '_' and '-', {} "
                            "at most",
                            *name, sim_limits::kMaxName));
  } else if (std::ranges::find(context_.moments, *name) != context_.moments.end()) {
    errors_.add(node.Mark(), fmt::format("there is a moment '{}' already, expected another name", *name));
  } else {
    context_.moments.push_back(*name);
  }
  return MarkStep{*name};
}

/// Each place that is left to the seed gets a node of its own.
void StepReader::check_open_nodes(const YAML::Node& node, Step& step) {
  std::size_t open = 0;
  std::set<NodeIndex> named;
  for_each_place(step.action, [&](NodeIndex& place) {
    if (place == kAnyNode) ++open;
    if (place < nodes_.size()) named.insert(place);
  });
  if (open > 0 && open + named.size() > nodes_.size()) {
    errors_.add(node.Mark(),
                fmt::format("this step is about more nodes than there are, expected {} at most", nodes_.size()));
  }
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
    read_lasts(map, step);
    const auto [node, from] = both(map, "node", "from");
    return DisconnectStep{node, from};
  }
  if (verb == "stop") {
    read_lasts(map, step);
    return StopStep{node(map, "node")};
  }
  if (verb == "release" || verb == "break") return read_about_lease(verb, map);
  if (verb == "leave") {
    read_lasts(map, step);
    return LeaveStep{node(map, "node")};
  }
  if (verb == "remove") {
    const auto [node, of] = both(map, "node", "of");
    const auto time = read_duration(map.required("time"), errors_);
    return RemoveStep{node, of, time.value_or(Duration{})};
  }
  if (verb == "mark") return read_mark(map.required("name"));
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
  const YAML::Node value = map.required("value");
  if (is_typed_value(value)) {
    set.typed = read_typed_value(value, errors_);
  } else {
    set.value = read_text(value, errors_).value_or(std::string());
  }
  set.count = read_count(map.optional("count"), errors_, 1, sim_limits::kMaxAtOnce).value_or(1);
  set.key_size = read_set_size(map, "key_size", limits::kMaxKey);
  set.value_size = read_set_size(map, "value_size", limits::kMaxValue);
  if (set.typed && set.value_size > 0) {
    errors_.add(value.Mark(), "only a text is made longer, expected a 'value' that is one or no 'value_size'");
  }
  read_waited(map, set);
  read_write(map, set.expect, set.owner, {"any", "ok", "leased", "clock"});
  return set;
}

void StepReader::read_waited(MapReader& map, SetStep& set) {
  const YAML::Node wait = map.optional("wait");
  const YAML::Node waited = map.optional("waited");
  const YAML::Node within = map.optional("within");
  set.wait = read_count(wait, errors_, 1, sim_limits::kMaxAtOnce).value_or(0);
  set.waited = read_count_range(waited, errors_);
  set.within = read_duration(within, errors_).value_or(set.within);
  if (waited.IsDefined() && !wait.IsDefined()) {
    errors_.add(waited.Mark(), "nobody is asked, expected 'wait: COUNT' beside it");
  } else if (within.IsDefined() && !waited.IsDefined()) {
    errors_.add(within.Mark(), "nothing is demanded, expected 'waited: COUNTS' beside it");
  }
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

Action StepReader::read_about_lease(std::string_view verb, MapReader& map) {
  const NodeIndex who = node(map, "node");
  const std::string key = text(map, "key");
  Outcome expect = Outcome::kAny;
  const auto word = read_word(map.optional("expect"), "outcome", {"any", "ok", "missing"}, errors_);
  if (word) expect = std::array{Outcome::kAny, Outcome::kOk, Outcome::kMissing}[*word];
  if (verb == "release") return ReleaseStep{{who, key, expect}};
  return BreakStep{{who, key, expect}};
}

std::pair<NodeIndex, NodeIndex> StepReader::both(MapReader& map, const std::string& one, const std::string& other) {
  const auto first = nodes_.read_or_any(map.required(one), errors_);
  const YAML::Node where = map.required(other);
  const auto second = nodes_.read_or_any(where, errors_);
  if (first && first == second && first != kAnyNode) errors_.add(where.Mark(), kSameNode);
  return {first.value_or(0), second.value_or(0)};
}

std::optional<std::pair<NodeIndex, NodeIndex>> StepReader::read_pair(const YAML::Node& value) {
  if (!value.IsDefined()) return std::nullopt;
  if (!value.IsSequence() || value.size() != 2) {
    errors_.add(value.Mark(), "this is no pair, expected two nodes such as [ana, bob]");
    return std::nullopt;
  }
  const auto a = nodes_.read_or_any(value[0], errors_);
  const auto b = nodes_.read_or_any(value[1], errors_);
  if (!a || !b) return std::nullopt;
  if (a == b && a != kAnyNode) errors_.add(value[1].Mark(), kSameNode);
  return std::pair(*a, *b);
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

std::optional<Step> read_step(const YAML::Node& node, StepContext& context, PlanErrors& errors) {
  return StepReader(context, errors).read(node);
}

const LinkPlan& link_between(const Plan& plan, NodeIndex a, NodeIndex b) {
  std::array<std::size_t, 2> at = {plan.sites.size(), plan.sites.size()};
  for (std::size_t site = 0; site < plan.sites.size(); ++site) {
    const std::vector<NodeIndex>& nodes = plan.sites[site].nodes;
    if (std::ranges::binary_search(nodes, a)) at[0] = site;
    if (std::ranges::binary_search(nodes, b)) at[1] = site;
  }
  if (at[0] == at[1] && at[0] < plan.sites.size()) return plan.sites[at[0]].inside;
  for (const SiteLink& link : plan.site_links)
    if ((link.a == at[0] && link.b == at[1]) || (link.a == at[1] && link.b == at[0])) return link.link;
  return plan.links;
}

}  // namespace meshdict::sim
