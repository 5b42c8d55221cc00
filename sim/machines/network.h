#pragma once
// The virtual network: connections as byte streams between nodes, and what can befall them.
//
// A connection has two pipes, one a direction. A pipe carries parcels: the three of TCP's opening, frames, an end, a
// reset.
//
// 1. Parcels of one pipe arrive in the order in which they were sent. So only the first of a pipe needs an entry in the
//    event queue: its length does not depend on the traffic.
// 2. Nothing here calls a node during a node's call into the network: all effects come out of handle() and the faults.
// 3. Links charge a frame's uncompressed size, so that a compressor's version changes nothing.
//    A frame that a line carries in less than kPartEvery arrives as a whole, with its last byte. Of a frame that takes longer,
//    the receiver gets every kPartEvery what has come by then.
// 4. Memory: a few hundred bytes a connection, plus what is on the way. Nothing grows with the number of pairs of nodes.
//
// Partition, cut: parcels wait at the border, as TCP would send them again, and flow after heal; a dial times out.
// Silent crash: parcels to the node vanish, and its peers' connections are half-open. What reaches a connection of which its
// end knows nothing any more is answered with a reset, once that machine is up again.

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/env/transport.h"
#include "core/limits.h"
#include "sim/machines/borders.h"
#include "sim/machines/event_queue.h"
#include "sim/machines/lines.h"
#include "sim/machines/ring.h"
#include "sim/machines/traps.h"
#include "sim/plan/fault.h"
#include "sim/plan/plan.h"
#include "sim/plan/thresholds.h"

namespace meshdict::sim {

/// A dial that nobody answers ends after this time, as in production.
inline constexpr Duration kDialTimeout = limits::kDialDeadline;
/// How often a receiver sees the progress of a frame on a slow line: often enough for every deadline of the core.
inline constexpr Duration kPartEvery = 250ms;

enum class ParcelKind : std::uint8_t { kSyn, kSynAck, kAck, kData, kFin, kReset };

struct Parcel {
  std::shared_ptr<const std::string> bytes{};
  std::uint64_t id_prefix = 0;
  Duration sent{};
  Duration arrives{};
  std::uint32_t plain_size = 0;
  ParcelKind kind = ParcelKind::kData;
  /// The number of the frame in the run, from 1: leads from an arrival to its sending.
  std::uint64_t number = 0;
  /// How long a slow line needs from its first byte to its last; zero: it arrives as a whole.
  Duration takes{};
  /// Bytes of it that its receiver has already.
  std::size_t handed = 0;
};

/// What a node reads at once, or a part of it: bytes of one frame.
struct Portion {
  Parcel frame;
  std::string_view bytes;  ///< in frame.bytes
  /// The node takes so many bytes at a time; 0: all.
  std::uint64_t piece = 0;
  /// Nothing of the frame is missing now.
  bool last = true;
  /// Of the same read: what comes next belongs to it.
  bool more = false;
};

/// Takes what arrives at the nodes.
class NetworkUser {
 public:
  virtual ~NetworkUser() = default;
  virtual void accepted(NodeIndex node, ConnId conn, NodeIndex dialer) = 0;
  virtual void connected(NodeIndex node, ConnId conn) = 0;
  virtual void received(NodeIndex node, ConnId conn, NodeIndex from, const Portion& portion) = 0;
  virtual void drained(NodeIndex node, ConnId conn) = 0;
  virtual void closed(NodeIndex node, ConnId conn, std::string_view why) = 0;
  // Called during the node's call, to take note: nothing may be done about it then.

  /// It closes an open connection whose line is not slow, and on which something has last come then.
  virtual void closes(NodeIndex /*node*/, NodeIndex /*peer*/, Duration /*heard*/) {}
  virtual void sent(NodeIndex /*node*/, ConnId /*conn*/, NodeIndex /*to*/, const Parcel& /*frame*/) {}
};

/// What a dial or a late parcel meets at a node.
enum class Machine : std::uint8_t {
  kDead,      ///< nothing answers
  kRefusing,  ///< the machine is up, the process is not
  kUp,
};

struct NetworkCounters {
  /// Frames that nodes handed over.
  std::uint64_t sent = 0;
  /// Whole frames handed to nodes.
  std::uint64_t delivered = 0;
  std::uint64_t delivered_bytes = 0;
  /// Frames that reached no one.
  std::uint64_t lost = 0;
  /// Times that a pipe came to a halt at a partition's border.
  std::uint64_t held = 0;
  std::uint64_t dials = 0;
  std::uint64_t dials_refused = 0;
  std::uint64_t dials_timed_out = 0;
  /// Connections ended by a reset.
  std::uint64_t resets = 0;
};

class Network {
 public:
  /// `queue`, `user`, `faults` and `reach` outlive it. All machines are kRefusing at first.
  Network(std::uint64_t seed, std::size_t nodes, const LinkPlan& links, EventQueue& queue, NetworkUser& user,
          FaultCounts& faults, Reach& reach);

