#pragma once
// A few nodes that have nothing but the core's Links, and a network in which the caller chooses what happens next.
// It can be copied, at the cost of what is then changed, and two states can be told apart: what exhaustive exploration
// (explore.h) needs. With delays drawn from a seed it runs the study of the rules (conflict_study.h). One class in three
// sources, since all of them look at its whole state: small_world.cpp changes it, small_world_views.cpp says what can happen
// next and what is wrong, small_world_digest.cpp tells states apart.
//
// 1. Ids grow in the order of the nodes. Every dial of the plan can happen at any time, those of one pair in order.
// 2. Of one connection and direction things arrive in order: that it was accepted, frames, its end. Nothing else is
//    ordered; each arrival is a choice of its own.
// 3. A choice `time` moves all clocks to the next deadline of any node, whose `tick` is then a choice like others: what
//    arrives at the same moment may come before or after. While something is on its way or waits to be dialled, time
//    passes only at the cost of one fault, `late`: so timeouts race with arrivals as often as the plan allows.
// 4. Faults: `reset`: both ends are told, what was on its way is lost. `half_open`: one end is told, the other hears
//    nothing and what it sends is lost. `crash`: the machine dies and nobody is told; it comes back with a newer boot
//    at any time, and answers packets of connections that it does not know with a reset.
// 5. A fault that takes the only connection of a pair gives both nodes one redial each, used by a node that wants the peer
//    and has no connection to it, while the peer is up; so does a dial deadline that passes too early. Another connection
//    that is up or coming up must serve on: what a rule loses by its own doing stays lost, and is seen.
// 6. The world is at rest when nothing is on its way, nobody is down, and all connections are links at both ends. Then,
//    of each pair that the plan dials, exactly one connection must be open, and both ends must use it. Time does not
//    pass at rest, nor when only a restart is waited for.
// 7. A message of the plan is said at any moment at which its sender has a link to its receiver, as the engine says a
//    broadcast: once, on the link that is used. It must arrive. Excused is what was sent on a connection that a fault broke;
//    what, after a fault or on lines that are too slow, was sent on one that its receiver had retired; and what is on its way for longer than a retired
//    link waits for it: limits::kLinger, or limits::kLingerRoundTrips times what the end that closes saw the hello exchange
//    take; or on a connection whose hello exchange takes longer than limits::kHelloDeadline. With messages it is also demanded, as long as nothing went wrong and nothing was late: that a link which both
//    ends had when one was told to keep another ends without a wait.
// 8. With SmallPlan::reduced, and no `late`, arrivals that are nobody's business happen at once and are no choices: they
//    change one connection at one end, and neither read nor change anything else, so that their order with other
//    arrivals can make no difference. They are: the acceptance of a dial at the acceptor and the news of it at the
//    dialer, the handshake at the acceptor where a hello must follow, pings, pongs where no probe waits for them, all
//    but messages that reaches a retired connection, and all that reaches a machine which has forgotten the connection. A fault
//    between two of them does what it does before or after both: a connection that is no link just goes.

#include <cstdint>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <variant>
#include <vector>

#include "core/base/random.h"
#include "core/env/clock.h"
#include "core/env/transport.h"
#include "core/links/links.h"
#include "core/messages/message.h"
#include "core/messages/originator.h"
#include "sim/explore/choice.h"
#include "sim/explore/link_policies.h"
#include "sim/plan/plan.h"

namespace meshdict::sim {

struct FaultBudget {
  std::uint32_t reset = 0;
  std::uint32_t half_open = 0;
  std::uint32_t crash = 0;
  std::uint32_t late = 0;
  std::uint32_t in_all = 0;  ///< of the first three together
  bool operator==(const FaultBudget&) const = default;
};

/// From one node to another.
struct Course {
  NodeIndex from = 0;
  NodeIndex to = 0;
  bool operator==(const Course&) const = default;
};

struct SmallPlan {
  std::vector<std::string> nodes;
  std::vector<Course> dials;
  std::vector<Course> says{};
  FaultBudget faults;
  Rule rule = Rule::kArbiter;
  /// When there is one, instead of the rule: of all nodes at once, so it must hold nothing itself. Not owned.
  LinkPolicy* policy = nullptr;
  /// Demands more, see wrongs(): holds where no connection breaks unseen while a second one is being made.
  bool prompt = false;
  /// See invariant 8 of SmallWorld.
  bool reduced = true;
};

/// How long the next thing sent takes. Without one all takes no time, and the caller orders.
class Delays {
 public:
  virtual ~Delays() = default;
  virtual Duration draw(NodeIndex from, NodeIndex to) = 0;
};

class SmallWorld {
 public:
  using Plan = SmallPlan;
  enum class Thing : std::uint8_t { kAccepted, kFrame, kEnd, kReset };
  /// A frame, read once however many worlds it is copied to. Points into the frame's bytes.
  struct Opened {
    Envelope envelope;
    Message message;

