#pragma once
// A machine of the virtual world: one engine, and the clock, disk, randomness and transport that it sees.

#include <cstdint>
#include <deque>
#include <expected>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/random.h"
#include "core/engine/engine.h"
#include "sim/machines/event_queue.h"
#include "sim/machines/network.h"
#include "sim/machines/virtual_clock.h"
#include "sim/machines/virtual_disk.h"
#include "sim/plan/plan.h"

namespace meshdict::sim {

/// One stream per (seed, node, incarnation, subsystem).
class VirtualRandom final : public Random {
 public:
  explicit VirtualRandom(std::uint64_t seed) : seed_(seed) {}
  void next_life(std::uint64_t life) { life_ = life; }
  [[nodiscard]] RandomStream stream(std::string_view subsystem) const override;

 private:
  std::uint64_t seed_;
  std::uint64_t life_ = 0;
};

/// Leads from addresses to nodes. Every node listens at env_limits::kDefaultPort, on a host that has its name.
class AddressBook {
 public:
  explicit AddressBook(const std::vector<NodePlan>& nodes);
  [[nodiscard]] NodeIndex find(std::string_view host) const;
  [[nodiscard]] NodeIndex find(const Endpoint& endpoint) const;

 private:
  std::map<std::string, NodeIndex, std::less<>> by_name_;
};

class VirtualTransport final : public Transport {
 public:
  VirtualTransport(NodeIndex node, Network& network, const AddressBook& addresses)
      : node_(node), network_(network), addresses_(addresses) {}

  ConnId dial(const Endpoint& to) override { return network_.dial(node_, addresses_.find(to)); }
  void send(ConnId conn, const Frame& frame) override { network_.send(conn, frame); }
  [[nodiscard]] std::size_t queued(ConnId conn) const override { return network_.queued(conn); }
  [[nodiscard]] Progress progress(ConnId conn) const override { return network_.progress(conn); }
  void close(ConnId conn) override { network_.close(conn); }

 private:
  NodeIndex node_;
  Network& network_;
  const AddressBook& addresses_;
};

/// A refusal that a host has seen, for expectations.
struct RefusedEntry {
  NodeIndex who = kNobody;
  EndReason reason = EndReason::kProtocolError;
  auto operator<=>(const RefusedEntry&) const = default;
};

class Host {
 public:
  /// All references outlive this. `keeps`: the node will restart, so that its disk matters.
  Host(NodeIndex index, const NodePlan& plan, std::uint64_t seed, bool keeps, const EventQueue& world, Network& network,
       const AddressBook& addresses, Observer& observer);

  /// What the plan says of its engine.
  [[nodiscard]] EngineConfig config(const std::vector<NodePlan>& nodes) const;
  /// Makes an engine and starts it.
  std::expected<void, StartError> start(EngineConfig config);
  /// Ends the process without a goodbye: what was not committed is lost, and so is what had arrived and waited.
  void end();

  [[nodiscard]] bool up() const { return engine_ != nullptr; }
  [[nodiscard]] Engine& engine() { return *engine_; }
  [[nodiscard]] const Engine& engine() const { return *engine_; }
  [[nodiscard]] const NodePlan& plan() const { return plan_; }
  /// For a program, whose socket has settings of its own. REQUIRES: !up().
  void set_plan(NodePlan plan);
  [[nodiscard]] VirtualClock& clock() { return clock_; }
  [[nodiscard]] const VirtualClock& clock() const { return clock_; }
  [[nodiscard]] VirtualDisk& disk() { return disk_; }
  [[nodiscard]] const VirtualDisk& disk() const { return disk_; }
  /// Empty before the first incarnation.
  [[nodiscard]] const NodeId& id() const { return id_; }
  /// The number of the present incarnation, which transcripts call a life; 0 before the first.
  [[nodiscard]] std::uint64_t life() const { return life_; }
  [[nodiscard]] Duration alive_since() const { return alive_since_; }

  /// Whether it stands still: paused, or busy with its disk.
  [[nodiscard]] bool still() const { return paused || busy; }

  /// Whether what passes through it may take longer than links do, or may reach another process with its id.
  [[nodiscard]] bool hampered() const { return still() || disk_delay > Duration::zero() || shares_identity; }

  /// What has arrived and waits until the node goes on.
  struct Arrival {
    enum class Kind : std::uint8_t { kAccepted, kConnected, kReceived, kDrained, kClosed };
    Kind kind = Kind::kAccepted;
    ConnId conn{};
    NodeIndex from = kNobody;
    Portion portion{};
    std::string why{};
  };

  bool paused = false;
  bool busy = false;
  Duration busy_until{};
  /// When it last went on after standing still.
  Duration went_on{};
  /// When its disk last synced, if it does so only now and then.
  Duration synced{};
  /// Whether two processes have its id.
  bool shares_identity = false;
  /// Whether it is down because of its disk, and starts again when that has room.
  bool awaits_room = false;
  Duration disk_delay{};
  std::deque<Arrival> waiting;
  /// Of the read under way, all that came before its last portion.
  std::string reading;
  /// A client waits for others to have what it wrote.
  struct Wait {
    ConfirmationToken token = ConfirmationToken::kNone;
    std::vector<std::string> keys;
    Duration since{};
    std::uint64_t wanted = 0;
    std::uint64_t confirmed = 0;
    /// The step that asked.
    const Step* step = nullptr;
  };
  std::vector<Wait> waits;
  /// When its timer entry in the queue is due; Duration::max(): it has none.
  Duration armed = Duration::max();
  /// Timer events in a row without time passing.
  std::uint32_t spins = 0;
  /// Broadcasts and whispers received, over all incarnations.
  std::uint64_t messages = 0;
  std::map<std::string, std::uint64_t, std::less<>> conflicts;
  std::map<RefusedEntry, std::uint64_t> refused;
  /// Keys whose records it has sent in the present turn: its own records may have changed without an event. Only kept for a
  /// transcript.
  std::vector<std::string> sent;

 private:
  NodePlan plan_;
  const EventQueue& world_;
  Observer& observer_;
  VirtualClock clock_;
  VirtualDisk disk_;
  VirtualRandom random_;
  VirtualTransport transport_;
  std::unique_ptr<Engine> engine_;
  NodeId id_;
  std::uint64_t life_ = 0;
  Duration alive_since_{};
};

}  // namespace meshdict::sim
