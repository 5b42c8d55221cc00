#include "sim/plan/lasting_steps.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

namespace meshdict::sim {
namespace {

constexpr std::size_t kNone = ~std::size_t{0};

/// What faults hold; of each, one at a time is in force.
enum class Held : std::uint8_t {
  kLife,
  kPause,
  kPartition,
  kCut,
  kOneWayCut,
  kDials,
  kReading,
  kDiskFull,
  kDiskDelay,
  kRate
};
using Key = std::tuple<Held, NodeIndex, std::vector<NodeIndex>, std::vector<NodeIndex>>;

Key key(Held held, NodeIndex node = kNobody) {
  return {held, node, {}, {}};
}

struct Keys {
  std::vector<Key> operator()(const StartStep& s) const { return {key(Held::kLife, s.node)}; }
  std::vector<Key> operator()(const StopStep& s) const { return {key(Held::kLife, s.node)}; }
  std::vector<Key> operator()(const LeaveStep& s) const { return {key(Held::kLife, s.node)}; }
  std::vector<Key> operator()(const CrashStep& s) const { return {key(Held::kLife, s.node)}; }
  std::vector<Key> operator()(const RestartStep& s) const { return {key(Held::kLife, s.node)}; }
  std::vector<Key> operator()(const CloneStep& s) const { return {key(Held::kLife, s.node)}; }
  std::vector<Key> operator()(const PauseStep& s) const { return {key(Held::kPause, s.node)}; }
  std::vector<Key> operator()(const ResumeStep& s) const { return {key(Held::kPause, s.node)}; }
  std::vector<Key> operator()(const PartitionStep&) const { return {key(Held::kPartition)}; }
  std::vector<Key> operator()(const HealStep&) const { return {key(Held::kPartition)}; }
  std::vector<Key> operator()(const CutStep& s) const {
    return {{s.one_way ? Held::kOneWayCut : Held::kCut, kNobody, s.from, s.to}};
  }
  std::vector<Key> operator()(const MendStep& s) const {
    std::vector<Key> keys;
    if (s.one_way != false) keys.push_back({Held::kOneWayCut, kNobody, s.from, s.to});
    if (s.one_way != true) keys.push_back({Held::kCut, kNobody, s.from, s.to});
    return keys;
  }
  std::vector<Key> operator()(const DialsStep& s) const { return {key(Held::kDials, s.node)}; }
  std::vector<Key> operator()(const SlowReaderStep& s) const { return {key(Held::kReading, s.node)}; }
  std::vector<Key> operator()(const DiskStep& s) const {
    std::vector<Key> keys;
    if (s.full) keys.push_back(key(Held::kDiskFull, s.node));
    if (s.delay) keys.push_back(key(Held::kDiskDelay, s.node));
    return keys;
  }
  std::vector<Key> operator()(const ClockStep& s) const {
    if (!s.ppm) return {};
    return {key(Held::kRate, s.node)};
  }
  template <typename Other>
  std::vector<Key> operator()(const Other&) const {
    return {};
  }
};

std::vector<Key> keys_of(const Action& action) {
  return std::visit(Keys{}, action);
}

/// What undoes a step that lasts.
struct Undo {
  Action operator()(const CrashStep& crash) const { return RestartStep{crash.node, crash.disk}; }
  Action operator()(const StopStep& stop) const { return RestartStep{.node = stop.node}; }
  Action operator()(const LeaveStep& leave) const { return RestartStep{.node = leave.node}; }
  Action operator()(const DisconnectStep& apart) const { return ConnectStep{apart.node, apart.from}; }
  Action operator()(const LinkStep& link) const {
    LinkStep over = link;
    over.over = true;
    return over;
  }
  Action operator()(const CloneStep& clone) const { return CrashStep{.node = clone.node}; }
  Action operator()(const PauseStep& pause) const { return ResumeStep{pause.node}; }
  Action operator()(const PartitionStep&) const { return HealStep{.cuts = false}; }
  Action operator()(const CutStep& cut) const { return MendStep{cut.from, cut.to, cut.one_way}; }
  Action operator()(const DialsStep& dials) const { return DialsStep{dials.node, DialAnswer::kTaken}; }
  Action operator()(const SlowReaderStep& slow) const { return SlowReaderStep{slow.node, 0}; }
  Action operator()(const ClockStep& clock) const {
    return ClockStep{clock.node, -clock.jump, clock.ppm ? std::optional<std::int64_t>(0) : std::nullopt};
  }
  Action operator()(const DiskStep& disk) const {
    return DiskStep{disk.node, disk.full ? std::optional(false) : std::nullopt,
                    disk.delay ? std::optional(Duration()) : std::nullopt};
  }
  template <typename Other>
  Action operator()(const Other&) const {
    assert(false && "nothing undoes this");
    return HealStep{};
  }
};

/// A step, or the end of one.
struct Timed {
  Step step;
  /// Number of the fault that it begins.
  std::size_t begins = kNone;
  /// And of that which it ends.
  std::size_t ends = kNone;
};

/// The faults that hold something at a moment of the plan.
class Holders {
 public:
  void begin(std::size_t fault, const Action& action) {
    for (const Key& held : keys_of(action))
      holders_[held].push_back({.fault = fault, .action = action});
    end_pause_with_life(action);
  }
  void set(const Action& action) {
    for (const Key& held : keys_of(action))
      holders_[held] = {{.fault = kNone, .action = action}};
    end_pause_with_life(action);
    if (const auto* heal = std::get_if<HealStep>(&action); heal != nullptr && heal->cuts) {
      std::erase_if(holders_, [](const auto& entry) {
        const Held held = std::get<Held>(entry.first);
        return held == Held::kCut || held == Held::kOneWayCut;
      });
    }
  }
  /// What becomes of `undo` when this fault ends: it, another step in its place, or nothing.
  std::optional<Action> end(std::size_t fault, const Action& action, Action undo) {
    auto in_its_place = step_of_end(fault, action, std::move(undo));
    if (in_its_place) end_pause_with_life(*in_its_place);
    return in_its_place;
  }

