// What the steps of a plan do to a world.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/encoding/value.h"
#include "sim/plan/writer.h"
#include "sim/trace/describe.h"
#include "sim/world/world.h"

namespace meshdict::sim {
namespace {

std::string_view text_of(Outcome outcome) {
  static constexpr std::array<std::string_view, 5> kTexts = {"anything", "ok", "leased", "refused for the clock",
                                                             "missing"};
  return kTexts[static_cast<std::size_t>(outcome)];
}

std::optional<Outcome> outcome_of(const std::expected<void, WriteError>& result) {
  if (result) return Outcome::kOk;
  if (std::holds_alternative<Leased>(result.error())) return Outcome::kLeased;
  if (std::holds_alternative<WrongClock>(result.error())) return Outcome::kClock;
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

void World::changes_nothing(const Step& step, const std::string& why) {
  constexpr std::size_t kMostTold = 16;
  ++counters_.idle_steps;
  const std::string where = step.line > 0 ? fmt::format(" ({}:{})", plan_.name, step.line) : std::string();
  const std::string line =
      fmt::format("{} at {} s changes nothing: {}{}", verb(step.action), seconds_text(now()), why, where);
  if (transcript_.enabled()) transcript_.line(now(), "-", line);
  if (idle_steps_.size() < kMostTold) idle_steps_.push_back(line);
  if (plan_.strict) fail(step, {}, fmt::format("{} changes nothing: {}", verb(step.action), why));
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
  Engine& engine = hosts_[what.node]->engine();
  const Raw value = text_value(value_of(what));
  std::vector<std::string> keys = keys_of(what);
  std::vector<Outcome> foreseen;
  std::vector<WriteOp> ops;
  for (const std::string& key : keys) {
    foreseen.push_back(records_.expected(what.node, key));
    ops.push_back({key, value});
  }
  std::expected<void, WriteError> result;
  std::size_t first = 0;
  std::size_t judged = keys.size();
  if (keys.size() == 1) {
    result = engine.set(keys.front(), value);
  } else if (auto all = engine.write(ops); !all) {
    first = all.error().index;
    judged = 1;
    result = std::unexpected(std::move(all.error().error));
  }
  written(step, what.node, std::span(keys).subspan(first, judged), std::span(foreseen).subspan(first, judged),
          what.expect, what.owner, result);
  if (what.wait > 0 && result && up(what.node)) wait(what.node, std::move(keys), what.wait);
}

void World::wait(NodeIndex node, std::vector<std::string> keys, std::uint64_t others) {
  Host& host = *hosts_[node];
  if (const auto token = host.engine().confirm(keys)) {
    host.waits.push_back({.token = *token, .keys = std::move(keys), .since = now(), .wanted = others});
  }
  finish_turn(node);
}

void World::confirmed(NodeIndex node, const Confirmed& event) {
  Host& host = *hosts_[node];
  const auto wait = std::ranges::find(host.waits, event.token, &Host::Wait::token);
  const auto peer = identities_.find(event.peer);
  if (wait == host.waits.end() || peer == identities_.end()) return;
  ++wait->confirmed;
  records_.confirmed(node, wait->keys, wait->since, peer->second);
}

void World::end_waits(Host& host) {
  std::erase_if(host.waits, [&](const Host::Wait& wait) {
    if (wait.confirmed < wait.wanted) return false;
    host.engine().end_confirmation(wait.token);
    return true;
  });
}

void World::perform(const Step& step, const DeleteStep& what) {
  if (!usable(step, what.node, what.expect != Outcome::kAny)) return;
  const Outcome foreseen = records_.expected(what.node, what.key);
  const auto result = hosts_[what.node]->engine().erase(what.key);
  written(step, what.node, {&what.key, 1}, {&foreseen, 1}, what.expect, what.owner, result);
}

void World::written(const Step& step, NodeIndex node, std::span<const std::string> keys,
                    std::span<const Outcome> foreseen, Outcome required, NodeIndex owner,
                    const std::expected<void, WriteError>& result) {
  const std::string& key = keys.front();
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
    for (std::size_t i = 0; i < keys.size(); ++i) {
      records_.written(node, keys[i], foreseen[i], *outcome);
      if (*outcome == Outcome::kOk) claims_.acknowledged(node, keys[i]);
    }
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
