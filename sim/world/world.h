#pragma once
// A world: virtual time, a network, and nodes that live in it. Runs one explicit plan; a pure function of (plan, seed).
//
// The parts: Stage, what they share; Nodes, what runs on it; Operations, Faults and Expectations, the steps of a plan. The
// world itself takes events from the queue, one by one, and says at the end what came of it.
//
// Usage: construct, run() once; or run_until() several times, with looks inside between, then finish().
// One thread; any number of worlds side by side.

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "sim/machines/event_queue.h"
#include "sim/machines/guests.h"
#include "sim/machines/network.h"
#include "sim/oracles/mesh.h"
#include "sim/plan/plan.h"
#include "sim/world/calm.h"
#include "sim/world/expectations.h"
#include "sim/world/faults.h"
#include "sim/world/nodes.h"
#include "sim/world/operations.h"
#include "sim/world/run.h"
#include "sim/world/stage.h"

namespace meshdict::sim {

class World {
 public:
  /// REQUIRES: `plan` comes from expand(); it outlives the world.
  World(const Plan& plan, std::uint64_t seed, const RunOptions& options = {});

  RunResult run();
  void run_until(Duration time);
  RunResult finish();

  /// When the last step is over, and the quiet after it.
  [[nodiscard]] Duration end() const { return stage_.end; }
  [[nodiscard]] Duration now() const { return stage_.now(); }
  [[nodiscard]] const Hosts& hosts() const { return stage_.hosts; }
  [[nodiscard]] const Network& network() const { return stage_.network; }
  [[nodiscard]] const Counters& counters();

 private:
  void dispatch(const QueuedEvent& event);
  void step(std::size_t index);
  void triggered(std::size_t index);
  void perform(const Step& step, std::size_t index);
  void tell_unheard();
  void check_connections();
  void check_bounds_of_run();
  void check_promises();

  Stage stage_;
  Nodes nodes_;
  Operations operations_;
  Faults faults_;
  Expectations expectations_;
  /// How long a connection may take to come up or to go.
  Duration grace_{};
  Calm calm_;
  std::uint64_t dispatched_ = 0;
  std::optional<std::vector<ConnectionFault>> connections_before_;
  /// What ends the steps that waited for an event and last.
  std::deque<Step> ends_;
  /// Null: the plan has no programs.
  std::unique_ptr<Guests> guests_;
};

/// Draws the plan for the seed and runs it.
RunResult run_plan(const Plan& plan, std::uint64_t seed, const RunOptions& options = {});

}  // namespace meshdict::sim
