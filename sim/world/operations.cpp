#include "sim/world/operations.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "core/encoding/msgpack.h"
#include "core/encoding/value.h"
#include "sim/trace/describe.h"

namespace meshdict::sim {
namespace {

/// In the hash of a trace: what came of an operation is none of the outcomes that a plan knows.
constexpr std::uint64_t kOtherOutcome = 99;

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

// Writes

void Operations::perform(const Step& step, const SetStep& what) {
  if (!stage_.usable(step, what.node, what.expect != Outcome::kAny || what.waited)) return;
  Engine& engine = stage_.hosts[what.node]->engine();
  const Raw value = value_of(what);
  std::vector<std::string> keys = keys_of(what);
  if (const auto age = stage_.leases.age_of_others_claim(what.node, keys.front())) stage_.measures.contested(*age);
  std::vector<LeaseOracle::Foreseen> foreseen;
  std::vector<WriteOp> ops;
  for (const std::string& key : keys) {
    foreseen.push_back(stage_.leases.foresee(what.node, key));
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
  note(step, {.node = what.node,
              .keys = std::span(keys).subspan(first, judged),
              .foreseen = std::span(foreseen).subspan(first, judged),
              .required = what.expect,
              .owner = what.owner,
              .result = result});
  if (result) stage_.measures.wrote(what.node, keys, value.size());
  if (what.waited) {
    const auto place = static_cast<std::size_t>(&step - stage_.plan.steps.data());
    stage_.queue.push(stage_.now() + what.within, EventKind::kWaited, place);
  }
  if (what.wait > 0 && result && stage_.up(what.node)) nodes_.wait(step, what.node, std::move(keys), what.wait);
}

void Operations::check_waited(const Step& step, const SetStep& what) {
  const auto found = stage_.confirmed.find(&step);
  const std::uint64_t count = found == stage_.confirmed.end() ? 0 : found->second;
  if (what.waited->contains(count)) return;
  stage_.fail(step, {stage_.name(what.node)},
              fmt::format("'{}' should be confirmed by {} within {} s, and is by {}", what.key, text_of(*what.waited),
                          seconds_text(what.within), count));
}

void Operations::perform(const Step& step, const DeleteStep& what) {
  if (!stage_.usable(step, what.node, what.expect != Outcome::kAny)) return;
  const LeaseOracle::Foreseen foreseen = stage_.leases.foresee(what.node, what.key);
  const auto result = stage_.hosts[what.node]->engine().erase(what.key);
  if (result) stage_.measures.deleted(what.key);
  note(step, {.node = what.node,
              .keys = {&what.key, 1},
              .foreseen = {&foreseen, 1},
              .required = what.expect,
              .owner = what.owner,
              .result = result});
}

void Operations::perform(const Step& step, const ReleaseStep& what) {
  if (!stage_.usable(step, what.node, what.expect != Outcome::kAny)) return;
  const LeaseOracle::Foreseen foreseen = stage_.leases.foresee(what.node, what.key);
  const auto released = stage_.hosts[what.node]->engine().release(what.key);
  if (released && *released) stage_.leases.released(what.node, what.key);
  note_about_lease(
      step,
      {.node = what.node, .keys = {&what.key, 1}, .foreseen = {&foreseen, 1}, .required = what.expect, .result = {}},
      released);
}

void Operations::perform(const Step& step, const BreakStep& what) {
  if (!stage_.usable(step, what.node, what.expect != Outcome::kAny)) return;
  const auto broken = stage_.hosts[what.node]->engine().break_lease(what.key);
  if (broken && *broken) stage_.losses.breaks(what.node, what.key);
  // That a lease lasts refuses an operator nothing.
  const LeaseOracle::Foreseen nothing;
  note_about_lease(
      step,
      {.node = what.node, .keys = {&what.key, 1}, .foreseen = {&nothing, 1}, .required = what.expect, .result = {}},
      broken);
}

/// `done`: whether there was something to do.
void Operations::note_about_lease(const Step& step, const Written& written, std::expected<bool, WriteError> done) {
  Written noted = written;
  if (!done) {
    noted.result = std::unexpected(std::move(done.error()));
  } else if (!*done) {
    noted.result = std::unexpected(NoSuchKey{});
  }
  note(step, noted);
}

void Operations::note(const Step& step, const Written& written) {
  const NodeIndex node = written.node;
  const std::string& key = written.keys.front();
  const std::optional<Outcome> outcome = outcome_of(written.result);
  stage_.mark(Mark::kStep, node, outcome ? static_cast<std::uint64_t>(*outcome) : kOtherOutcome);
  const auto* leased = written.result ? nullptr : std::get_if<Leased>(&written.result.error());
  if (leased) {
    stage_.hash.add(leased->owner.text());
    stage_.hash.add(leased->left);
  }
  const std::string text =
      written.result ? "ok"
      : leased       ? fmt::format("leased by {} for {} s", stage_.known_as(leased->owner), seconds_left(leased->left))
                     : describe(written.result.error());
  if (stage_.transcript.enabled()) stage_.transcript.line(stage_.now(), stage_.name(node), "= " + text);
  if (!nodes_.commit_turn(node)) return;
  if (!outcome) {
    stage_.fail(step, {stage_.name(node)}, fmt::format("{} of '{}': {}", verb(step.action), key, text));
    return nodes_.finish_turn(node);
  }
  if (*outcome == Outcome::kLeased) ++stage_.counters.refusals_of_writes;
  for (std::size_t i = 0; i < written.keys.size(); ++i) {
    const std::string& tried = written.keys[i];
    stage_.leases.tried(node, tried, written.foreseen[i], *outcome,
                        leased ? std::optional(leased->left) : std::nullopt);
    if (*outcome != Outcome::kOk) continue;
    stage_.records.acknowledged(node, tried);
    stage_.claims.acknowledged(node, tried);
    stage_.losses.acknowledged(node, tried);
  }
  if (written.required != Outcome::kAny && written.required != *outcome) {
    stage_.fail(
        step, {stage_.name(node)},
        fmt::format("{} of '{}' should be {}, and was: {}", verb(step.action), key, text_of(written.required), text));
  }
  check_owner(step, written, text);
  nodes_.finish_turn(node);
}

void Operations::check_owner(const Step& step, const Written& written, const std::string& text) {
  const auto* leased = written.result ? nullptr : std::get_if<Leased>(&written.result.error());
  if (written.owner == kNobody || leased == nullptr) return;
  const auto holder = stage_.identities.find(leased->owner);
  if (holder != stage_.identities.end() && holder->second == written.owner) return;
  stage_.fail(
      step, {stage_.name(written.node)},
      fmt::format("'{}' should be held by {}, and was: {}", written.keys.front(), stage_.name(written.owner), text));
}

// Messages

void Operations::perform(const Step& step, const BroadcastStep& what) {
  if (!stage_.usable(step, what.node, false)) return;
  Raw number;
  MsgpackWriter(number).integer(stage_.broadcasts.next_number());
  const Raw text = text_value(what.text);
  const std::array<RawView, 2> packets = {number, text};
  const std::uint64_t sent = stage_.broadcasts.next_number();
  // Before the call, so that the oracle knows it whatever the call raises.
  stage_.broadcasts.sent(what.node);
  const auto id = stage_.hosts[what.node]->engine().broadcast(packets);
  if (!id) {
    stage_.fail(step, {stage_.name(what.node)}, fmt::format("broadcast: {}", describe(id.error())));
    return nodes_.finish_turn(what.node);
  }
  stage_.mark(Mark::kStep, what.node, id->prefix());
  nodes_.finish_turn(what.node);
  if (!stage_.checks(Property::kB1)) return;
  const Duration due = std::min(stage_.now() + stage_.broadcast_bound, stage_.end);
  stage_.queue.push(due, EventKind::kCheckBroadcast, sent);
}

void Operations::perform(const Step& step, const WhisperStep& what) {
  if (!stage_.usable(step, what.node, false)) return;
  const NodeId& receiver = stage_.hosts[what.to]->id();
  if (receiver.empty()) {
    ++stage_.counters.skipped;
    return stage_.changes_nothing(step, stage_.name(what.to) + " has never been up");
  }
  Raw number;
  MsgpackWriter(number).integer(stage_.whispers.next_number());
  const Raw text = text_value(what.text);
  const std::array<RawView, 2> packets = {number, text};
  stage_.whispers.sending(what.node, what.to);
  const auto outcome = stage_.hosts[what.node]->engine().whisper(receiver, packets);
  stage_.whispers.sent(outcome ? std::optional(*outcome) : std::nullopt);
  if (!outcome) stage_.fail(step, {stage_.name(what.node)}, fmt::format("whisper: {}", describe(outcome.error())));
  stage_.mark(Mark::kStep, what.node, outcome ? static_cast<std::uint64_t>(*outcome) : kOtherOutcome);
  // Refused: as many wait as may.
  if (outcome == WhisperOutcome::kDeferred || outcome == WhisperOutcome::kRefused)
    stage_.measures.held(what.node, what.to);
  nodes_.finish_turn(what.node);
}

// Links

void Operations::perform(const Step& step, const ConnectStep& what) {
  if (!stage_.usable(step, what.node, false)) return;
  stage_.measures.connected(what.node, what.to);
  nodes_.dial(what.node, what.to);
}

void Operations::perform(const Step& step, const RemoveStep& what) {
  if (!stage_.usable(step, what.node, false)) return;
  if (stage_.hosts[what.of]->id().empty()) {
    return stage_.changes_nothing(step, stage_.name(what.of) + " has never been up");
  }
  stage_.claims.disturbed();
  stage_.hosts[what.node]->engine().remove_member(stage_.hosts[what.of]->id(), what.time);
  nodes_.finish_turn(what.node);
}

void Operations::perform(const Step& step, const DisconnectStep& what) {
  if (!stage_.usable(step, what.node, false)) return;
  if (stage_.hosts[what.from]->id().empty()) {
    return stage_.changes_nothing(step, stage_.name(what.from) + " has never been up");
  }
  stage_.claims.disturbed();
  const bool parted = stage_.hosts[what.node]->engine().disconnect(stage_.hosts[what.from]->id());
  if (parted) stage_.measures.parted(what.node, what.from);
  nodes_.finish_turn(what.node);
  if (parted) return;
  stage_.changes_nothing(step,
                         fmt::format("{} and {} have no connection", stage_.name(what.node), stage_.name(what.from)));
}

}  // namespace meshdict::sim
