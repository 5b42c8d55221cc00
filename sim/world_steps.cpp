// What the steps of a plan do to a world.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/value.h"
#include "sim/describe.h"
#include "sim/plan_writer.h"
#include "sim/world.h"

namespace meshdict::sim {
namespace {

std::string_view text_of(Outcome outcome) {
  static constexpr std::array<std::string_view, 4> kTexts = {"anything", "ok", "leased", "missing"};
  return kTexts[static_cast<std::size_t>(outcome)];
}

std::optional<Outcome> outcome_of(const std::expected<void, WriteError>& result) {
  if (result) return Outcome::kOk;
  if (std::holds_alternative<Leased>(result.error())) return Outcome::kLeased;
  if (std::holds_alternative<NoSuchKey>(result.error())) return Outcome::kMissing;
  return std::nullopt;
}

std::int64_t seconds_left(Duration left) {
  return std::chrono::ceil<std::chrono::seconds>(left).count();
}

}  // namespace

void World::step(std::size_t index) {
  const Step& step = plan_.steps[index];
  if (index + 1 < plan_.steps.size()) queue_.push(plan_.steps[index + 1].at.low, EventKind::kStep, index + 1);
  mark(Mark::kStep, kNobody, index << 8 | step.action.index());
  ++counters_.steps[step.action.index()];
  if (transcript_.enabled()) {
    transcript_.line(now(), "-", fmt::format("{} {}", verb(step.action), arguments_yaml(plan_, step.action)));
  }
  std::visit([&](const auto& action) { perform(step, action); }, step.action);
  claims_.look();
}

void World::fail(const Step& step, std::vector<std::string> nodes, const std::string& what) {
  const std::string where = step.line > 0 ? fmt::format(" ({}:{})", plan_.name, step.line) : std::string();
  findings_.add("expect", std::move(nodes), what + where);
}

// An operation on a node that is down or stands still is left out, unless the plan says what must come of it.
bool World::usable(const Step& step, NodeIndex node, bool required) {
  if (up(node) && !hosts_[node]->still()) return true;
  ++counters_.skipped;
  if (required) {
    fail(step, {name(node)}, fmt::format("{}: the node {}", verb(step.action), up(node) ? "stands still" : "is down"));
  }
  return false;
}

// Operations

void World::perform(const Step& step, const SetStep& what) {
  if (!usable(step, what.node, what.expect != Outcome::kAny)) return;
  const Outcome foreseen = records_.expected(what.node, what.key);
  const auto result = hosts_[what.node]->engine().set(what.key, text_value(what.value));
  written(step, what.node, what.key, what.expect, what.owner, foreseen, result);
}

void World::perform(const Step& step, const DeleteStep& what) {
  if (!usable(step, what.node, what.expect != Outcome::kAny)) return;
  const Outcome foreseen = records_.expected(what.node, what.key);
  const auto result = hosts_[what.node]->engine().erase(what.key);
  written(step, what.node, what.key, what.expect, what.owner, foreseen, result);
}

void World::written(const Step& step, NodeIndex node, const std::string& key, Outcome required, NodeIndex owner,
                    Outcome foreseen, const std::expected<void, WriteError>& result) {
  const std::optional<Outcome> outcome = outcome_of(result);
  mark(Mark::kStep, node, outcome ? static_cast<std::uint64_t>(*outcome) : 99);
  const auto* leased = result ? nullptr : std::get_if<Leased>(&result.error());
  const std::string text =
      result   ? "ok"
      : leased ? fmt::format("leased by {} for {} s", known_as(leased->owner), seconds_left(leased->left))
               : describe(result.error());
  if (transcript_.enabled()) transcript_.line(now(), name(node), "= " + text);
  if (!commit_turn(node)) return;
  if (!outcome) {
    fail(step, {name(node)}, fmt::format("{} of '{}': {}", verb(step.action), key, text));
  } else {
    if (*outcome == Outcome::kLeased) ++counters_.refusals_of_writes;
    records_.written(node, key, foreseen, *outcome);
    if (*outcome == Outcome::kOk) claims_.acknowledged(node, key);
    if (required != Outcome::kAny && required != *outcome) {
      fail(step, {name(node)},
           fmt::format("{} of '{}' should be {}, and was: {}", verb(step.action), key, text_of(required), text));
    }
    if (owner != kNobody && *outcome == Outcome::kLeased) {
      const auto holder = identities_.find(std::get<Leased>(result.error()).owner);
      if (holder == identities_.end() || holder->second != owner) {
        fail(step, {name(node)}, fmt::format("'{}' should be held by {}, and was: {}", key, name(owner), text));
      }
    }
  }
  finish_turn(node);
}

void World::perform(const Step& step, const BroadcastStep& what) {
  if (!usable(step, what.node, false)) return;
  Raw number;
  MsgpackWriter(number).integer(broadcasts_.next_number());
  const Raw text = text_value(what.text);
  const std::array<RawView, 2> packets = {number, text};
  const std::uint64_t sent = broadcasts_.next_number();
  // Before the call, so that the oracle knows it whatever the call raises.
  broadcasts_.sent(what.node);
  const auto id = hosts_[what.node]->engine().broadcast(packets);
  if (!id) {
    fail(step, {name(what.node)}, "broadcast: " + id.error());
    return finish_turn(what.node);
  }
  mark(Mark::kStep, what.node, id->prefix());
  finish_turn(what.node);
  const auto& check = plan_.check;
  if (std::find(check.begin(), check.end(), Property::kB1) == check.end()) return;
  queue_.push(std::min(now() + broadcast_bound_, end_), EventKind::kCheckBroadcast, sent);
}

void World::perform(const Step& step, const WhisperStep& what) {
  if (!usable(step, what.node, false)) return;
  const NodeId& receiver = hosts_[what.to]->id();
  if (receiver.empty()) {  // it has never been up
    ++counters_.skipped;
    return;
  }
  const Raw text = text_value(what.text);
  const std::array<RawView, 1> packets = {text};
  const auto outcome = hosts_[what.node]->engine().whisper(receiver, packets);
  if (!outcome) fail(step, {name(what.node)}, "whisper: " + outcome.error());
  mark(Mark::kStep, what.node, outcome ? static_cast<std::uint64_t>(*outcome) : 99);
  finish_turn(what.node);
}

void World::perform(const Step& step, const ConnectStep& what) {
  if (usable(step, what.node, false)) dial(what.node, what.to);
}

void World::dial(NodeIndex node, NodeIndex to) {
  hosts_[node]->engine().connect({name(to), kPort});
  finish_turn(node);
}

void World::perform(const Step& step, const DisconnectStep& what) {
  if (!usable(step, what.node, false) || hosts_[what.from]->id().empty()) return;
  claims_.disturbed();
  hosts_[what.node]->engine().disconnect(hosts_[what.from]->id());
  finish_turn(what.node);
}

}  // namespace meshdict::sim