 private:
  struct Holder {
    std::size_t fault = kNone;
    Action action;
    /// For a crash: what crashes of the same node that have ended would have left of the disk.
    DiskLeft disk = DiskLeft::kAll;
  };
  struct Released {
    bool was_in_force = false;
    /// What is in force now; nothing when nothing is.
    const Action* before = nullptr;
  };

  /// A pause is one of a process.
  void end_pause_with_life(const Action& action) {
    if (const auto* crash = std::get_if<CrashStep>(&action)) holders_.erase(key(Held::kPause, crash->node));
  }

  std::optional<Action> step_of_end(std::size_t fault, const Action& action, Action undo) {
    if (auto* restart = std::get_if<RestartStep>(&undo)) return end_of_crash(fault, action, *restart);
    if (auto* disk = std::get_if<DiskStep>(&undo)) return end_of_disk(fault, std::get<DiskStep>(action), *disk);
    if (auto* clock = std::get_if<ClockStep>(&undo)) return end_of_clock(fault, std::get<ClockStep>(action), *clock);
    const auto keys = keys_of(action);
    // Each ends itself alone.
    if (keys.empty()) return undo;
    assert(keys.size() == 1);
    const auto [was_in_force, before] = release(keys.front(), fault);
    if (!was_in_force) return std::nullopt;
    if (before == nullptr) return undo;
    return is_same_hold(action, *before) ? std::nullopt : again(*before, std::move(undo));
  }

  Released release(const Key& held, std::size_t fault) {
    std::vector<Holder>& all = holders_[held];
    const auto found = std::ranges::find(all, fault, &Holder::fault);
    if (found == all.end()) return {};
    const bool was_in_force = found == all.end() - 1;
    all.erase(found);
    return {was_in_force, all.empty() ? nullptr : &all.back().action};
  }

  /// Brings about anew what is in force again: nothing where it never ceased to be, `undo` where that is how things are
  /// without faults.
  static std::optional<Action> again(const Action& action, Action undo) {
    if (std::holds_alternative<DialsStep>(action) || std::holds_alternative<SlowReaderStep>(action)) return action;
    if (const auto* partition = std::get_if<PartitionStep>(&action)) {
      PartitionStep without_reset = *partition;
      without_reset.reset = false;
      return without_reset;
    }
    const bool still_so = std::holds_alternative<PauseStep>(action) || std::holds_alternative<CutStep>(action);
    if (still_so) return std::nullopt;
    return undo;
  }

  /// Whether of two that hold the same the end of the one changes nothing while the other lasts.
  static bool is_same_hold(const Action& one, const Action& other) {
    if (const auto* dials = std::get_if<DialsStep>(&one)) return dials->answer == std::get<DialsStep>(other).answer;
    if (const auto* slow = std::get_if<SlowReaderStep>(&one)) return slow->rate == std::get<SlowReaderStep>(other).rate;
    const auto* partition = std::get_if<PartitionStep>(&one);
    const auto* before = std::get_if<PartitionStep>(&other);
    return partition != nullptr && before != nullptr && partition->groups == before->groups;
  }

