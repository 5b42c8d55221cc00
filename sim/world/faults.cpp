// What befalls nodes, disks, clocks and network in a world.

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/base/random.h"
#include "sim/trace/describe.h"
#include "sim/world/world.h"

namespace meshdict::sim {

// Nodes

bool World::start_node(const Step& step, NodeIndex node) {
  if (up(node)) {
    changes_nothing(step, name(node) + " is up");
    return false;
  }
  network_.set_machine(node, Machine::kUp);
  Host& host = *hosts_[node];
  host.awaits_room = false;
  const auto started = host.start(plan_.nodes);
  if (!started) {
    fail(step, {name(node)}, "does not start: " + started.error());
    host.end();
    network_.set_machine(node, Machine::kRefusing);
    return false;
  }
  identities_.insert_or_assign(host.id(), node);
  records_.restarted(node);
  if (transcript_.enabled()) {
    transcript_.line(now(), name(node), fmt::format("is {}, life {}", host.id().brief(), host.life()));
    std::erase_if(told_, [node](const auto& told) { return told.first.first == node; });
    for (const auto& [key, record] : host.engine().dictionary().records())
      tell_record(node, std::string(key));
  }
  host.armed = Duration::max();
  finish_turn(node);
  return up(node);
}

// First the network: what an engine does while it is taken down is not meant to reach anyone.
void World::end_node(NodeIndex node, Machine machine) {
  network_.set_machine(node, machine);
  network_.abandon(node);
  Host& host = *hosts_[node];
  host.end();
  transcript_.line(now(), name(node), "is down");
  broadcasts_.node_ended(node);
  // Of two with one id, the other is now the one that bears it.
  for (NodeIndex other = 0; other < hosts_.size() && host.shares_identity; ++other) {
    if (other == node || !up(other) || hosts_[other]->id() != host.id()) continue;
    identities_.insert_or_assign(host.id(), other);
    hosts_[other]->shares_identity = false;
    broadcasts_.node_disturbed(other);
  }
  host.shares_identity = false;
}

void World::perform(const Step& step, const StartStep& what) {
  if (start_node(step, what.node) && std::chrono::abs(hosts_[what.node]->clock().wall_offset()) >= 1ms) {
    ++counters_.faults[Fault::kClockSkew];
  }
}

void World::perform(const Step& step, const RestartStep& what) {
  static constexpr std::array kFaultOf = {Fault::kRestart, Fault::kRestartWithIdentityOnly, Fault::kRestartWithoutDisk};
  if (what.disk != DiskLeft::kAll && !up(what.node)) {
    hosts_[what.node]->disk().wipe(what.disk == DiskLeft::kIdentity);
    records_.forget(what.node, Duration::zero());
  }
  if (start_node(step, what.node)) ++counters_.faults[kFaultOf[static_cast<std::size_t>(what.disk)]];
}

void World::perform(const Step& step, const StopStep& what) {
  if (!up(what.node)) return changes_nothing(step, name(what.node) + " is down");
  if (!usable(step, what.node, false)) return;
  claims_.disturbed();
  hosts_[what.node]->engine().stop();
  if (commit_turn(what.node)) end_node(what.node, Machine::kRefusing);
}

void World::perform(const Step& step, const CrashStep& what) {
  if (!up(what.node)) return changes_nothing(step, name(what.node) + " is down");
  Host& host = *hosts_[what.node];
  records_.ends(what.node);
  end_node(what.node, what.silent || what.power ? Machine::kDead : Machine::kRefusing);
  ++counters_.faults[what.silent || what.power ? Fault::kSilentCrash : Fault::kCrash];
  if (!what.power) return;
  host.clock().reboot();
  VirtualDisk& disk = host.disk();
  RandomStream random(derive_seed(derive_seed(seed_, "power"), static_cast<std::uint64_t>(now().count())));
  const std::size_t unsynced = disk.unsynced();
  const std::size_t kept = random.below(unsynced + 1);
  disk.power_failure(kept);
  if (kept == unsynced) return;
  counters_.faults[Fault::kPowerFailure] += unsynced - kept;
  records_.forget(what.node, host.synced);
}

void World::perform(const Step& step, const CloneStep& what) {
  if (up(what.node)) return changes_nothing(step, name(what.node) + " is up");
  if (hosts_[what.of]->id().empty()) return changes_nothing(step, name(what.of) + " has never been up");
  hosts_[what.node]->disk().copy_from(hosts_[what.of]->disk());
  records_.forget(what.node, Duration::zero());
  claims_.cloned(hosts_[what.of]->id());
  if (!start_node(step, what.node)) return;
  if (!up(what.of)) return;
  hosts_[what.node]->shares_identity = true;
  hosts_[what.of]->shares_identity = true;
  ++counters_.faults[Fault::kClone];
}

void World::perform(const Step& step, const PauseStep& what) {
  if (!up(what.node)) return changes_nothing(step, name(what.node) + " is down");
  if (hosts_[what.node]->paused) return changes_nothing(step, name(what.node) + " stands still");
  claims_.disturbed();
  broadcasts_.node_disturbed(what.node);
  hosts_[what.node]->paused = true;
}

void World::perform(const Step& step, const ResumeStep& what) {
  Host& host = *hosts_[what.node];
  if (!host.up() || !host.paused) return changes_nothing(step, name(what.node) + " does not stand still");
  broadcasts_.node_disturbed(what.node);
  host.paused = false;
  go_on(what.node);
}

void World::perform(const Step& step, const DiskStep& what) {
  claims_.disturbed();
  Host& host = *hosts_[what.node];
  broadcasts_.node_disturbed(what.node);
  if (what.delay) host.disk_delay = *what.delay;
  if (!what.full) return;
  host.disk().set_full(*what.full);
  if (!*what.full && host.awaits_room && !host.up()) {
    if (start_node(step, what.node)) ++counters_.faults[Fault::kRestart];
  }
}

void World::perform(const Step&, const ClockStep& what) {
  VirtualClock& clock = hosts_[what.node]->clock();
  if (what.jump != Duration::zero()) {
    clock.jump(what.jump);
    ++counters_.faults[what.jump > Duration::zero() ? Fault::kClockForward : Fault::kClockBackward];
  }
  if (what.ppm) {
    clock.set_rate(*what.ppm);
    if (*what.ppm != 0) ++counters_.faults[Fault::kClockRate];
  }
  // What the node waits for is due at another time now.
  if (up(what.node)) arm_timer(what.node);
}

// Network

void World::perform(const Step&, const PartitionStep& what) {
  claims_.disturbed();
  std::vector<std::uint32_t> groups(hosts_.size(), 0);
  for (std::size_t i = 0; i < what.groups.size(); ++i) {
    for (const NodeIndex node : what.groups[i])
      groups[node] = static_cast<std::uint32_t>(i) + 1;
  }
  broadcasts_.disturbed_blocked(now());
  network_.set_groups(std::move(groups));
  broadcasts_.disturbed_blocked(now());
  if (what.reset) network_.reset_blocked();
}

void World::perform(const Step& step, const HealStep& what) {
  if (!network_.is_divided(what.cuts)) return changes_nothing(step, "nothing is divided");
  broadcasts_.disturbed_blocked(now() + slowest_round_trip_);
  network_.set_groups(std::vector<std::uint32_t>(hosts_.size(), 0));
  if (what.cuts) network_.mend_all();
}

void World::perform(const Step&, const CutStep& what) {
  claims_.disturbed();
  network_.cut(what);
  broadcasts_.disturbed_blocked(now());
}

void World::perform(const Step& step, const MendStep& what) {
  if (!network_.is_cut(what)) return changes_nothing(step, "there is no cut of these two sides");
  broadcasts_.disturbed_blocked(now() + slowest_round_trip_);
  network_.mend(what);
}

void World::perform(const Step&, const ResetStep& what) {
  claims_.disturbed();
  if (what.inside_frame) {
    broadcasts_.doubtful(what.a, what.b, end_);
    network_.break_next_frame(what.a, what.b);
  } else if (what.one_sided) {
    broadcasts_.doubtful(what.a, what.b, now() + limits::kSilenceVerdict);
    network_.lose_end(what.a, what.b, false);
  } else {
    broadcasts_.disturbed(what.a, what.b);
    network_.reset_between(what.a, what.b);
  }
}

void World::perform(const Step&, const HalfOpenStep& what) {
  claims_.disturbed();
  broadcasts_.doubtful(what.a, what.b, now() + limits::kSilenceVerdict);
  network_.lose_end(what.a, what.b, true);
}

void World::perform(const Step&, const LinkStep& what) {
  network_.set_link(what);
}

void World::perform(const Step&, const DialsStep& what) {
  claims_.disturbed();
  network_.set_dials(what.node, what.answer);
}

void World::perform(const Step&, const StormStep& what) {
  std::size_t dialers = 0;
  for (const NodeIndex node : what.nodes) {
    if (!up(node) || hosts_[node]->still()) continue;
    ++dialers;
    for (std::uint64_t time = 0; time < what.times; ++time) {
      for (const NodeIndex other : what.nodes) {
        if (other != node && up(node)) dial(node, other);
      }
    }
  }
  if (dialers >= 2) ++counters_.faults[what.nodes.size() == 2 ? Fault::kCrossedDials : Fault::kStorm];
}

void World::perform(const Step&, const SlowReaderStep& what) {
  claims_.disturbed();
  network_.set_read_rate(what.node, what.rate);
}

void World::perform(const Step&, const TamperStep& what) {
  claims_.disturbed();
  broadcasts_.doubtful(what.from, what.to, end_);
  network_.tamper(what);
}

}  // namespace meshdict::sim
