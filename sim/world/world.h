#pragma once
// A world: virtual time, a network, and nodes that live in it. Runs one explicit plan; a pure function of (plan, seed).
//
// Usage: construct, run() once; or run_until() several times, with looks inside between, then finish().
// One thread; any number of worlds side by side.

#include <array>
#include <cstdint>
#include <cstdio>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sim/machines/event_queue.h"
#include "sim/machines/host.h"
#include "sim/machines/network.h"
#include "sim/oracles/broadcasts.h"
#include "sim/oracles/claims.h"
#include "sim/oracles/mesh.h"
#include "sim/oracles/oracle.h"
#include "sim/oracles/records.h"
#include "sim/plan/fault.h"
#include "sim/plan/plan.h"
#include "sim/trace/trace.h"

namespace meshdict::sim {

struct RunOptions {
  std::FILE* transcript = nullptr;
  /// Calls sanity_check() of the engine that an event has touched, at every so-manieth event; 0: never.
  std::uint64_t sanity_every = 0;
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

class World final : public NetworkUser {
 public:
  /// REQUIRES: `plan` comes from expand(); it outlives the world.
  World(const Plan& plan, std::uint64_t seed, const RunOptions& options = {});
  ~World() override;
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  RunResult run();
  void run_until(Duration time);
  RunResult finish();

  /// When the last step is over, and the quiet after it.
  [[nodiscard]] Duration end() const { return end_; }
  [[nodiscard]] Duration now() const { return queue_.now(); }
  [[nodiscard]] const Hosts& hosts() const { return hosts_; }
  [[nodiscard]] const Network& network() const { return network_; }
  [[nodiscard]] const Counters& counters();

  // What arrives at nodes

  void accepted(NodeIndex node, ConnId conn, NodeIndex dialer) override;
  void connected(NodeIndex node, ConnId conn) override;
  void received(NodeIndex node, ConnId conn, NodeIndex from, const Portion& portion) override;
  void drained(NodeIndex node, ConnId conn) override;
  void closed(NodeIndex node, ConnId conn, std::string_view why) override;
  void sent(NodeIndex node, ConnId conn, NodeIndex to, const Parcel& frame) override;

 private:
  enum class Mark : std::uint8_t { kAccepted, kConnected, kReceived, kDrained, kClosed, kTimer, kStep, kEvent, kEnd };

  // Takes the events of one engine.
  class Ear final : public Observer {
   public:
    Ear(World& world, NodeIndex node) : world_(world), node_(node) {}
    void on_event(const Event& event) override { world_.heard(node_, event); }

   private:
    World& world_;
    NodeIndex node_;
  };

  void arrive(NodeIndex node, Host::Arrival arrival);
  void handle(NodeIndex node, const Host::Arrival& arrival);
  void read(Host& host, ConnId conn, const Portion& portion);
  void go_on(NodeIndex node);
  static void join_with_next(const Host& host, Host::Arrival& arrival);
  void check_connections();
  void check_dropped(NodeIndex node, NodeIndex peer, const PeerDown& down);
  void dispatch(const QueuedEvent& event);
  void timer(NodeIndex node);
  /// Makes durable what the node has written. False when that fails: the node has ended.
  bool commit_turn(NodeIndex node);
  void finish_turn(NodeIndex node);
  void arm_timer(NodeIndex node);
  void heard(NodeIndex node, const Event& event);
  void mark(Mark what, NodeIndex node, std::uint64_t detail);
  [[nodiscard]] const std::string& name(NodeIndex node) const { return plan_.nodes[node].name; }
  [[nodiscard]] std::string known_as(const NodeId& id) const;
  void tell_record(NodeIndex node, const std::string& key);
  [[nodiscard]] bool up(NodeIndex node) const { return hosts_[node]->up(); }

