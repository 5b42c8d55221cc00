#include "sim/world/faults.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/base/random.h"
#include "core/limits.h"
#include "sim/machines/guests.h"

namespace meshdict::sim {

// Nodes

void Faults::perform(const Step& step, const StartStep& what) {
  if (nodes_.start(step, what.node) && std::chrono::abs(stage_.hosts[what.node]->clock().wall_offset()) >= 1ms) {
    ++stage_.counters.faults[Fault::kClockSkew];
  }
}

void Faults::perform(const Step& step, const RestartStep& what) {
  static constexpr std::array kFaultOf = {Fault::kRestart, Fault::kRestartWithIdentityOnly, Fault::kRestartWithoutDisk};
  if (what.disk != DiskLeft::kAll && !stage_.up(what.node)) {
    stage_.hosts[what.node]->disk().wipe(what.disk == DiskLeft::kIdentity);
    stage_.records.forget(what.node, Duration::zero());
    stage_.leases.forget(what.node, Duration::zero());
  }
  if (nodes_.start(step, what.node)) ++stage_.counters.faults[kFaultOf[static_cast<std::size_t>(what.disk)]];
}

void Faults::perform(const Step& step, const StopStep& what) {
  if (!stage_.alive(what.node)) return stage_.changes_nothing(step, stage_.name(what.node) + " is down");
  if (!stage_.up(what.node)) return stage_.guests->kill(what.node);
  if (!stage_.usable(step, what.node, false)) return;
  stage_.claims.disturbed();
  stage_.hosts[what.node]->engine().stop();
  if (nodes_.commit_turn(what.node)) nodes_.end(what.node, Machine::kRefusing);
}

void Faults::perform(const Step& step, const LeaveStep& what) {
  if (!stage_.up(what.node)) return stage_.changes_nothing(step, stage_.name(what.node) + " is down");
  if (!stage_.usable(step, what.node, false)) return;
  stage_.claims.disturbed();
  Engine& engine = stage_.hosts[what.node]->engine();
  std::vector<std::string> held;
  for (const auto& [key, record] : engine.dictionary().records()) {
    const auto lease = engine.dictionary().lease(key);
    if (lease && lease->held && lease->ours) held.emplace_back(key);
  }
  std::vector<std::string> given_up;
  for (const std::string& key : held) {
    if (const auto released = engine.release(key); released && *released) given_up.push_back(key);
  }
  if (!nodes_.commit_turn(what.node)) return;
  for (const std::string& key : given_up) {
    stage_.leases.tried(what.node, key, {}, Outcome::kOk, std::nullopt);
    stage_.records.acknowledged(what.node, key);
    stage_.claims.acknowledged(what.node, key);
    stage_.losses.acknowledged(what.node, key);
  }
  engine.say_left();
  engine.stop();
  if (nodes_.commit_turn(what.node)) nodes_.end(what.node, Machine::kRefusing);
}

void Faults::perform(const Step& step, const CrashStep& what) {
  if (!stage_.alive(what.node)) return stage_.changes_nothing(step, stage_.name(what.node) + " is down");
  Host& host = *stage_.hosts[what.node];
  const Machine left = what.silent || what.power ? Machine::kDead : Machine::kRefusing;
  if (host.up()) {
    stage_.records.ends(what.node);
    nodes_.end(what.node, left);
  } else {
    stage_.guests->kill(what.node);
    stage_.network.set_machine(what.node, left);
  }
  ++stage_.counters.faults[what.silent || what.power ? Fault::kSilentCrash : Fault::kCrash];
  if (!what.power) return;
  host.clock().reboot();
  VirtualDisk& disk = host.disk();
  RandomStream random(derive_seed(derive_seed(stage_.seed, "power"), static_cast<std::uint64_t>(stage_.now().count())));
  const std::size_t unsynced = disk.unsynced();
  const std::size_t kept = random.below(unsynced + 1);
  disk.power_failure(kept);
  if (kept == unsynced) return;
  stage_.counters.faults[Fault::kPowerFailure] += unsynced - kept;
  stage_.records.forget(what.node, host.synced);
  stage_.leases.forget(what.node, host.synced);
}

void Faults::perform(const Step& step, const CloneStep& what) {
  if (stage_.alive(what.node)) return stage_.changes_nothing(step, stage_.name(what.node) + " is up");
  for (const NodeIndex node : {what.node, what.of}) {
    if (stage_.plan.nodes[node].program.empty()) continue;
    return stage_.changes_nothing(step, stage_.name(node) + " runs a program, and such a node is not cloned");
  }
  if (stage_.hosts[what.of]->id().empty())
    return stage_.changes_nothing(step, stage_.name(what.of) + " has never been up");
  stage_.hosts[what.node]->disk().copy_from(stage_.hosts[what.of]->disk());
  stage_.records.forget(what.node, Duration::zero());
  stage_.leases.forget(what.node, Duration::zero());
  stage_.claims.cloned(stage_.hosts[what.of]->id());
  stage_.losses.cloned(stage_.hosts[what.of]->id());
  if (!nodes_.start(step, what.node)) return;
  if (!stage_.up(what.of)) return;
  stage_.hosts[what.node]->shares_identity = true;
  stage_.hosts[what.of]->shares_identity = true;
  ++stage_.counters.faults[Fault::kClone];
}

void Faults::perform(const Step& step, const PauseStep& what) {
  if (!stage_.alive(what.node)) return stage_.changes_nothing(step, stage_.name(what.node) + " is down");
  if (stage_.hosts[what.node]->paused) return stage_.changes_nothing(step, stage_.name(what.node) + " stands still");
  stage_.claims.disturbed();
  stage_.broadcasts.node_disturbed(what.node);
  stage_.whispers.disturbed(what.node);
  stage_.hosts[what.node]->paused = true;
  stage_.measures.away(what.node);
}

void Faults::perform(const Step& step, const ResumeStep& what) {
  Host& host = *stage_.hosts[what.node];
  if (!stage_.alive(what.node) || !host.paused)
    return stage_.changes_nothing(step, stage_.name(what.node) + " does not stand still");
  stage_.broadcasts.node_disturbed(what.node);
  stage_.whispers.disturbed(what.node);
  host.paused = false;
  stage_.measures.back(what.node);
  nodes_.go_on(what.node);
}

void Faults::perform(const Step& step, const DiskStep& what) {
  Host& host = *stage_.hosts[what.node];
  const bool fills = what.full && *what.full != host.disk().is_full();
  const bool delays = what.delay && *what.delay != host.disk_delay;
  if (!fills && !delays) return stage_.changes_nothing(step, stage_.name(what.node) + " has such a disk already");
  stage_.claims.disturbed();
  stage_.broadcasts.node_disturbed(what.node);
  stage_.whispers.disturbed(what.node);
  if (what.delay) host.disk_delay = *what.delay;
  if (!what.full) return;
  host.disk().set_full(*what.full);
  if (!*what.full && host.awaits_room && !stage_.alive(what.node)) {
    if (nodes_.start(step, what.node)) ++stage_.counters.faults[Fault::kRestart];
  }
}

void Faults::perform(const Step& step, const ClockStep& what) {
  VirtualClock& clock = stage_.hosts[what.node]->clock();
  if (what.jump == Duration::zero() && what.ppm.value_or(clock.ppm()) == clock.ppm()) {
    return stage_.changes_nothing(step, "the clock of " + stage_.name(what.node) + " runs so already");
  }
  stage_.leases.clock_changes(what.node);
  if (what.jump != Duration::zero()) {
    clock.jump(what.jump);
    ++stage_.counters.faults[what.jump > Duration::zero() ? Fault::kClockForward : Fault::kClockBackward];
  }
  if (what.ppm) {
    clock.set_rate(*what.ppm);
    if (*what.ppm != 0) ++stage_.counters.faults[Fault::kClockRate];
  }
  stage_.measures.clock_moved(what.node, what.jump);
  // What the node waits for is due at another time now.
  if (stage_.up(what.node)) nodes_.arm_timer(what.node);
  if (stage_.guests != nullptr) stage_.guests->clock_changed(what.node);
}

// Network

void Faults::perform(const Step& step, const PartitionStep& what) {
  std::vector<std::uint32_t> groups(stage_.hosts.size(), 0);
  for (std::size_t i = 0; i < what.groups.size(); ++i) {
    for (const NodeIndex node : what.groups[i])
      groups[node] = static_cast<std::uint32_t>(i) + 1;
  }
  if (stage_.network.is_divided_as(groups) && !what.reset) {
    return stage_.changes_nothing(step, "the nodes are divided so already");
  }
  stage_.claims.disturbed();
  stage_.broadcasts.disturbed_blocked(stage_.now());
  stage_.network.set_groups(std::move(groups));
  stage_.measures.divided();
  stage_.broadcasts.disturbed_blocked(stage_.now());
  if (what.reset) stage_.network.reset_blocked();
}

void Faults::perform(const Step& step, const HealStep& what) {
  if (!stage_.network.is_divided(what.cuts)) return stage_.changes_nothing(step, "nothing is divided");
  stage_.broadcasts.disturbed_blocked(stage_.now() + stage_.slowest_round_trip);
  stage_.network.set_groups(std::vector<std::uint32_t>(stage_.hosts.size(), 0));
  if (what.cuts) stage_.network.mend_all();
  if (!stage_.network.is_divided(true)) stage_.measures.united();
}

void Faults::perform(const Step& step, const CutStep& what) {
  if (!stage_.network.cut(what)) return stage_.changes_nothing(step, "there is such a cut already");
  stage_.claims.disturbed();
  stage_.measures.divided();
  stage_.broadcasts.disturbed_blocked(stage_.now());
}

void Faults::perform(const Step& step, const MendStep& what) {
  if (!stage_.network.is_cut(what)) return stage_.changes_nothing(step, "there is no cut of these two sides");
  stage_.broadcasts.disturbed_blocked(stage_.now() + stage_.slowest_round_trip);
  stage_.network.mend(what);
  if (!stage_.network.is_divided(true)) stage_.measures.united();
}

void Faults::perform(const Step& step, const ResetStep& what) {
  stage_.claims.disturbed();
  if (what.inside_frame) {
    stage_.broadcasts.doubtful(what.a, what.b, stage_.end);
    traps_.push_back({.step = &step, .number = stage_.network.break_next_frame(what.a, what.b)});
  } else if (what.one_sided) {
    lose_end(step, what.a, what.b, false);
  } else {
    stage_.broadcasts.disturbed(what.a, what.b);
    if (!stage_.network.reset_between(what.a, what.b)) unconnected(step, what.a, what.b);
  }
}

void Faults::perform(const Step& step, const HalfOpenStep& what) {
  stage_.claims.disturbed();
  lose_end(step, what.a, what.b, true);
}

void Faults::lose_end(const Step& step, NodeIndex a, NodeIndex b, bool mute) {
  stage_.broadcasts.doubtful(a, b, stage_.now() + limits::kSilenceVerdict);
  if (!stage_.network.lose_end(a, b, mute)) unconnected(step, a, b);
}

void Faults::unconnected(const Step& step, NodeIndex a, NodeIndex b) {
  stage_.changes_nothing(step, fmt::format("{} and {} have no connection", stage_.name(a), stage_.name(b)));
}

void Faults::perform(const Step& step, const LinkStep& what) {
  if (!stage_.network.set_link(what)) stage_.changes_nothing(step, "no such change of links is in force");
}

void Faults::perform(const Step& step, const DialsStep& what) {
  if (!stage_.network.set_dials(what.node, what.answer)) {
    return stage_.changes_nothing(step, fmt::format("dials to {} meet that already", stage_.name(what.node)));
  }
  stage_.claims.disturbed();
}

void Faults::perform(const Step& step, const StormStep& what) {
  std::size_t dialers = 0;
  for (const NodeIndex node : what.nodes) {
    if (!stage_.up(node) || stage_.hosts[node]->still()) continue;
    ++dialers;
    for (std::uint64_t time = 0; time < what.times; ++time) {
      for (const NodeIndex other : what.nodes) {
        if (other != node && stage_.up(node)) nodes_.dial(node, other);
      }
    }
  }
  if (dialers < 2) return stage_.changes_nothing(step, "fewer than two of these nodes can dial");
  stage_.measures.dialled_at_once(2 * what.times);
  ++stage_.counters.faults[what.nodes.size() == 2 ? Fault::kCrossedDials : Fault::kStorm];
}

void Faults::perform(const Step& step, const SlowReaderStep& what) {
  if (!stage_.network.set_read_rate(what.node, what.rate)) {
    return stage_.changes_nothing(step, stage_.name(what.node) + " reads so already");
  }
  stage_.claims.disturbed();
}

void Faults::perform(const Step& step, const TamperStep& what) {
  stage_.claims.disturbed();
  stage_.broadcasts.doubtful(what.from, what.to, stage_.end);
  traps_.push_back({.step = &step, .number = stage_.network.tamper(what)});
}

void Faults::perform(const Step&, const MarkStep& what) {
  stage_.moments.mark(what.name);
  stage_.triggers.marked(what.name);
}

void Faults::finish() {
  for (const Trap& trap : traps_) {
    if (stage_.network.trap_waits(trap.number)) stage_.changes_nothing(*trap.step, "until the end no frame came");
  }
}

}  // namespace meshdict::sim