    template <typename T>
    [[nodiscard]] bool is() const {
      return std::holds_alternative<T>(message);
    }
  };
  struct Packet {
    Thing thing = Thing::kFrame;
    Frame frame;
    std::shared_ptr<const Opened> opened;  ///< of a frame
    Duration sent{};
    Duration arrives{};
  };
  enum class SideState : std::uint8_t { kWaiting, kOpen, kClosed, kGone };
  struct Side {
    NodeIndex node = 0;
    SideState state = SideState::kWaiting;  ///< kWaiting: of the acceptor, who has not heard of it
    bool deaf = false;                      ///< nothing reaches it, and nothing that it sends arrives
    Duration opened{};                      ///< when it was dialled or accepted
    std::optional<Duration> round_trip{};   ///< from then until it was a link
    std::vector<Packet> inbox;
  };
  struct Wire {
    ItemName name;
    Nonce nonce = Nonce::kNone;  ///< once a hello has told it
    Duration dial_arrives{};
    /// When its end of the smaller id was told to keep another, while both ends had it as a link. With messages only.
    std::optional<Duration> passed_over{};
    bool given_up = false;  ///< closed by an end for which it was too slow, or whose machine has died since
    Side sides[2];          // dialer, acceptor
  };
  /// Sorted by name. Worlds share a wire until one of them changes it; references stay valid while others come.
  class Wires {
   public:
    [[nodiscard]] auto all() const {
      return std::views::transform(wires_, [](const auto& wire) -> const Wire& { return *wire; });
    }
    [[nodiscard]] std::size_t size() const { return wires_.size(); }
    /// REQUIRES: it is there.
    [[nodiscard]] const Wire& at(ItemName name) const { return **place(name); }
    [[nodiscard]] Wire& change(ItemName name);
    /// REQUIRES: it is not there.
    Wire& add(ItemName name);
    template <typename Over>
    void erase_if(Over over) {
      std::erase_if(wires_, [&](const auto& wire) { return over(*wire); });
    }

   private:
    [[nodiscard]] std::vector<std::shared_ptr<Wire>>::const_iterator place(ItemName name) const;

    std::vector<std::shared_ptr<Wire>> wires_;
  };

  /// `plan` and `delays` outlive it. Delays may be null. A world and its copies belong to one thread, since they share what
  /// none of them has changed; the other worlds may be in others.
  explicit SmallWorld(const SmallPlan& plan, std::uint64_t seed = 1, Delays* delays = nullptr);
  SmallWorld(const SmallWorld& other);
  SmallWorld& operator=(const SmallWorld&) = delete;
  ~SmallWorld();

  // What can happen, and making it so

  /// All that can happen next, in a fixed order: first what must happen some time, then messages, time and faults.
  [[nodiscard]] std::vector<Choice> choices() const;
  /// REQUIRES: it is one of choices(); with delays, of what could be at that time.
  void apply(const Choice& choice);
  [[nodiscard]] bool at_rest() const;

  // Views

  /// What is wrong. At any time: what invariant 7 forbids. At rest, or when nothing can happen: what invariant 6 demands. With SmallPlan::prompt also, when
  /// nothing is on its way: that two nodes with an open connection reach each other. Empty: nothing.
  [[nodiscard]] std::vector<std::string> wrongs() const;
  /// Equal for states that differ in nothing but the names of nonces and connections, and in absolute time.
  [[nodiscard]] std::uint64_t digest() const;
  [[nodiscard]] Duration now() const { return clock_.now; }
  /// "bob hears hello on ana#1": for people.
  [[nodiscard]] std::string describe(const Choice& choice) const;
  [[nodiscard]] const Wires& wires() const { return wires_; }
  /// Where `node` sends what is for `peer`; nothing when it goes nowhere.
  [[nodiscard]] std::optional<ItemName> used(NodeIndex node, NodeIndex peer) const;
  /// Whether what `node` sends to `peer` goes over a connection that is open at both ends.
  [[nodiscard]] bool reaches(NodeIndex node, NodeIndex peer) const;
  /// Whether both ends use the same open connection.
  [[nodiscard]] bool linked(NodeIndex a, NodeIndex b) const;
  /// Connections between the two that both ends hold open as links.
  [[nodiscard]] std::size_t open_between(NodeIndex a, NodeIndex b) const;
  [[nodiscard]] bool wanted(NodeIndex from, NodeIndex to) const { return ways_[index(from, to)].wanted; }
  [[nodiscard]] bool up(NodeIndex node) const { return lives_[node] != nullptr; }
  /// The earliest deadline of any node; MonoTime::max() when there is none.
  [[nodiscard]] Duration next_deadline() const;
  [[nodiscard]] bool due(NodeIndex node) const;
  void advance_to(Duration time) { clock_.now = time; }
  [[nodiscard]] bool may_redial(NodeIndex node, NodeIndex peer) const;
  /// Of each connection: who dialled whom, with a mark when its ends do not both use it.
  [[nodiscard]] std::string look() const;