  // For nodes; see Transport. `to` may be kNobody: an address that leads nowhere is refused.

  ConnId dial(NodeIndex from, NodeIndex to);
  void send(ConnId conn, const Frame& frame);
  [[nodiscard]] std::size_t queued(ConnId conn) const;
  [[nodiscard]] Transport::Progress progress(ConnId conn) const;
  void close(ConnId conn);

  // For the world

  /// REQUIRES: an event of one of the first four kinds.
  /// False when the event was stale and nothing happened.
  bool handle(const QueuedEvent& event);

  void set_machine(NodeIndex node, Machine state) { machines_[node] = state; }
  /// Ends all connections of the node: with resets to the peers or, when its machine is kDead, without a word.
  void abandon(NodeIndex node);
  /// Takes back what the node has sent after the `last_kept`-th frame of the run and what has not arrived yet, as if it had
  /// never left.
  void take_back(NodeIndex node, std::uint64_t last_kept);
  /// group[i] of node i; nodes of different groups do not reach each other.
  void set_groups(std::vector<std::uint32_t> groups);
  /// False when there is such a cut already.
  bool cut(const CutStep& what);
  void mend(const MendStep& what);
  void mend_all();
  /// Whether anything is in the way of a stream between the two, in either direction.
  [[nodiscard]] bool blocked(NodeIndex a, NodeIndex b) const {
    return !borders_.passes(a, b) || !borders_.passes(b, a);
  }
  /// Whether a line was ever too slow for connections to come up; below, whether the line between two nodes is fast enough now.
  [[nodiscard]] bool has_slow_lines() const { return lines_.ever_too_slow(); }
  [[nodiscard]] bool carries(NodeIndex a, NodeIndex b) const { return lines_.carries(a, b); }
  [[nodiscard]] std::uint32_t group(NodeIndex node) const { return borders_.group(node); }
  /// Resets all connections between the two. False when there is none.
  bool reset_between(NodeIndex a, NodeIndex b);
  /// Resets all connections between nodes that do not reach each other.
  void reset_blocked();
  /// Whether there is a partition or, with `cuts`, a cut.
  [[nodiscard]] bool is_divided(bool cuts) const { return borders_.is_divided(cuts); }
  /// Whether the present groups divide the nodes as these would.
  [[nodiscard]] bool is_divided_as(const std::vector<std::uint32_t>& groups) const {
    return borders_.is_divided_as(groups);
  }
  [[nodiscard]] bool is_cut(const MendStep& sides) const { return borders_.is_cut(sides); }
  /// The connections of the two end for `a`. `mute`: what `b` sends on them is lost; otherwise it is answered by a reset. False
  /// when no connection is open at both ends.
  bool lose_end(NodeIndex a, NodeIndex b, bool mute);
  /// Half of the next frame between the two arrives, then its connection is reset. Returns the number of the trap.
  std::uint64_t break_next_frame(NodeIndex a, NodeIndex b) { return traps_.set_break(a, b); }
  std::uint64_t tamper(const TamperStep& what) { return traps_.set(what); }
  /// Whether no frame has come to a trap yet.
  [[nodiscard]] bool trap_waits(std::uint64_t number) const { return traps_.waits(number); }
  /// False when dials to the node are answered like that already.
  bool set_dials(NodeIndex node, DialAnswer answer);
  /// `rate`: bytes a second; 0: everything at once. False when the node reads at that rate already.
  bool set_read_rate(NodeIndex node, std::uint64_t rate);
  /// See Lines.
  void set_sites(const Plan& plan) { lines_.set_sites(plan); }
  /// Changes links from now on; of several changes for a connection the latest counts. False when it should end a change that
  /// does not exist.
  bool set_link(const LinkStep& link);

  /// Whether a cut, a slow reader or an answer to dials is in force.
  [[nodiscard]] bool is_hampered() const;
  /// Bytes that are on their way.
  [[nodiscard]] std::size_t held() const;
  /// Ends of connections that are open, and on which nothing has come since then, though their lines are not slow.
  struct OpenEnd {
    NodeIndex node = kNobody;
    NodeIndex peer = kNobody;
    Duration heard{};
  };
  [[nodiscard]] std::vector<OpenEnd> open_ends() const;

