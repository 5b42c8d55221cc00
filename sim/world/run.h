#pragma once
// What a run is given beside its plan and seed, and what comes of it.

#include <array>
#include <cstdint>
#include <cstdio>
#include <string>
#include <variant>
#include <vector>

#include "core/engine/event.h"
#include "sim/machines/network.h"
#include "sim/oracles/oracle.h"
#include "sim/plan/fault.h"
#include "sim/plan/limits.h"
#include "sim/plan/plan.h"
#include "sim/plan/thresholds.h"

namespace meshdict::sim {

class GuestMaker;

struct RunOptions {
  /// Null: there are no programs. REQUIRES: missing_program() finds none missing.
  const GuestMaker* programs = nullptr;
  std::FILE* transcript = nullptr;
  /// Calls sanity_check() of the engine that an event has touched, at every so-manieth event; 0: never.
  std::uint64_t sanity_every = 0;
  /// Beyond these the run ends, and has failed.
  std::uint64_t most_events = sim_limits::kMaxEvents;
  std::size_t most_held = sim_limits::kMaxHeld;
  /// That are kept; of each promise the first in any case.
  std::size_t most_violations = sim_limits::kMaxViolations;
};

struct Counters {
  NetworkCounters network;
  std::uint64_t duplicates = 0;  ///< broadcasts that a node had seen; of engines that still run
  std::uint64_t skipped = 0;     ///< operations on nodes that were down
  std::uint64_t idle_steps = 0;  ///< steps that changed nothing
  std::array<std::uint64_t, std::variant_size_v<Action>> steps{};  ///< by Action
  std::array<std::uint64_t, std::variant_size_v<Event>> events{};  ///< by Event
  std::uint64_t refusals_of_writes = 0;                            ///< leased
  FaultCounts faults;
  Crossings crossings{};  ///< of thresholds() with the same index
};

struct RunResult {
  std::string plan;  ///< its name
  std::uint64_t seed = 0;
  std::uint64_t events = 0;
  Duration simulated{};
  std::uint64_t trace = 0;
  std::vector<Violation> violations;
  std::uint64_t violation_count = 0;
  /// Of the steps that changed nothing the first few, as lines for a person.
  std::vector<std::string> idle_steps;
  Counters counters;
  [[nodiscard]] bool passed() const { return violation_count == 0; }
};

}  // namespace meshdict::sim
