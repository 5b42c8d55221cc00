#pragma once
// The nodes of a world, run: what arrives at each, its turns, and how it starts and ends.
//
// A turn is a call into the engine, and then what production does too (net/engine_loop.h): first the disk commits, then the
// oracles look at what has changed, then the timer is set for the engine's next deadline. Frames of a turn whose commit fails
// never left.
//
// 1. Whoever calls an engine ends the turn with finish_turn(), or with commit_turn() and finish_turn().
// 2. What arrives at a node that stands still waits in its Host, in order; go_on() takes it.
// 3. Of the timer entries in the queue only that counts whose time is the host's `armed`.
//
// REQUIRES: it is made behind the stage's other members, and ends before them. Not thread-safe.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "sim/machines/host.h"
#include "sim/machines/network.h"
#include "sim/world/ear.h"
#include "sim/world/record_lines.h"
#include "sim/world/stage.h"

namespace meshdict::sim {

class Nodes final : public NetworkUser {
 public:
  /// Makes the hosts of the stage, which outlives this. They end with this.
  explicit Nodes(Stage& stage);
  ~Nodes() override;
  Nodes(const Nodes&) = delete;
  Nodes& operator=(const Nodes&) = delete;

  // What arrives at them (from the network)

  void accepted(NodeIndex node, ConnId conn, NodeIndex dialer) override;
  void connected(NodeIndex node, ConnId conn) override;
  void received(NodeIndex node, ConnId conn, NodeIndex from, const Portion& portion) override;
  void drained(NodeIndex node, ConnId conn) override;
  void closed(NodeIndex node, ConnId conn, std::string_view why) override;
  void sent(NodeIndex node, ConnId conn, NodeIndex to, const Parcel& frame) override;
  void closes(NodeIndex node, NodeIndex peer, Duration heard) override;

  // Events of the queue

  /// Its timer is due, unless the entry is stale.
  void timer(NodeIndex node);
  /// Its disk has done what kept it busy, unless the entry is stale.
  void disk_done(NodeIndex node);

  // For steps

  /// False, and a failure or an idle step told, when it is up or does not start.
  [[nodiscard]] bool start(const Step& step, NodeIndex node);
  /// An engine begins; of a node that has a program, that of its socket.
  std::expected<void, StartError> begin(NodeIndex node, EngineConfig config);
  /// Without a goodbye; what is left of its machine is in `machine`.
  void end(NodeIndex node, Machine machine);
  /// Takes what has arrived while the node stood still.
  void go_on(NodeIndex node);
  void dial(NodeIndex node, NodeIndex to);
  /// Asks others to say when they have `keys`, until `others` have, for a step.
  void wait(const Step& step, NodeIndex node, std::vector<std::string> keys, std::uint64_t others);
  /// Makes durable what the node has written. False when that fails: the node has ended.
  bool commit_turn(NodeIndex node);
  void finish_turn(NodeIndex node);
  /// What it shows is what its disk has.
  void check_disk(NodeIndex node);
  /// C2 of connections that are still open.
  void check_open_ends();
  /// Looks at the engine's next deadline anew.
  void arm_timer(NodeIndex node);

 private:
  void arrive(NodeIndex node, Host::Arrival arrival);
  void handle(NodeIndex node, const Host::Arrival& arrival);
  static void join_with_next(const Host& host, Host::Arrival& arrival);
  static void read(Host& host, ConnId conn, const Portion& portion);
  void end_waits(Host& host);
  void check_queue(NodeIndex node, ConnId conn, NodeIndex to, std::size_t added);

  Stage& stage_;
  std::vector<Ear> ears_;
  RecordLines record_lines_;
  std::uint64_t committed_frames_ = 0;  // those of the run that were sent before the turn under way
};

}  // namespace meshdict::sim