  /// The last restart of several finds on the disk what the worst of them has left.
  std::optional<Action> end_of_crash(std::size_t fault, const Action& action, RestartStep undo) {
    std::vector<Holder>& all = holders_[keys_of(action).front()];
    const auto found = std::ranges::find(all, fault, &Holder::fault);
    if (found == all.end()) return std::nullopt;
    undo.disk = std::max(undo.disk, found->disk);
    auto heir = all.erase(found);
    if (all.empty()) return undo;
    const bool was_in_force = heir == all.end();
    if (was_in_force) --heir;
    const bool is_down = std::holds_alternative<CrashStep>(heir->action) ||
                         std::holds_alternative<StopStep>(heir->action) ||
                         std::holds_alternative<LeaveStep>(heir->action);
    if (was_in_force && !is_down) return undo;
    heir->disk = std::max(heir->disk, undo.disk);
    return std::nullopt;
  }

  std::optional<Action> end_of_disk(std::size_t fault, const DiskStep& action, DiskStep undo) {
    if (undo.full) {
      const auto [was_in_force, before] = release(key(Held::kDiskFull, action.node), fault);
      const bool left = before != nullptr && *std::get<DiskStep>(*before).full;
      undo.full = was_in_force && left != *action.full ? std::optional(left) : std::nullopt;
    }
    if (undo.delay) {
      const auto [was_in_force, before] = release(key(Held::kDiskDelay, action.node), fault);
      const Duration left = before == nullptr ? Duration() : *std::get<DiskStep>(*before).delay;
      undo.delay = was_in_force && left != *action.delay ? std::optional(left) : std::nullopt;
    }
    if (!undo.full && !undo.delay) return std::nullopt;
    return undo;
  }

  /// Jumps add up: each takes back its own.
  std::optional<Action> end_of_clock(std::size_t fault, const ClockStep& action, ClockStep undo) {
    if (undo.ppm) {
      const auto [was_in_force, before] = release(key(Held::kRate, undo.node), fault);
      const std::int64_t left = before == nullptr ? 0 : *std::get<ClockStep>(*before).ppm;
      undo.ppm = was_in_force && left != *action.ppm ? std::optional(left) : std::nullopt;
    }
    if (!undo.ppm && undo.jump == Duration::zero()) return std::nullopt;
    return undo;
  }

  std::map<Key, std::vector<Holder>> holders_;
};

}  // namespace

Action undo_of(const Action& action) {
  return std::visit(Undo{}, action);
}

std::vector<Step> with_ends(std::vector<Step> steps) {
  std::vector<Timed> timed;
  timed.reserve(2 * steps.size());
  std::vector<Action> faults;
  std::vector<Step> waiting;
  for (Step& step : steps) {
    if (step.when) {
      waiting.push_back(std::move(step));
      continue;
    }
    std::size_t fault = kNone;
    if (const auto lasts = std::exchange(step.lasts, std::nullopt)) {
      const Duration at = step.at.low + lasts->low;
      fault = faults.size();
      Step undo{.at = {at, at}, .line = step.line, .action = undo_of(step.action), .lasts = std::nullopt};
      undo.may_idle = step.may_idle;
      timed.push_back({.step = std::move(undo), .ends = fault});
      // The restart says it now.
      if (auto* crash = std::get_if<CrashStep>(&step.action)) crash->disk = DiskLeft::kAll;
      faults.push_back(step.action);
    }
    timed.push_back({.step = std::move(step), .begins = fault});
  }
  std::ranges::stable_sort(timed, {}, [](const Timed& one) { return one.step.at.low; });

  Holders holders;
  steps.clear();
  for (Timed& one : timed) {
    if (one.ends != kNone) {
      auto end = holders.end(one.ends, faults[one.ends], std::move(one.step.action));
      if (!end) continue;
      one.step.action = *std::move(end);
    } else if (one.begins != kNone) {
      holders.begin(one.begins, one.step.action);
    } else {
      holders.set(one.step.action);
    }
    steps.push_back(std::move(one.step));
  }
  std::ranges::move(waiting, std::back_inserter(steps));
  return steps;
}

}  // namespace meshdict::sim
