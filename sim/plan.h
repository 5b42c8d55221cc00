#pragma once
// What happens in a run: the nodes, the network between them, the steps, and what must be true.
//
// A plan as written may leave things to the seed (ranges of times, topologies, workloads). expand() draws them and
// gives an explicit plan, in which every step has its time; a World runs explicit plans only. So whatever ever fails
// can be written out and kept.

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/engine.h"
#include "core/time.h"

namespace meshdict::sim {

/// A node's position in Plan::nodes.
using NodeIndex = std::uint32_t;
inline constexpr NodeIndex kNobody = std::numeric_limits<NodeIndex>::max();

/// Drawn uniformly per seed, both ends included.
struct DurationRange {
  Duration low{};
  Duration high{};
  [[nodiscard]] bool fixed() const { return low == high; }
  bool operator==(const DurationRange&) const = default;
};

/// How many of something must be there, both ends included.
struct CountRange {
  std::uint64_t low = 0;
  std::uint64_t high = std::numeric_limits<std::uint64_t>::max();
  [[nodiscard]] bool contains(std::uint64_t count) const { return low <= count && count <= high; }
};

struct NodePlan {
  std::string name;
  std::string network = "sync";
  Leasing leasing = Leasing::kOn;
  Duration lease = 3600s;
  Duration settle = 2s;
  Duration skew = 30s;
  Duration horizon = 24h;
  DurationRange start;
  /// How far its wall clock is ahead of the true time; negative: behind.
  DurationRange clock;
  std::vector<NodeIndex> join;
};

/// What every connection between two nodes is like.
struct LinkPlan {
  /// One way. Drawn once for each pair of nodes.
  DurationRange latency{5ms, 40ms};
  /// Drawn once a run; each frame then waits between nothing and this, without overtaking others.
  DurationRange jitter{0ms, 5ms};
  /// Bytes a second of each direction of each connection; 0: no limit.
  std::uint64_t bandwidth = 0;
};

/// Steps: operations of clients

enum class Outcome : std::uint8_t { kAny, kOk, kLeased, kMissing };

struct SetStep {
  NodeIndex node = 0;
  std::string key;
  std::string value;
  Outcome expect = Outcome::kAny;
  NodeIndex owner = kNobody;  ///< with kLeased: who must hold it
};
struct DeleteStep {
  NodeIndex node = 0;
  std::string key;
  Outcome expect = Outcome::kAny;
  NodeIndex owner = kNobody;
};
struct BroadcastStep {
  NodeIndex node = 0;
  std::string text;
};
struct WhisperStep {
  NodeIndex node = 0;
  NodeIndex to = 0;
  std::string text;
};
struct ConnectStep {
  NodeIndex node = 0;
  NodeIndex to = 0;
};
struct DisconnectStep {
  NodeIndex node = 0;
  NodeIndex from = 0;
};

/// Steps: what befalls nodes and network

struct StartStep {
  NodeIndex node = 0;
};
/// The node says goodbye and ends.
struct StopStep {
  NodeIndex node = 0;
};
/// The process is killed and its system closes its connections; `silent`: the machine dies, and nobody is told.
/// The disk stays.
struct CrashStep {
  NodeIndex node = 0;
  bool silent = false;
};
struct RestartStep {
  NodeIndex node = 0;
};
/// Between nodes of different groups nothing passes until heal. Bytes wait, as TCP would send them again; `reset`: the
/// connections across are reset instead.
struct PartitionStep {
  std::vector<std::vector<NodeIndex>> groups;  ///< nodes in none of them form one more
  bool reset = false;
};
struct HealStep {};
/// Both ends of all connections between two nodes are told, and bytes on the way are lost.
struct ResetStep {
  NodeIndex a = 0;
  NodeIndex b = 0;
};
/// Changes the links from now on: between two nodes, of one node (b is kNobody), or all (both are).
struct LinkStep {
  NodeIndex a = kNobody;
  NodeIndex b = kNobody;
  LinkPlan link;
};

/// Steps: what must be true

struct Expectation {
  std::vector<NodeIndex> nodes;
  std::optional<std::string> key;
  std::optional<std::string> value;
  bool absent = false;
  NodeIndex owner = kNobody;
  std::optional<CountRange> neighbours;
  std::optional<CountRange> size;
  /// Since the start, over all lives of the node; conflicts only of `key` when one is given.
  std::optional<CountRange> messages;
  std::optional<CountRange> conflicts;
  /// The same, of all these nodes together.
  std::optional<CountRange> total_messages;
  std::optional<CountRange> total_conflicts;
  std::vector<NodeIndex> linked;
  std::vector<NodeIndex> not_linked;
  /// The node has refused or dropped a connection for this reason; of this other node, when one is given.
  std::optional<EndReason> refused;
  NodeIndex refused_who = kNobody;
  bool equal = false;  ///< all of `nodes` hold the same records
};
struct ExpectStep {
  std::shared_ptr<const Expectation> what;
};

using Action = std::variant<SetStep, DeleteStep, BroadcastStep, WhisperStep, ConnectStep, DisconnectStep, StartStep,
                            StopStep, CrashStep, RestartStep, PartitionStep, HealStep, ResetStep, LinkStep, ExpectStep>;

/// The word for an action in YAML, traces and counters: "set", "partition", ...
std::string_view verb(const Action& action);

struct Step {
  /// From the start; in a plan as written: from the start or, when `relative`, from the step before.
  DurationRange at;
  bool relative = false;
  std::uint32_t line = 0;  ///< in the file that it came from; 0: from none
  Action action;
  /// The step that undoes this one, that much later: restart after crash, heal after partition.
  std::optional<DurationRange> lasts;
};

/// Many operations, drawn from the seed.
struct Workload {
  std::vector<NodeIndex> nodes;
  std::uint64_t sets_per_second = 0;
  std::uint64_t deletes_per_second = 0;
  std::uint64_t broadcasts_per_second = 0;
  std::uint64_t keys = 100;
  std::uint64_t value_size = 8;
  Duration from{};
  Duration until{};
};

enum class Join : std::uint8_t {
  kNone,
  kChain,   ///< each joins the one before
  kStar,    ///< all join the first
  kRandom,  ///< each joins `join_count` of those before
};

/// The promises that are checked, see the README. A plan may name some of them only.
enum class Property : std::uint8_t { kS1, kS2, kS6, kS7, kLease, kC1, kB1, kConnected };
inline constexpr std::size_t kProperties = 8;
std::string_view name_of(Property property);

struct Plan {
  std::string name;  ///< the file's, for messages and for the command that replays
  std::vector<NodePlan> nodes;
  Join join = Join::kNone;
  std::uint32_t join_count = 0;
  LinkPlan links;
  std::vector<Step> steps;
  std::vector<Workload> workloads;
  /// How long the run goes on after the last step, before the promises about the end are checked.
  Duration quiet = 60s;
  std::vector<Property> check = {Property::kS1,    Property::kS2, Property::kS6, Property::kS7,
                                 Property::kLease, Property::kC1, Property::kB1, Property::kConnected};
};

/// Draws what the plan leaves to the seed. In the result all ranges are fixed, no step is relative, steps are sorted by
/// time, each node has a step that starts it, and there are no workloads.
Plan expand(const Plan& plan, std::uint64_t seed);

}  // namespace meshdict::sim
