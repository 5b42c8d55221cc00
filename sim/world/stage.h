#pragma once
// What all parts of a world share: its plan and time, its network and hosts, the oracles, and where it is noted what happens.
//
// A stage does nothing by itself. Nodes makes the hosts and runs them; Operations, Faults and Expectations perform the steps
// of the plan. Not thread-safe.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sim/machines/event_queue.h"
#include "sim/machines/host.h"
#include "sim/machines/network.h"
#include "sim/oracles/broadcasts.h"
#include "sim/oracles/claims.h"
#include "sim/oracles/leases.h"
#include "sim/oracles/losses.h"
#include "sim/oracles/oracle.h"
#include "sim/oracles/records.h"
#include "sim/oracles/whispers.h"
#include "sim/plan/plan.h"
#include "sim/trace/trace.h"
#include "sim/world/measures.h"
#include "sim/world/moments.h"
#include "sim/world/run.h"
#include "sim/world/triggers.h"

namespace meshdict::sim {

class Guests;

/// What a trace says of an event, in its hash.
enum class Mark : std::uint8_t {
  kAccepted,
  kConnected,
  kReceived,
  kDrained,
  kClosed,
  kTimer,
  kStep,
  kEvent,
  kEnd,
  kProgram
};

/// "3", "2 to 4" or "at least 2".
std::string text_of(const CountRange& range);

/// Whether some lines or readers take only so many bytes a second: then nothing says how long what is sent may take.
bool has_limited_lines(const Plan& plan);

struct Stage {
  /// REQUIRES: `plan` comes from expand(). It outlives the stage, and so does `user`, which is not called yet.
  Stage(const Plan& plan_run, std::uint64_t seed_run, const RunOptions& options_given, NetworkUser& user);

  [[nodiscard]] Duration now() const { return queue.now(); }
  [[nodiscard]] const std::string& name(NodeIndex node) const { return plan.nodes[node].name; }
  [[nodiscard]] bool up(NodeIndex node) const { return hosts[node]->up(); }
  /// Whether a process runs there: a node of ours, or a program, even if that has no socket.
  [[nodiscard]] bool alive(NodeIndex node) const;
  [[nodiscard]] bool checks(Property property) const;
  /// The node's name; an id that is no node's (a clone's, or a peer's that lies) stays an id.
  [[nodiscard]] std::string known_as(const NodeId& id) const;

  /// Adds to the hash of the trace.
  void mark(Mark what, NodeIndex node, std::uint64_t detail);
  /// What the plan expects of this step is not so.
  void fail(const Step& step, std::vector<std::string> nodes, const std::string& what);
  /// A bound of the run is exceeded.
  void end_run(std::string_view property, std::vector<std::string> nodes, std::string what);
  /// A step that could do nothing; with `strict` a failure. Nothing is made of one that may.
  void changes_nothing(const Step& step, const std::string& why);
  /// Whether an operation can be done on a node. On one that is down or stands still it is left out, and changes
  /// nothing; unless it is `required`, since the plan says what must come of it: then that fails.
  [[nodiscard]] bool usable(const Step& step, NodeIndex node, bool required);

  const Plan& plan;
  const std::uint64_t seed;
  const RunOptions options;
  /// When the last step is over, and the quiet after it.
  const Duration end;
  const Duration slowest_round_trip;
  /// By when a broadcast must have arrived everywhere.
  const Duration broadcast_bound;

  std::vector<std::string> idle_steps;  ///< see RunResult
  Counters counters;
  std::uint64_t events = 0;
  /// When a step was last performed.
  Duration last_step{};
  /// A bound of the run is exceeded: it ends here.
  bool over = false;
  EventQueue queue;
  Reach reach;
  Network network;
  AddressBook addresses;
  Transcript transcript;
  Findings findings;
  TraceHash hash;
  Identities identities;
  Hosts hosts;
  Triggers triggers;
  Moments moments;
  /// How many others have said that they have what a step wrote, of steps that ask.
  std::map<const Step*, std::uint64_t> confirmed;
  BroadcastOracle broadcasts;
  WhisperOracle whispers;
  RecordOracle records;
  LeaseOracle leases;
  LossOracle losses;
  ClaimOracle claims;
  Measures measures;
  /// Null: the plan has no programs.
  Guests* guests = nullptr;
};

}  // namespace meshdict::sim
