// Reading what an `expect` step demands.

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "sim/plan/yaml/step_reader.h"

namespace meshdict::sim {

Action StepReader::read_expect(MapReader& map) {
  const std::size_t errors_before = errors_.list().size();
  Expectation what;
  const YAML::Node one = map.optional("node");
  const YAML::Node several = map.optional("nodes");
  if (one.IsDefined() && several.IsDefined()) {
    errors_.add(several.Mark(), "'expect' has both 'node' and 'nodes', expected one");
  } else if (!one.IsDefined() && !several.IsDefined()) {
    errors_.add(map.mark(), "'expect' does not say of whom, expected 'node: NAME' or 'nodes: [NAME, ...]'");
  }
  what.nodes = nodes_.read_several_or_some(one.IsDefined() ? one : several, errors_);
  read_key(map, what);
  what.neighbours = read_count_range(map.optional("neighbours"), errors_);
  what.size = read_count_range(map.optional("size"), errors_);
  what.messages = read_count_range(map.optional("messages"), errors_);
  what.conflicts = read_count_range(map.optional("conflicts"), errors_);
  what.linked = nodes_.read_several(map.optional("linked"), errors_);
  what.not_linked = nodes_.read_several(map.optional("not_linked"), errors_);
  what.equal = read_flag(map.optional("equal"), errors_).value_or(false);
  read_refused(map.optional("refused"), what);
  read_totals(map.optional("in_all"), what);
  read_info(map.optional("info"), what);
  read_since(map, what);
  read_span(map, what);
  const bool of_key = what.value || what.typed || what.absent || what.owner != kNobody || what.epoch || what.fence ||
                      what.lease || what.state || what.left;
  const bool demands = of_key || what.neighbours || what.size || what.messages || what.conflicts ||
                       !what.linked.empty() || !what.not_linked.empty() || what.equal || what.refused ||
                       what.total_messages || what.total_conflicts || !what.info.empty();
  if (!demands && errors_.list().size() == errors_before) {
    errors_.add(
        map.mark(),
        "'expect' demands nothing, expected value, absent, owner, epoch, fence, lease, state, left, neighbours, "
        "size, messages, conflicts, linked, not_linked, equal, refused, in_all or info");
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

void StepReader::read_key(MapReader& map, Expectation& what) {
  what.key = read_text(map.optional("key"), errors_);
  const YAML::Node value = map.optional("value");
  const YAML::Node absent = map.optional("absent");
  const YAML::Node owner = map.optional("owner");
  for (const YAML::Node& about : {value, absent, owner}) {
    if (about.IsDefined() && !what.key)
      errors_.add(about.Mark(), "this is about no key, expected 'key: NAME' beside it");
  }
  if (is_typed_value(value)) {
    what.typed = read_typed_value(value, errors_);
  } else {
    what.value = read_text(value, errors_);
  }
  what.absent = read_flag(absent, errors_).value_or(false);
  what.owner = nodes_.read(owner, errors_).value_or(kNobody);
  read_lease(map, what);
}

void StepReader::read_lease(MapReader& map, Expectation& what) {
  const YAML::Node epoch = map.optional("epoch");
  const YAML::Node fence = map.optional("fence");
  const YAML::Node lease = map.optional("lease");
  const YAML::Node state = map.optional("state");
  const YAML::Node left = map.optional("left");
  for (const YAML::Node& about : {epoch, fence, lease, state, left}) {
    if (about.IsDefined() && !what.key)
      errors_.add(about.Mark(), "this is about no key, expected 'key: NAME' beside it");
  }
  what.epoch = read_count_range(epoch, errors_);
  if (const auto word = read_word(fence, "word for a fence", {"same", "larger"}, errors_)) {
    what.fence = static_cast<FenceIs>(*word);
  }
  if (const auto word = read_word(lease, "word for a lease", {"held", "lapsed", "none"}, errors_)) {
    what.lease = static_cast<LeaseHeld>(*word);
  }
  const std::vector<std::string> states = {"foreign", "tentative", "settled", "unconfirmed", "lost", "released"};
  if (const auto word = read_word(state, "state of a lease", states, errors_)) {
    what.state = static_cast<LeaseState>(*word);
  }
  what.left = read_duration_range(left, errors_);
}

void StepReader::read_info(const YAML::Node& node, Expectation& what) {
  if (!node.IsDefined()) return;
  MapReader map(node, "'info'", errors_);
  for (std::size_t figure = 0; figure < info_figures().size(); ++figure) {
    const auto count = read_count_range(map.optional(std::string(info_figures()[figure].name)), errors_);
    if (count) what.info.push_back({.figure = figure, .count = *count});
  }
  map.finish();
}

void StepReader::read_since(MapReader& map, Expectation& what) {
  const YAML::Node since = map.optional("since");
  if (const auto moment = read_text(since, errors_)) {
    what.since = *moment;
    context_.counted_since.emplace_back(*moment, since.Mark());
    const bool counts = what.messages || what.conflicts || what.fence || what.total_messages || what.total_conflicts ||
                        !what.info.empty();
    if (!counts) {
      errors_.add(since.Mark(),
                  "nothing here has changed since, expected messages, conflicts, info, in_all or fence beside it");
    }
    for (const InfoDemand& demand : what.info) {
      const InfoFigure& figure = info_figures()[demand.figure];
      if (figure.counter == nullptr) {
        errors_.add(since.Mark(), fmt::format("'{}' goes up and down, expected no 'since' beside it", figure.name));
      }
    }
  } else if (what.fence) {
    errors_.add(map.mark(), "a fence is the same or larger than at some moment, expected 'since: MOMENT' beside it");
  }
}

/// "eventually: within 5s", "stays: 10s", "never: 10s..60s": of these one.
void StepReader::read_span(MapReader& map, Expectation& what) {
  static constexpr std::string_view kWithin = "within ";
  const std::pair<const char*, Holds> forms[] = {
      {"eventually", Holds::kEventually}, {"stays", Holds::kStays}, {"never", Holds::kNever}};
  for (const auto& [word, holds] : forms) {
    const YAML::Node node = map.optional(word);
    const auto text = read_text(node, errors_);
    if (!text) continue;
    if (what.holds != Holds::kNow)
      errors_.add(node.Mark(), "'expect' has two of eventually, stays and never, expected one");
    const bool within = holds == Holds::kEventually && text->starts_with(kWithin);
    const std::string_view span = std::string_view(*text).substr(within ? kWithin.size() : 0);
    const auto range = parse_duration_range(span);
    if (!range) {
      errors_.add(node.Mark(), fmt::format("'{}' is no span of time, expected {} or a form such as 5s..20s", *text,
                                           holds == Holds::kEventually ? "within 5s" : "5s"));
      continue;
    }
    what.holds = holds;
    what.span = span.find("..") == std::string_view::npos ? DurationRange{Duration{}, range->high} : *range;
  }
}

}  // namespace meshdict::sim