  // steps.cpp
  void step(std::size_t index);
  void perform(const Step& step, const SetStep& what);
  void perform(const Step& step, const DeleteStep& what);
  void perform(const Step& step, const BroadcastStep& what);
  void perform(const Step& step, const WhisperStep& what);
  void perform(const Step& step, const ConnectStep& what);
  void perform(const Step& step, const DisconnectStep& what);
  void perform(const Step& step, const StartStep& what);
  void perform(const Step& step, const StopStep& what);
  void perform(const Step& step, const CrashStep& what);
  void perform(const Step& step, const RestartStep& what);
  void perform(const Step& step, const PartitionStep& what);
  void perform(const Step& step, const HealStep& what);
  void perform(const Step& step, const ResetStep& what);
  void perform(const Step& step, const LinkStep& what);
  void perform(const Step& step, const CloneStep& what);
  void perform(const Step& step, const PauseStep& what);
  void perform(const Step& step, const ResumeStep& what);
  void perform(const Step& step, const DiskStep& what);
  void perform(const Step& step, const ClockStep& what);
  void perform(const Step& step, const CutStep& what);
  void perform(const Step& step, const MendStep& what);
  void perform(const Step& step, const HalfOpenStep& what);
  void perform(const Step& step, const DialsStep& what);
  void perform(const Step& step, const StormStep& what);
  void perform(const Step& step, const SlowReaderStep& what);
  void perform(const Step& step, const TamperStep& what);
  void perform(const Step& step, const ExpectStep& what);
  /// `foreseen`: of each of the keys. A write that is refused has one: that for which it is.
  void written(const Step& step, NodeIndex node, std::span<const std::string> keys, std::span<const Outcome> foreseen,
               Outcome required, NodeIndex owner, const std::expected<void, WriteError>& result);
  void wait(NodeIndex node, std::vector<std::string> keys, std::uint64_t others);
  void confirmed(NodeIndex node, const Confirmed& event);
  void end_waits(Host& host);
  [[nodiscard]] bool usable(const Step& step, NodeIndex node, bool required);
  [[nodiscard]] bool start_node(const Step& step, NodeIndex node);
  void end_node(NodeIndex node, Machine machine);
  void dial(NodeIndex node, NodeIndex to);
  /// A step that could do nothing; with `strict` a failure.
  void changes_nothing(const Step& step, const std::string& why);
  void fail(const Step& step, std::vector<std::string> nodes, const std::string& what);

  // expect.cpp
  void expect_at(const Step& step, const Expectation& what, NodeIndex node);
  void expect_key(const Step& step, const Expectation& what, NodeIndex node);
  void expect_links(const Step& step, const Expectation& what, NodeIndex node);
  void expect_refused(const Step& step, const Expectation& what, NodeIndex node);
  void expect_totals(const Step& step, const Expectation& what);
  void expect_equal(const Step& step, const Expectation& what);
  [[nodiscard]] std::uint64_t conflicts(const Expectation& what, NodeIndex node) const;

  const Plan& plan_;
  std::uint64_t seed_;
  RunOptions options_;
  std::vector<std::string> idle_steps_;
  Counters counters_;
  EventQueue queue_;
  Network network_;
  std::uint64_t committed_frames_ = 0;  // those of the run that were sent before the turn under way
  AddressBook addresses_;
  Transcript transcript_;
  std::map<std::pair<NodeIndex, std::string>, std::string> told_;  // what the transcript has said of records
  Findings findings_;
  TraceHash hash_;
  Identities identities_;
  std::vector<Ear> ears_;
  Hosts hosts_;
  BroadcastOracle broadcasts_;
  RecordOracle records_;
  ClaimOracle claims_;
  std::uint64_t events_ = 0;
  Duration end_{};
  Duration slowest_round_trip_{};
  Duration broadcast_bound_{};
  Duration grace_{};  // how long a connection may take to come up or to go
  std::optional<std::vector<ConnectionFault>> faults_before_;
};

/// Draws the plan for the seed and runs it.
RunResult run_plan(const Plan& plan, std::uint64_t seed, const RunOptions& options = {});

}  // namespace meshdict::sim
