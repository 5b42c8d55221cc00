#include "sim/swarm/edges.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "core/limits.h"
#include "sim/plan/limits.h"
#include "sim/plan/thresholds.h"
#include "sim/swarm/draft.h"

namespace meshdict::sim {
namespace {

/// Before it the mesh has formed.
constexpr Duration kFormed = 12s;
/// Plans that cost more than this many nodes are drawn less often.
constexpr std::int64_t kFewNodes = 40;
/// Deletions are collected so long after the last at the earliest.
constexpr Duration kBeyondLeases = 60s;

class Edge {
 public:
  Edge(RandomStream& random, const Threshold& threshold) : draft_(random), threshold_(threshold) {
    like_ = draft_.chance(1, 2) ? short_leases(draft_) : NodePlan();
    if (of(Quantity::kAbsence) && threshold_.value == horizon_value()) like_.horizon = 2 * like_.lease + kBeyondLeases;
    amount_ = near(threshold_.value(like_));
  }

  Plan make() {
    draft_.nodes(members(), like_);
    draft_.links(1ms, 50ms);
    reach();
    // Something to agree on: before, meanwhile and behind.
    const Duration last = std::max(last_, kFormed + 20s);
    for (int i = 0; i < 12; ++i)
      traffic(draft_.time(1s, kFormed));
    for (int i = 0; i < 16; ++i)
      traffic(draft_.time(kFormed, last));
    return draft_.finish(more_quiet_);
  }

 private:
  static decltype(Threshold::value) horizon_value() {
    return std::ranges::find(thresholds(), "horizon", &Threshold::constant)->value;
  }
  [[nodiscard]] bool of(Quantity quantity) const { return threshold_.quantity == quantity; }

  /// On either side of the value, as often as not within one of it.
  std::int64_t near(std::int64_t value) {
    const std::int64_t one = draft_.chance(1, 2) ? 1 : 0;
    std::int64_t amount = value - one + static_cast<std::int64_t>(draft_.number(0, 2)) * one;
    if (draft_.chance(1, 2))
      amount = value / 2 + static_cast<std::int64_t>(draft_.number(0, static_cast<std::uint64_t>(value)));
    return threshold_.sides == Threshold::Sides::kUpTo ? std::min(amount, value) : std::max<std::int64_t>(amount, 1);
  }

  std::uint64_t members() {
    if (of(Quantity::kMembers)) {
      if (amount_ > kFewNodes && draft_.chance(3, 4)) amount_ = kFewNodes;
      more_quiet_ = 60s;
      return static_cast<std::uint64_t>(amount_);
    }
    if (of(Quantity::kNeighbours)) return static_cast<std::uint64_t>(amount_) + 1;
    if (of(Quantity::kRivals)) return static_cast<std::uint64_t>(std::max<std::int64_t>(amount_, 1)) + 1;
    return draft_.number(2, 3);
  }

  void traffic(Duration at) {
    const std::string key = fmt::format("k{}", draft_.number(0, 3));
    switch (draft_.number(0, 4)) {
      case 0:
        return draft_.add(at, DeleteStep{.node = draft_.any(), .key = key});
      case 1:
        return draft_.add(at, BroadcastStep{.node = draft_.any(), .text = draft_.value()});
      default:
        return draft_.set(at, draft_.any(), key);
    }
  }

  /// Lets the quantity come to the amount.
  void reach();
  void reach_by_lines();
  void reach_by_size();
  void reach_by_clock();
  void be_absent();
  void part();
  void live_often();
  void hold_whispers();
  void outlive_deletions();
  /// A line for all from now on.
  void line(Duration latency, std::uint64_t bandwidth);
  void at(Duration time, Action action, std::optional<Duration> lasts = std::nullopt) {
    last_ = std::max(last_, time + lasts.value_or(Duration::zero()));
    draft_.add(time, std::move(action), lasts);
  }
  [[nodiscard]] Duration time() const { return Duration(amount_); }
  [[nodiscard]] std::uint64_t count() const { return static_cast<std::uint64_t>(amount_); }