 private:
  struct StillClock final : Clock {
    Duration now{};
    [[nodiscard]] MonoTime monotonic() const override { return MonoTime(now); }
    [[nodiscard]] WallTime wall() const override { return WallTime(1'893'456'000s + now); }
  };
  class Life;
  /// Of a node, over all its lives.
  struct Tally {
    std::uint64_t boots = 0;
    std::uint32_t dials = 0;
  };
  /// From one node to another.
  struct Way {
    bool wanted = false;
    std::uint32_t dials_left = 0;
    std::uint32_t redials = 0;
    std::uint32_t says_left = 0;
  };

  [[nodiscard]] std::size_t index(NodeIndex a, NodeIndex b) const { return a * plan_.nodes.size() + b; }
  [[nodiscard]] static ConnId id_of(ItemName name) { return ConnId{(std::uint64_t{name.of} + 1) << 32 | name.count}; }
  [[nodiscard]] static ItemName name_of(ConnId id);
  [[nodiscard]] const Connection* connection(NodeIndex node, const Wire& wire) const;
  [[nodiscard]] Side& side_of(Wire& wire, NodeIndex node, bool other = false);
  [[nodiscard]] bool deliverable(const Side& side) const { return !side.inbox.empty() && up(side.node); }
  [[nodiscard]] bool is_link(NodeIndex node, const Wire& wire) const;
  void add_arrivals(std::vector<Choice>& found) const;
  [[nodiscard]] std::uint32_t faults_struck() const { return spent_.reset + spent_.half_open + spent_.crash; }
  void add_faults(std::vector<Choice>& found) const;
  [[nodiscard]] bool may_say(NodeIndex from, NodeIndex to) const;
  [[nodiscard]] std::vector<Choice> says() const;
  /// At rest as far as nodes that are up can be.
  [[nodiscard]] bool quiet() const;
  [[nodiscard]] std::vector<std::string> wrongs_of(NodeIndex a, NodeIndex b, bool final) const;

  /// Of a node that is up, for changes: worlds share a process until one of them does something with it.
  [[nodiscard]] Links& links_of(NodeIndex node);

  // Called by lives
  ConnId dialed(NodeIndex from, NodeIndex to);
  void sent(NodeIndex from, ConnId conn, const Frame& frame);
  void closed(NodeIndex from, ConnId conn);

  // Messages (small_world_messages.cpp)
  [[nodiscard]] static bool is_broken(const Wire& wire);
  [[nodiscard]] bool is_overdue(const Side& side) const;
  void say(NodeIndex from, NodeIndex to);
  void lose(const Wire& wire, std::size_t to, const Packet& packet);
  void note_choice(NodeIndex told, ItemName kept);
  void note_end(const Wire& wire, NodeIndex closes);

  void push(Wire& wire, std::size_t to, Thing thing, Frame frame);
  void pass_time();
  [[nodiscard]] bool is_private(const Wire& wire, std::size_t at) const;
  bool do_one_private();
  void sweep();
  void accept(Wire& wire);
  void deliver(Wire& wire, NodeIndex node);
  void hear(NodeIndex node, ConnId conn, const Opened& opened);
  void reset(Wire& wire);
  void half_open(Wire& wire, NodeIndex told);
  void crash(NodeIndex node);
  void restart(NodeIndex node);
  void credit(NodeIndex a, NodeIndex b);
  void credit_unless_doubled(const Wire& broken);

  const SmallPlan& plan_;
  std::uint64_t seed_;
  Delays* delays_;
  StillClock clock_;
  std::shared_ptr<const std::vector<NodeId>> ids_;
  std::vector<std::shared_ptr<Life>> lives_;  // null: crashed
  std::vector<Tally> tallies_;                // by node
  std::vector<Way> ways_;                     // by (from, to)
  FaultBudget spent_;
  Wires wires_;
  bool was_too_slow_ = false;  // some connection, for messages
  /// What must never happen, and has.
  std::vector<std::string> misdeeds_;

  class Digest;
};

}  // namespace meshdict::sim