  struct OpenConnection {
    NodeIndex dialer = kNobody;
    NodeIndex acceptor = kNobody;
    /// As number() gives it.
    std::uint64_t number = 0;
  };
  /// Connections that both ends hold open.
  [[nodiscard]] std::vector<OpenConnection> open_connections() const;
  [[nodiscard]] const NetworkCounters& counters() const { return counters_; }
  /// A short number for transcripts: connections of the run are counted from 1.
  static std::uint64_t number(ConnId conn);

 private:
  enum class SideState : std::uint8_t {
    kDialing,
    kSynReceived,  // the engine has not been told yet
    kOpen,
    kClosed,  // closed by its engine; an end is on its way to the other
    kGone,    // ended without a word
  };
  struct Side {
    NodeIndex node = kNobody;
    SideState state = SideState::kDialing;
    // The pipe towards this side.
    // Its first parcel has an entry in the queue.
    bool armed = false;
    // It waits at a partition's border.
    bool stalled = false;
    // The sender of this pipe waits to be told that it has drained.
    bool drain_armed = false;
    Duration armed_for{};
    Duration busy_until{};
    Duration last_arrival{};
    // When something has last arrived.
    Duration heard{};
    std::size_t in_flight = 0;  // bytes
    // Bytes of all frames.
    std::uint64_t given = 0;
    Ring<Parcel> parcels;
  };
  struct Connection {
    std::uint64_t serial = 0;
    std::uint32_t slot = 0;
    Line line;
    std::uint64_t noise = 0;
    // An end that is kGone answers nothing.
    bool mute = false;
    std::array<Side, 2> sides;  // dialer, acceptor
  };
  // One side of a connection.
  struct End {
    Connection* conn = nullptr;
    std::size_t side = 0;
    explicit operator bool() const { return conn != nullptr; }
    [[nodiscard]] Side& self() const { return conn->sides[side]; }
    [[nodiscard]] Side& other() const { return conn->sides[1 - side]; }
  };

  static ConnId id_of(const Connection& conn, std::size_t side);
  [[nodiscard]] End find(ConnId conn) const;
  [[nodiscard]] End find(std::uint64_t detail) const;
  static std::uint64_t detail_of(const Connection& conn, std::size_t side);
  Connection& allocate();
  void release(Connection& conn);
  [[nodiscard]] bool blocked(const Connection& conn, std::size_t towards) const;
  [[nodiscard]] std::uint64_t rate(const Connection& conn, std::size_t towards) const;
  void count_held(const Connection& conn, std::size_t towards);
  [[nodiscard]] Machine machine(NodeIndex node) const;

  void push(Connection& conn, std::size_t towards, Parcel parcel);
  void arm(Connection& conn, std::size_t towards);
  /// Of a frame that is on its way now; `line`: bytes a second, 0: no limit.
  void measure(const Parcel& frame, const Connection& conn, std::size_t towards, std::uint64_t line);
  [[nodiscard]] Duration flight_time(Connection& conn);
  [[nodiscard]] std::size_t backlog(const Connection& conn, std::size_t towards) const;
  void arm_drain(Connection& conn, std::size_t towards);
  void discard(Side& side);

  bool deliver(End end);
  bool deliver_part(End end);
  [[nodiscard]] bool joins_next(End end, const Parcel& parcel, std::size_t read) const;
  bool check_drained(End end);
  bool check_dial(End end);
  bool check_give_up(End end);
  void arrived(End end, const Parcel& parcel, bool more);
  void arrived_data(End end, const Parcel& parcel, bool more);
  void hand_over(End end, const Parcel& parcel, bool more = false);
  void bounce(End end);
  void end_connection(End end, std::string_view why);
  void reset_all(const std::vector<Connection*>& conns);
  [[nodiscard]] std::vector<Connection*> between(NodeIndex a, NodeIndex b) const;
  /// Lets parcels go on that waited at a border which is gone.
  void release_stalled();
  void deliver_mangled(End end, const Parcel& parcel, Mangling how);
  bool deliver_stale(End end);

  std::uint64_t seed_;
  EventQueue& queue_;
  NetworkUser& user_;
  FaultCounts& faults_;
  Reach& reach_;
  Lines lines_;
  Borders borders_;
  Traps traps_;
  std::vector<Machine> machines_;
  std::vector<DialAnswer> dial_answers_;
  // Bytes a second, by node; empty until one is set.
  std::vector<std::uint64_t> read_rates_;
  // Frames that arrive once more, by the detail of their events.
  std::multimap<std::uint64_t, Parcel> stale_;
  // A slot with serial 0 is free.
  std::vector<std::unique_ptr<Connection>> slots_;
  std::vector<std::uint32_t> free_;
  std::uint64_t next_serial_ = 1;
  NetworkCounters counters_;
};

}  // namespace meshdict::sim
