#include "sim/swarm/swarm.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <utility>

#include "core/base/random.h"
#include "core/limits.h"
#include "sim/plan/fault.h"
#include "sim/swarm/draft.h"
#include "sim/swarm/ranges.h"

namespace meshdict::sim {
namespace {

constexpr Duration kFirstFault = 3s;
/// So many of a hundred plans use a given kind of fault.
constexpr std::uint64_t kPercentUsed = 60;
/// To find a node and a time at which nothing else befalls it.
constexpr int kMostTries = 4;
/// Where deletions are collected, that happens so long after everything has settled.
constexpr Duration kBeforeHorizon = 30s;

Duration draw(RandomStream& random, Duration low, Duration high) {
  return Duration(random.between(low.count(), high.count()));
}

class SwarmPlan {
 public:
  explicit SwarmPlan(std::uint64_t seed) : seed_(seed) {}

  Plan make() {
    plan_.name = swarm_name(seed_);
    settings();
    nodes();
    operations();
    if (seed_ >= kFirstOperatedSeed) operate();
    if (!calm_) {
      for (const FaultInfo& info : fault_infos())
        faults_of(info);
    }
    if (collects_) outlive_deletions();
    std::ranges::stable_sort(plan_.steps, {}, [](const Step& step) { return step.at.low; });
    plan_.quiet = settle_bound(plan_);
    return std::move(plan_);
  }

 private:
  RandomStream stream(std::string_view what) const {
    return RandomStream(derive_seed(derive_seed(seed_, "swarm"), what));
  }
  NodeIndex any(RandomStream& random) { return static_cast<NodeIndex>(random.below(active_)); }
  NodeIndex another(RandomStream& random, NodeIndex than) {
    return static_cast<NodeIndex>((than + 1 + random.below(active_ - 1)) % active_);
  }
  std::pair<NodeIndex, NodeIndex> pair(RandomStream& random) {
    const NodeIndex a = any(random);
    return {a, another(random, a)};
  }

  void settings();
  void nodes();
  void operations();
  void operation(RandomStream& random, Duration at, int number);
  void operate();
  void bulk();
  void outlive_deletions();
  void traffic_between(NodeIndex a, NodeIndex b, Duration from, RandomStream& random);
  void faults_of(const FaultInfo& info);
  void fault(Fault kind, RandomStream& random);
  PartitionStep partition_between(NodeIndex a, NodeIndex b, RandomStream& random);
  [[nodiscard]] StormStep storm_of_all(RandomStream& random) const;
  void node_fault(Fault kind, RandomStream& random);
  void link_fault(Fault kind, RandomStream& random);
  void write(NodeIndex node, Duration at);
  void add(Duration at, Action action, std::optional<Duration> lasts = std::nullopt) {
    plan_.steps.push_back(step_of(at, std::move(action), lasts));
  }
  /// A node whose process, disk or clock nothing else changes then; nothing when it is taken.
  bool take(NodeIndex node, Duration from, Duration lasts);
  struct Taken {
    NodeIndex node;
    Duration from;
    Duration until;
  };
  /// One that is drawn for this fault, with the time of it; nothing when all that were tried are taken.
  std::optional<Taken> take_any(Fault kind, RandomStream& random);

