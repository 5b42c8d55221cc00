#pragma once
// Plans made from nothing but a seed: small meshes, client operations, and faults of every kind.
//
// Each plan may use only some kinds of faults, drawn anew (Groce, Zhang, Eide, Chen and Regehr, "Swarm testing", ISSTA
// 2012): what always happens hides bugs that show only without it. Settings are drawn, too: leases short enough to lapse within
// the run, slow links, wrong clocks. Faults end, and the plan's quiet is settle_bound(): then all promises must hold.

#include <cstdint>
#include <string>

#include "sim/plan/plan.h"

namespace meshdict::sim {

/// "swarm-SEED".
std::string swarm_name(std::uint64_t seed);

/// A pure function of the seed. Goes through expand() like any other plan; its name is swarm_name().
Plan swarm_plan(std::uint64_t seed);

/// From this seed on the plans of the swarm have operators and programs, too, that give up and break leases, and nodes that leave: the
/// usual plan of the seed, and that. Below it plans are what they were before there was any of that.
inline constexpr std::uint64_t kFirstOperatedSeed = 1'000'000'000;

/// How long after the last fault of a plan of at most some twenty nodes its mesh is whole and its nodes are equal, at the
/// latest: by the deadlines of core/limits.h and the plan's slowest links, clocks and disks.
Duration settle_bound(const Plan& plan);

}  // namespace meshdict::sim