  Draft draft_;
  const Threshold& threshold_;
  NodePlan like_;
  std::int64_t amount_ = 0;
  Duration last_{};
  Duration more_quiet_{};
};

void Edge::reach() {
  switch (threshold_.quantity) {
    case Quantity::kRoundTrip:
    case Quantity::kDialling:
    case Quantity::kConfirming:
    case Quantity::kFlight:
    case Quantity::kCarrying:
    case Quantity::kLineRate:
    case Quantity::kBacklog:
      return reach_by_lines();
    case Quantity::kGap:
    case Quantity::kStall:
    case Quantity::kAbsence:
      return be_absent();
    case Quantity::kParting:
      return part();
    case Quantity::kClockError:
    case Quantity::kClockJump:
    case Quantity::kWrittenAhead:
      return reach_by_clock();
    case Quantity::kKeySize:
    case Quantity::kValueSize:
    case Quantity::kFrameSize:
    case Quantity::kKeysAtOnce:
    case Quantity::kKeys:
      return reach_by_size();
    case Quantity::kMembers:
    case Quantity::kNeighbours:
      return;
    case Quantity::kLinksOfPair: {
      StormStep storm{.nodes = {0, 1},
                      .times = std::clamp<std::uint64_t>((count() + 1) / 2, 1, sim_limits::kMaxStormDials)};
      if (draft_.chance(1, 2)) draft_.add(kFormed - 1ms, ResetStep{.a = 0, .b = 1});
      return at(kFormed, std::move(storm));
    }
    case Quantity::kLives:
      return live_often();
    case Quantity::kRivals:
      for (NodeIndex node = 0; node < draft_.plan.nodes.size(); ++node)
        draft_.set(kFormed + draft_.time(0ms, 2ms), node, "contested");
      draft_.plan.links.latency = {20ms, 50ms};
      return;
    case Quantity::kClaimAge:
      draft_.set(kFormed, 0, "held");
      return at(kFormed + time(), SetStep{.node = 1, .key = "held", .value = draft_.value()});
    case Quantity::kHeldWhispers:
    case Quantity::kHeldFor:
      return hold_whispers();
    case Quantity::kOldDeletions:
      return outlive_deletions();
  }
}

void Edge::line(Duration latency, std::uint64_t bandwidth) {
  LinkStep link{.link = draft_.plan.links};
  if (latency > Duration::zero()) link.link.latency = fixed(std::min(latency, sim_limits::kMaxLinkTime));
  link.link.bandwidth = bandwidth;
  at(kFormed, std::move(link));
  // Lines are what they were when a connection was made.
  at(kFormed + 1ms, ResetStep{.a = 0, .b = 1});
  at(kFormed + 2ms, ConnectStep{.node = 0, .to = 1});
}

void Edge::reach_by_lines() {
  SetStep set{.node = 0, .key = "large", .value = draft_.value()};
  switch (threshold_.quantity) {
    case Quantity::kLineRate:
      line({}, count());
      set.value_size = 2'000;
      break;
    case Quantity::kBacklog:
      line({}, draft_.number(2'000'000, 8'000'000));
      set.value_size = std::min<std::uint64_t>(count(), 100'000);
      set.count = std::clamp<std::uint64_t>(count() / set.value_size, 1, sim_limits::kMaxAtOnce);
      break;
    case Quantity::kFlight:
    case Quantity::kCarrying: {
      // One frame that takes so long.
      const std::uint64_t rate = draft_.number(20'000, 60'000);
      line({}, rate);
      const auto bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(1, time() / 1ms)) * rate / 1'000;
      set.value_size = std::min(bytes, kLargestText);
      more_quiet_ = 2 * time() + 2min;
      break;
    }
    default:
      line(time() / 2, 0);
      set.wait = 1;
  }
  at(kFormed + 10s, std::move(set));
  at(kFormed + 10s + 1ms, BroadcastStep{.node = 0, .text = draft_.value()});
}

void Edge::reach_by_size() {
  SetStep set{.node = 0, .key = "large", .value = draft_.value()};
  switch (threshold_.quantity) {
    case Quantity::kKeySize:
      set.key_size = count();
      break;
    case Quantity::kValueSize:
      set.value_size = std::min(count(), kLargestText);
      break;
    case Quantity::kFrameSize:
      if (count() > limits::kMaxValue / 2) set.key_size = limits::kMaxKey;
      set.value_size = std::min(count(), kLargestText);
      break;
    default:
      set.count = std::min(count(), sim_limits::kMaxAtOnce);
  }
  // On those that are there, and on one that comes later.
  if (draft_.chance(1, 2)) draft_.plan.nodes.back().start = fixed(kFormed + draft_.time(1s, 5s));
  at(kFormed, std::move(set));
}

void Edge::reach_by_clock() {
  const NodeIndex wrong = draft_.any();
  const bool ahead = draft_.chance(1, 2) || of(Quantity::kWrittenAhead);
  Duration jump = ahead ? time() : -time();
  if (of(Quantity::kWrittenAhead)) {
    jump = 2 * like_.skew;
    // It claims keys though its clock is wrong.
    for (NodePlan& node : draft_.plan.nodes)
      node.clock_guard = false;
    for (std::uint64_t left = count(), part = 0; left > 0; ++part) {
      SetStep set{.node = wrong, .key = fmt::format("ahead{}", part), .value = draft_.value()};
      set.count = std::min<std::uint64_t>(left, 1'000);
      left -= set.count;
      at(kFormed + 1s, std::move(set));
    }
  }
  at(kFormed, ClockStep{.node = wrong, .jump = jump}, draft_.time(2s, 20s));
  more_quiet_ = std::chrono::abs(jump) + like_.skew;
  // Leases, and who holds what, are promised to those whose clocks agree.
  if (std::chrono::abs(jump) > like_.skew / 2) draft_.unpromised({Property::kS5, Property::kLease});
}

void Edge::be_absent() {
  const NodeIndex away = draft_.any();
  switch (draft_.number(0, 3)) {
    case 0:
      at(kFormed, CrashStep{.node = away, .silent = draft_.chance(1, 2)}, time());
      break;
    case 1:
      at(kFormed, PauseStep{.node = away}, time());
      break;
    case 2: {
      const NodeIndex other = draft_.another(away);
      at(kFormed, CutStep{.from = {away}, .to = {other}, .one_way = draft_.chance(1, 2)}, time());
      break;
    }
    default:
      at(kFormed, PartitionStep{.groups = {{away}}, .reset = draft_.chance(1, 2)}, time());
  }
  // What was deleted meanwhile may return after so long, and is told of as that.
  if (time() > like_.horizon - 2 * like_.skew) draft_.unpromised({Property::kS7});
}

void Edge::part() {
  at(kFormed, DisconnectStep{.node = 0, .from = 1});
  at(kFormed + time(), ConnectStep{.node = 0, .to = 1});
}

void Edge::live_often() {
  Duration next = kFormed;
  for (std::uint64_t left = count(); left > 0; --left, next += 500ms) {
    at(next, CrashStep{.node = 1}, 100ms);
    if (draft_.chance(1, 8)) draft_.set(next + 300ms, 1, "own");
  }
}

void Edge::hold_whispers() {
  // Nobody knows where a node that has lost its address is, until it is there again.
  const Duration away = of(Quantity::kHeldFor) ? time() : Duration(20s);
  const std::uint64_t whispers = of(Quantity::kHeldFor) ? 1 : std::min<std::uint64_t>(count(), 200);
  at(kFormed, CrashStep{.node = 1}, away + 1s);
  for (std::uint64_t i = 0; i < whispers; ++i)
    at(kFormed + 1s, WhisperStep{.node = 0, .to = 1, .text = draft_.value()});
}

void Edge::outlive_deletions() {
  like_.horizon = 2 * like_.lease + kBeyondLeases;
  const std::uint64_t kept = draft_.number(4, 40);
  for (NodePlan& node : draft_.plan.nodes) {
    node.horizon = like_.horizon;
    node.kept_deletions = kept;
  }
  const std::uint64_t deletions = draft_.number(kept / 2, 2 * kept);
  for (std::uint64_t i = 0; i < deletions; ++i) {
    draft_.set(kFormed, 0, fmt::format("old{}", i));
    at(kFormed + 1s, DeleteStep{.node = 0, .key = fmt::format("old{}", i)});
  }
  const Duration later = kFormed + like_.horizon + 2min;
  at(later, CrashStep{.node = draft_.any()}, 2s);
  for (int i = 0; i < 8; ++i)
    at(later + draft_.time(0s, 20s), draft_.write(fmt::format("old{}", draft_.number(0, deletions))));
}

}  // namespace

Plan edges(RandomStream& random) {
  const auto all = thresholds();
  const Threshold& threshold = all[random.below(all.size())];
  return Edge(random, threshold).make();
}

}  // namespace meshdict::sim