  std::uint64_t seed_;
  Plan plan_;
  NodePlan defaults_;
  // The nodes before the one that only a clone starts.
  NodeIndex active_ = 0;
  // Without faults: some promises are for such meshes only.
  bool calm_ = false;
  // It goes on beyond the horizon.
  bool collects_ = false;
  std::uint64_t keys_ = 1;
  // Of operations and of the beginnings of faults.
  Duration until_{};
  std::vector<Taken> taken_;
};

void SwarmPlan::settings() {
  RandomStream random = stream("settings");
  until_ = draw(random, 20s, 35s);
  calm_ = random.chance(1, 10);
  collects_ = random.chance(1, 8);
  defaults_.skew = draw(random, 100ms, 2s);
  // From the shortest that the skew allows.
  const Duration shortest = 9 * defaults_.skew + 1s;
  // A horizon that is reached within the run is longer than any lease, and so that is short.
  const bool is_short = random.chance(4, 5) || collects_;
  defaults_.lease = is_short ? draw(random, shortest, shortest + 15s) : Duration(1h);
  defaults_.settle = draw(random, 300ms, 2s);
  defaults_.clock_guard = stream("clock guard").chance(1, 2);
  defaults_.leasing = random.chance(17, 20) ? Leasing::kOn : Leasing::kOff;
  const Duration fastest = draw(random, 100us, 50ms);
  plan_.links.latency = {fastest, fastest + draw(random, 0ms, 100ms)};
  plan_.links.jitter = fixed(draw(random, 0ms, 20ms));
}

void SwarmPlan::nodes() {
  RandomStream random = stream("nodes");
  active_ = static_cast<NodeIndex>(random.between(2, 4));
  if (random.chance(1, 3)) active_ += static_cast<NodeIndex>(random.between(0, 4));
  for (NodeIndex i = 0; i < active_; ++i) {
    NodePlan node = defaults_;
    node.name = fmt::format("n{}", i + 1);
    node.start = fixed(draw(random, 0s, 1s));
    if (random.chance(1, 2)) node.clock = fixed(draw(random, -defaults_.skew / 2, defaults_.skew / 2));
    node.syncs_commits = random.chance(1, 2);
    if (i > 0) node.join.push_back(static_cast<NodeIndex>(random.below(i)));
    plan_.nodes.push_back(std::move(node));
  }
}

void SwarmPlan::operations() {
  RandomStream random = stream("operations");
  keys_ = 1 + random.below(6);
  const auto count = static_cast<int>(random.between(20, 90));
  for (int i = 0; i < count; ++i)
    operation(random, draw(random, 500ms, until_), i);
  bulk();
}

void SwarmPlan::operation(RandomStream& random, Duration at, int number) {
  const NodeIndex node = any(random);
  const std::string key = fmt::format("k{}", random.below(keys_));
  switch (random.below(8)) {
    case 0:
      return add(at, DeleteStep{.node = node, .key = key});
    case 1:
    case 2:
      return add(at, BroadcastStep{.node = node, .text = fmt::format("m{}", number)});
    case 3:
      if (random.chance(1, 3)) {
        return add(at, WhisperStep{.node = node, .to = another(random, node), .text = fmt::format("m{}", number)});
      }
      [[fallthrough]];
    default: {
      // Now and then one that is compressed.
      const std::size_t size = random.chance(1, 10) ? 3'000 : 0;
      std::string value = fmt::format("v{}", number);
      value.resize(std::max(value.size(), size), '.');
      // Now and then two claims cross.
      if (random.chance(1, 6)) {
        const Duration later = draw(random, 0ms, 60ms);
        add(at + later, SetStep{.node = another(random, node), .key = key, .value = value + "'"});
      }
      return add(at, SetStep{.node = node, .key = key, .value = std::move(value)});
    }
  }
}

/// Who has just written gives up its lease, and another wants it; operators break some; now and then a node leaves, and comes back.
void SwarmPlan::operate() {
  RandomStream random = stream("operators");
  for (auto left = random.between(4, 20); left > 0; --left) {
    const NodeIndex node = any(random);
    const Duration at = draw(random, 1s, until_);
    const std::string key = fmt::format("k{}", random.below(keys_));
    if (random.chance(1, 5)) add(at, BreakStep{{.node = node, .key = key}});
    add(at, SetStep{.node = node, .key = key, .value = fmt::format("held{}", left)});
    const Duration given_up = at + draw(random, 0ms, 3s);
    add(given_up, ReleaseStep{{.node = node, .key = key}});
    add(given_up + draw(random, 0ms, 500ms),
        SetStep{.node = another(random, node), .key = key, .value = fmt::format("next{}", left)});
  }
  if (calm_ || !random.chance(1, 2)) return;
  if (const auto taken = take_any(Fault::kCrash, random))
    add(taken->from, LeaveStep{taken->node}, taken->until - taken->from);
}

/// Dictionaries of more keys than one list names are compared by ranges.
void SwarmPlan::bulk() {
  RandomStream random = stream("bulk");
  if (!random.chance(1, 6)) return;
  const auto count = random.between(70, 150);
  const NodeIndex nodes[] = {any(random), any(random)};
  const Duration from = draw(random, 1s, until_ - 2s);
  for (std::int64_t i = 0; i < count; ++i) {
    const NodeIndex node = nodes[random.below(2)];
    add(from + draw(random, 0s, 2s),
        SetStep{.node = node, .key = fmt::format("b{}", i), .value = fmt::format("v{}", i)});
  }
}

/// Deletions are collected, and then the keys are written again, on nodes that have restarted meanwhile, too. The
/// horizon is beyond all that may keep two nodes apart: what was deleted must not return.
void SwarmPlan::outlive_deletions() {
  RandomStream random = stream("horizon");
  const Duration horizon = settle_bound(plan_) + kBeforeHorizon;
  for (NodePlan& node : plan_.nodes) {
    node.horizon = horizon;
    // Few or none, or it would be of no account that an epoch outlives its deletion.
    node.kept_deletions = random.chance(1, 4) ? limits::kMaxKeptDeletions : random.below(3);
  }
  Duration last{};
  for (const Step& step : plan_.steps)
    last = std::max(last, step.at.low + (step.lasts ? step.lasts->low : Duration{}));
  const Duration collected = last + horizon + draw(random, 1s, 10s);
  if (!calm_ && random.chance(1, 2)) {
    const Duration down = draw(random, 50ms, 2s);
    add(collected, CrashStep{.node = any(random)}, down);
  }
  for (int i = 0; i < 20; ++i)
    operation(random, collected + draw(random, 0s, 10s), 1'000 + i);
}

void SwarmPlan::faults_of(const FaultInfo& info) {
  RandomStream random = stream(info.name);
  if (!random.chance(kPercentUsed, 100)) return;
  const auto times = static_cast<int>(random.between(1, 2));
  for (int i = 0; i < times; ++i)
    fault(info.fault, random);
}

bool SwarmPlan::take(NodeIndex node, Duration from, Duration lasts) {
  // A moment between: what undoes the one must not come after what the other does.
  const Duration until = from + lasts + 1s;
  const bool free = std::ranges::none_of(
      taken_, [&](const Taken& taken) { return taken.node == node && taken.from < until && from < taken.until; });
  if (free) taken_.push_back({node, from, until});
  return free;
}

void SwarmPlan::fault(Fault kind, RandomStream& random) {
  const Duration at = draw(random, kFirstFault, until_);
  const Duration lasts = draw(random, 100ms, 12s);
  const auto [a, b] = pair(random);
  switch (kind) {
    case Fault::kPartition:
      return add(at, partition_between(a, b, random), lasts);
    case Fault::kCut:
      return add(at, CutStep{.from = {a}, .to = {b}}, lasts);
    case Fault::kOneWayCut:
      return add(at, CutStep{.from = {a}, .to = {b}, .one_way = true}, lasts);
    case Fault::kReset:
      return add(at, ResetStep{.a = a, .b = b});
    case Fault::kOneSidedReset:
      return add(at, ResetStep{.a = a, .b = b, .one_sided = true});
    case Fault::kResetInsideFrame:
      return add(at, ResetStep{.a = a, .b = b, .inside_frame = true});
    case Fault::kHalfOpen:
      return add(at, HalfOpenStep{a, b});
    case Fault::kRefusedDial:
    case Fault::kLostDial: {
      // Something must dial it meanwhile.
      const DialAnswer answer = kind == Fault::kLostDial ? DialAnswer::kLost : DialAnswer::kRefused;
      add(at, DialsStep{a, answer}, lasts);
      return add(at + lasts / 2, ConnectStep{b, a});
    }
    case Fault::kCrossedDials:
      // Two that are connected already both know which connection was first. The storm names its nodes in YAML's order.
      if (random.chance(1, 2)) add(at - 1ms, ResetStep{.a = a, .b = b});
      traffic_between(a, b, at, random);
      return add(at, StormStep{.nodes = {std::min(a, b), std::max(a, b)}});
    case Fault::kStorm: {
      StormStep storm = storm_of_all(random);
      traffic_between(a, b, at, random);
      return add(at, std::move(storm));
    }
    case Fault::kBitFlip:
      return add(at, TamperStep{a, b, Tampering::kFlip});
    case Fault::kTruncatedFrame:
      return add(at, TamperStep{a, b, Tampering::kTruncate});
    case Fault::kRepeatedFrame:
      return add(at, TamperStep{a, b, Tampering::kRepeat});
    case Fault::kStaleFrame:
      return add(at, TamperStep{a, b, Tampering::kStale});
    case Fault::kSlowReader:
      return add(at, SlowReaderStep{.node = a, .rate = 500 + random.below(4'000)}, lasts);
    case Fault::kLatency:
    case Fault::kJitter:
    case Fault::kBandwidth:
    case Fault::kFragments:
    case Fault::kJoinedReads:
      return link_fault(kind, random);
    case Fault::kRestart:    // comes with a crash
    case Fault::kClockSkew:  // is drawn with the nodes
      return;
    case Fault::kCrash:
    case Fault::kSilentCrash:
    case Fault::kPowerFailure:
    case Fault::kRestartWithoutDisk:
    case Fault::kRestartWithIdentityOnly:
    case Fault::kClone:
    case Fault::kFullDisk:
    case Fault::kSlowDisk:
    case Fault::kPause:
    case Fault::kClockRate:
    case Fault::kClockForward:
    case Fault::kClockBackward:
      return node_fault(kind, random);
  }
}

PartitionStep SwarmPlan::partition_between(NodeIndex a, NodeIndex b, RandomStream& random) {
  PartitionStep partition;
  partition.groups.push_back({a});
  for (NodeIndex node = 0; node < active_; ++node) {
    if (node != a && node != b && random.chance(1, 2)) partition.groups.back().push_back(node);
  }
  partition.reset = random.chance(1, 4);
  return partition;
}

StormStep SwarmPlan::storm_of_all(RandomStream& random) const {
  StormStep storm;
  for (NodeIndex node = 0; node < active_; ++node)
    storm.nodes.push_back(node);
  storm.times = 1 + random.below(2);
  return storm;
}

/// What passes while duplicate connections come, and while those that gave way go.
void SwarmPlan::traffic_between(NodeIndex a, NodeIndex b, Duration from, RandomStream& random) {
  // Dial, handshake, hello, KEEP and its answer are eight flights.
  const Duration exchange = 8 * (plan_.links.latency.high + plan_.links.jitter.high);
  for (const Duration begin : {from, from + limits::kLinger}) {
    for (int i = 0; i < 16; ++i) {
      const NodeIndex node = random.chance(1, 2) ? a : b;
      add(begin + draw(random, 0ms, exchange), BroadcastStep{.node = node, .text = fmt::format("t{}", i)});
    }
  }
}

void SwarmPlan::link_fault(Fault kind, RandomStream& random) {
  LinkStep link{.link = plan_.links};
  const Duration at = draw(random, kFirstFault, until_);
  link.a = any(random);
  if (random.chance(1, 2)) link.b = another(random, link.a);
  switch (kind) {
    case Fault::kLatency:
      link.link.latency = fixed(draw(random, 100us, 400ms));
      break;
    case Fault::kJitter:
      link.link.jitter = fixed(draw(random, 1ms, 200ms));
      break;
    case Fault::kBandwidth:
      link.link.bandwidth = 10'000 + random.below(90'000);
      break;
    case Fault::kJoinedReads:
      link.link.gather = draw(random, 1ms, 300ms);
      // Now and then cut anywhere.
      if (random.chance(1, 2)) link.link.piece = 1 + random.below(2'000);
      break;
    default:
      link.link.piece = 1 + random.below(64);
  }
  add(at, link);
}

std::optional<SwarmPlan::Taken> SwarmPlan::take_any(Fault kind, RandomStream& random) {
  for (int tries = 0; tries < kMostTries; ++tries) {
    const NodeIndex node = any(random);
    const Duration at = draw(random, kFirstFault, until_);
    Duration lasts = draw(random, 50ms, 6s);
    // Rarely longer than any lease lasts.
    if (kind == Fault::kPause && random.chance(1, 20) && !collects_) {
      lasts = draw(random, 10s, std::min<Duration>(10 * defaults_.lease, 5min));
    }
    if (take(node, at, lasts)) return Taken{.node = node, .from = at, .until = at + lasts};
  }
  return std::nullopt;
}

/// Whatever a disk does shows when something is written.
void SwarmPlan::write(NodeIndex node, Duration at) {
  add(at, SetStep{.node = node, .key = fmt::format("own{}", node), .value = fmt::format("v{}", at.count())});
}

void SwarmPlan::node_fault(Fault kind, RandomStream& random) {
  const std::optional<Taken> taken = take_any(kind, random);
  if (!taken) return;
  const NodeIndex node = taken->node;
  const Duration at = taken->from;
  const Duration lasts = taken->until - at;
  switch (kind) {
    case Fault::kCrash:
      return add(at, CrashStep{.node = node}, lasts);
    case Fault::kSilentCrash:
      return add(at, CrashStep{.node = node, .silent = true}, lasts);
    case Fault::kPowerFailure:
      plan_.nodes[node].syncs_commits = false;
      write(node, at - 300ms);
      write(node, at - 100ms);
      return add(at, CrashStep{.node = node, .power = true}, lasts);
    case Fault::kRestartWithoutDisk:
      return add(at, CrashStep{.node = node, .disk = DiskLeft::kNothing}, lasts);
    case Fault::kRestartWithIdentityOnly:
      return add(at, CrashStep{.node = node, .disk = DiskLeft::kIdentity}, lasts);
    case Fault::kClone: {
      // One is enough.
      if (plan_.nodes.size() > active_) return;
      NodePlan copy = defaults_;
      copy.name = "copy";
      copy.starts = false;
      copy.join.push_back(another(random, node));
      plan_.nodes.push_back(std::move(copy));
      return add(at, CloneStep{active_, node}, lasts);
    }
    case Fault::kFullDisk: {
      DiskStep disk{.node = node};
      disk.full = true;
      write(node, at + lasts / 2);
      return add(at, disk, lasts);
    }
    case Fault::kSlowDisk: {
      DiskStep disk{.node = node};
      disk.delay = draw(random, 1ms, 200ms);
      write(node, at + lasts / 2);
      return add(at, disk, lasts);
    }
    case Fault::kPause:
      add(at + lasts / 2, BroadcastStep{.node = another(random, node), .text = "to one that stands still"});
      return add(at, PauseStep{node}, lasts);
    case Fault::kClockRate: {
      ClockStep clock{.node = node};
      clock.ppm = random.between(-700, 700);
      return add(at, clock, lasts);
    }
    case Fault::kClockForward:
    case Fault::kClockBackward: {
      ClockStep clock{.node = node};
      const Duration far = random.chance(1, 3) ? 3 * defaults_.skew : defaults_.skew / 2;
      const Duration by = draw(random, 1ms, far);
      clock.jump = kind == Fault::kClockForward ? by : -by;
      return add(at, clock, lasts);
    }
    default:
      return;
  }
}

}  // namespace

Duration settle_bound(const Plan& plan) {
  using namespace limits;
  Duration slowest = plan.links.slowest();
  Duration jump{};
  bool out_of_step = false;
  for (const Step& step : plan.steps) {
    if (const auto* link = std::get_if<LinkStep>(&step.action)) {
      slowest = std::max(slowest, link->link.slowest());
    } else if (const auto* clock = std::get_if<ClockStep>(&step.action)) {
      jump = std::max(jump, clock->jump + std::min<Duration>(0s, plan.nodes[clock->node].clock.low));
    } else if (const auto* tamper = std::get_if<TamperStep>(&step.action)) {
      out_of_step |= tamper->how == Tampering::kTruncate;
    }
  }
  // A dead connection is noticed, and another dialled: the backoff with its jitter, a dial that is lost at the same time.
  const Duration noticed = out_of_step ? kFrameDeadline + kPingAfterIdle : kSilenceVerdict;
  const Duration linked = noticed + kBackoffCap * 3 / 2 + kDialDeadline + kHelloDeadline;
  // A future record comes back when its time has come, and its node looks.
  const Duration taken = jump > Duration::zero() ? jump + kLookAtFuture : Duration::zero();
  // Notes are compared at once, and news passes on: some twenty flights for each hop, of few.
  const Duration compared = 100 * slowest + kLinger;
  return linked + taken + compared;
}

std::string swarm_name(std::uint64_t seed) {
  return fmt::format("swarm-{}", seed);
}

Plan swarm_plan(std::uint64_t seed) {
  const SwarmRange* range = seed < kFirstOperatedSeed ? range_of(seed) : nullptr;
  if (range == nullptr) return SwarmPlan(seed).make();
  RandomStream random(derive_seed(derive_seed(seed, "swarm"), range->name));
  Plan plan = range->make(random);
  plan.name = swarm_name(seed);
  return plan;
}

}  // namespace meshdict::sim
