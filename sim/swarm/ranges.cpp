#include "sim/swarm/ranges.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "core/limits.h"
#include "sim/swarm/draft.h"
#include "sim/swarm/edges.h"

namespace meshdict::sim {
namespace {

/// Several nodes claim one key at a time, and what they say comes in one read.
Plan elections(RandomStream& random) {
  Draft draft(random);
  const NodePlan like = short_leases(draft);
  draft.nodes(draft.number(4, 8), like);
  // Far from one and near another, so that what a third says comes before what the first does.
  draft.plan.links.latency = {1ms, draft.time(5ms, 500ms)};
  draft.plan.links.gather = draft.time(5ms, 500ms);
  const Duration near = draft.plan.links.latency.high;
  const std::uint64_t elections = draft.number(20, 60);
  for (std::uint64_t i = 0; i < elections; ++i) {
    const Duration at = draft.time(5s, 40s);
    const std::string key = fmt::format("e{}", i);
    for (NodeIndex node = 0; node < draft.plan.nodes.size(); ++node) {
      if (draft.chance(4, 5)) draft.set(at + draft.time(0s, near), node, key);
    }
  }
  return draft.finish();
}

/// A round trip takes longer than a probe waits, while connections cross and give way, and messages are few.
Plan distant(RandomStream& random) {
  Draft draft(random);
  const NodePlan like = short_leases(draft);
  draft.nodes(draft.number(2, 3), like);
  draft.links(1ms, 100ms);
  LinkStep far{.link = draft.plan.links};
  far.link.latency = fixed(draft.time(limits::kProbeDeadline / 3, 3 * limits::kProbeDeadline / 2));
  if (draft.chance(1, 2)) far.link.jitter = fixed(draft.time(0ms, 300ms));
  if (draft.chance(1, 2)) far.a = draft.any();
  draft.add(draft.chance(1, 2) ? 0s : draft.time(5s, 10s), far);
  Duration at = draft.time(12s, 20s);
  for (std::uint64_t left = draft.number(1, 4); left > 0; --left) {
    const NodeIndex a = draft.any();
    const NodeIndex b = draft.another(a);
    if (draft.chance(1, 3)) draft.add(at - 1ms, ResetStep{.a = a, .b = b});
    if (draft.chance(1, 3)) draft.add(at - 1ms, CrashStep{.node = a}, draft.time(100ms, 5s));
    draft.add(at, StormStep{.nodes = {std::min(a, b), std::max(a, b)}});
    const Duration next = at + draft.time(10s, 30s);
    const Duration most = draft.time(100ms, 5s);
    for (; at < next; at += draft.time(10ms, most))
      draft.add(at, BroadcastStep{.node = draft.chance(1, 2) ? a : b, .text = draft.value()});
  }
  return draft.finish();
}

/// The member that has brought two together leaves, and nothing happens for longer than the lifetime of an address; then the
/// link of the two breaks for a moment.
Plan quiet_weeks(RandomStream& random) {
  Draft draft(random);
  draft.nodes(3, NodePlan());
  draft.plan.nodes[2].join = {0};
  draft.links(1ms, 100ms);
  draft.set(10s, draft.any(), "before");
  if (draft.chance(1, 2)) {
    draft.add(20s, StopStep{.node = 0});
  } else {
    draft.add(20s, CrashStep{.node = 0});
  }
  const Duration awake = limits::kAddressLifetime + draft.time(1h, 24h);
  const PartitionStep partition{.groups = {{1}}, .reset = draft.chance(1, 2)};
  draft.add(awake, partition, limits::kSilenceVerdict + draft.time(5s, 120s));
  draft.set(awake + 1s, draft.any(), "after");
  return draft.finish();
}

/// Keys, values and batches as large as they may be, and a member that comes when they are there.
Plan sizes(RandomStream& random) {
  Draft draft(random);
  draft.nodes(draft.number(2, 3), NodePlan());
  draft.links(1ms, 50ms);
  draft.plan.nodes.back().start = fixed(draft.time(20s, 25s));
  // Lines on which the largest frame takes some seconds at the most.
  draft.plan.links.bandwidth = draft.number(1'000'000, 20'000'000);
  const auto writes = draft.number(2, 6);
  for (std::uint64_t i = 0; i < writes; ++i) {
    SetStep set{.node = 0, .key = fmt::format("k{}", i), .value = draft.value()};
    switch (draft.number(0, 5)) {
      case 0:
        set.key_size = draft.number(limits::kMaxKey - 2'000, limits::kMaxKey);
        break;
      case 1:
        set.value_size = draft.number(kLargestText - 2'000, kLargestText);
        break;
      case 2:
        set.count = draft.number(limits::kBatchRecords - 6, 3 * limits::kBatchRecords);
        break;
      case 3:
        // Together more than may be queued, now and then.
        set.value_size = draft.number(5'000, 50'000);
        set.count = draft.number(2 * limits::kMaxQueued / 3, 3 * limits::kMaxQueued / 2) / set.value_size;
        break;
      case 4: {
        // A record that fills a batch behind one that has begun it.
        SetStep before{.node = 0, .key = fmt::format("k{}.before", i), .value = draft.value()};
        before.key_size = draft.number(limits::kMaxKey - 2'000, limits::kMaxKey);
        const Duration at = draft.time(5s, 30s);
        draft.add(at, std::move(before));
        set.key_size = draft.number(limits::kMaxKey - 2'000, limits::kMaxKey);
        set.value_size = draft.number(kLargestText - 2'000, kLargestText);
        draft.add(at + 1ms, std::move(set));
        continue;
      }
      default:
        set.key_size = draft.number(limits::kMaxKey - 2'000, limits::kMaxKey);
        set.count = draft.number(2, 6);
    }
    if (draft.chance(2, 3)) set.wait = 1;
    draft.add(draft.time(5s, 30s), std::move(set));
  }
  return draft.finish(60s);
}

/// A line on which the largest frame takes longer than a silent peer is borne.
Plan slow_lines(RandomStream& random) {
  Draft draft(random);
  draft.nodes(draft.number(2, 3), NodePlan());
  draft.links(1ms, 200ms);
  draft.plan.links.bandwidth = draft.number(50'000, 150'000);
  const auto values = draft.number(1, 3);
  for (std::uint64_t i = 0; i < values; ++i) {
    SetStep set = draft.write(fmt::format("k{}", i));
    set.value_size = draft.number(200'000, 4'000'000);
    draft.add(draft.time(5s, 60s), std::move(set));
  }
  for (int i = 0; i < 10; ++i) {
    SetStep set = draft.write(fmt::format("small{}", i));
    draft.add(draft.time(5s, 90s), std::move(set));
  }
  return draft.finish(10min);
}

/// One clock is wrong by more than members allow, for a while or from the start.
Plan wrong_clocks(RandomStream& random) {
  Draft draft(random);
  NodePlan like = short_leases(draft);
  if (draft.chance(1, 2)) like = NodePlan();
  draft.nodes(draft.number(2, 4), like);
  draft.links(1ms, 100ms);
  const NodeIndex wrong = draft.any();
  const Duration far = draft.chance(1, 2) ? draft.time(like.skew, 3 * like.skew) : draft.time(30s, 10min);
  const Duration off = draft.chance(1, 2) ? far : -far;
  if (draft.chance(1, 2)) {
    draft.plan.nodes[wrong].clock = fixed(off);
  } else {
    const Duration from = draft.time(3s, 20s);
    draft.add(from, ClockStep{.node = wrong, .jump = off}, draft.time(5s, 40s));
  }
  for (int i = 0; i < 30; ++i) {
    SetStep set = draft.write(fmt::format("k{}", draft.number(0, 9)));
    if (draft.chance(1, 2)) set.node = wrong;
    set.wait = draft.number(0, 1);
    draft.add(draft.time(3s, 60s), std::move(set));
  }
  // Leases, and who holds what, are promised to those whose clocks agree.
  draft.unpromised({Property::kS5, Property::kLease});
  return draft.finish(far + like.skew);
}

/// A machine without a clock of its own begins in 1970, and is told the time later. Another returns to it after a long time.
Plan first_minute(RandomStream& random) {
  Draft draft(random);
  NodePlan like = short_leases(draft);
  like.horizon = draft.time(2min, 5min);
  draft.nodes(draft.number(2, 3), like);
  draft.links(1ms, 100ms);
  const auto keys = draft.number(1, 50);
  const Duration crash = 15s;
  const Duration back = crash + like.horizon + draft.time(1min, 5min);
  for (std::uint64_t i = 0; i < keys; ++i)
    draft.set(draft.time(3s, 10s), 0, fmt::format("k{}", i));
  NodePlan late = like;
  late.name = "late";
  const Duration starts = draft.time(crash + 1s, back - 61s);
  late.start = fixed(starts);
  // To 1970-01-01 from where the world begins.
  const Duration since_1970 = Duration(24h) * 21'915 + starts;
  late.clock = fixed(-since_1970);
  late.join.push_back(0);
  draft.plan.nodes.push_back(std::move(late));
  const auto odd = static_cast<NodeIndex>(draft.plan.nodes.size() - 1);
  draft.add(starts + draft.time(1s, 59s), ClockStep{.node = odd, .jump = since_1970});
  for (NodeIndex node = 0; node < odd; ++node)
    draft.add(crash, CrashStep{.node = node}, back - crash + draft.time(0s, 20s));
  draft.unpromised({Property::kS5, Property::kLease, Property::kB1});
  return draft.finish();
}

/// A member is away for longer than deletions are remembered, down or cut off, while it or the others write and delete.
Plan absences(RandomStream& random) {
  Draft draft(random);
  NodePlan like = short_leases(draft);
  like.horizon = 2 * like.lease + draft.time(60s, 3min);
  draft.nodes(draft.number(2, 4), like);
  draft.links(1ms, 100ms);
  const NodeIndex away = draft.any();
  const auto key = [&] { return fmt::format("k{}", draft.number(0, 4)); };
  for (int i = 0; i < 8; ++i) {
    SetStep set = draft.write(key());
    draft.add(draft.time(3s, 15s), std::move(set));
  }
  const Duration from = draft.chance(1, 2) ? 20s : like.horizon + draft.time(0s, 30s);
  const Duration lasts = like.horizon + draft.time(1min, 10min);
  if (draft.chance(1, 2)) {
    draft.add(from, CrashStep{.node = away}, lasts);
  } else {
    draft.add(from, PartitionStep{.groups = {{away}}, .reset = draft.chance(1, 2)}, lasts);
  }
  for (int i = 0; i < 12; ++i) {
    const NodeIndex node = draft.chance(1, 3) ? away : draft.any();
    const Duration at = from + (draft.chance(2, 3) ? draft.time(1s, 60s) : draft.time(1s, lasts));
    if (draft.chance(1, 2)) {
      draft.set(at, node, key());
    } else {
      draft.add(at, DeleteStep{.node = node, .key = key()});
    }
  }
  // Some restart later, with what they know then.
  const Duration settled = from + lasts + 60s;
  if (draft.chance(2, 3)) draft.add(settled, CrashStep{.node = draft.chance(1, 2) ? away : draft.any()}, 2s);
  // Deleted keys may return after so long, and are told of as that.
  draft.unpromised({Property::kS7});
  return draft.finish();
}

/// Pairs part on purpose while connections come up, members end in order and come back.
Plan partings(RandomStream& random) {
  Draft draft(random);
  const NodePlan like = short_leases(draft);
  draft.nodes(draft.number(3, 6), like);
  draft.links(1ms, 400ms);
  std::set<NodeIndex> stopped;
  for (std::uint64_t left = draft.number(1, 4); left > 0; --left) {
    const Duration at = draft.time(5s, 40s);
    const NodeIndex a = draft.any();
    const NodeIndex b = draft.another(a);
    if (draft.chance(1, 2)) {
      StormStep storm{.nodes = {std::min(a, b), std::max(a, b)}, .times = draft.number(1, 3)};
      draft.add(at - draft.time(0ms, 1s), std::move(storm));
      draft.add(at, DisconnectStep{.node = a, .from = b});
      draft.add(at + draft.time(1min, 3min), ConnectStep{.node = a, .to = b});
    } else if (stopped.insert(a).second) {
      draft.add(at, StopStep{.node = a});
      draft.add(50s + draft.time(0s, 10s), RestartStep{.node = a});
    }
  }
  for (int i = 0; i < 40; ++i) {
    const Duration at = draft.time(2s, 60s);
    if (draft.chance(1, 2)) {
      draft.add(at, draft.write(fmt::format("k{}", draft.number(0, 5))));
    } else {
      draft.add(at, BroadcastStep{.node = draft.any(), .text = draft.value()});
    }
  }
  return draft.finish();
}

constexpr std::array kRanges = {
    SwarmRange{"elections", "one frame a read; two claims of a key at a time", 20, true, elections},
    SwarmRange{"distant", "round trips below the deadline of a probe", 40, true, distant},
    SwarmRange{"quiet_weeks", "runs shorter than the lifetime of an address", 300, true, quiet_weeks},
    SwarmRange{"sizes", "small keys, values and batches", 300, true, sizes},
    SwarmRange{"slow_lines", "frames that arrive before a silent peer is given up", 200, true, slow_lines},
    SwarmRange{"wrong_clocks", "clocks within the skew", 50, true, wrong_clocks},
    SwarmRange{"first_minute", "clocks that know the year", 100, true, first_minute},
    SwarmRange{"absences", "absences within the horizon", 50, true, absences},
    SwarmRange{"partings", "links that nobody gives up on purpose", 50, true, partings},
    SwarmRange{"edges", "each threshold of the table", 5, true, edges},
};

}  // namespace

std::span<const SwarmRange> swarm_ranges() {
  return kRanges;
}

const SwarmRange* range_of(std::uint64_t seed) {
  for (const SwarmRange& range : kRanges) {
    RandomStream random(derive_seed(derive_seed(seed, "swarm.range"), range.name));
    if (random.chance(1, range.one_in) && range.on) return &range;
  }
  return nullptr;
}

}  // namespace meshdict::sim
