#pragma once
// What happens in a run: the nodes, the network between them, the steps, and what must be true.
//
// A plan as written may leave things to the seed (ranges of times, topologies, workloads). expand() draws them and
// gives an explicit plan, in which every step has its time; a World runs explicit plans only. So a plan that fails can always
// be written out and kept.

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/time.h"
#include "core/dictionary/lease_view.h"
#include "core/encoding/msgpack.h"
#include "core/limits.h"
#include "core/links/end_reason.h"
#include "core/record/mesh_settings.h"
#include "sim/plan/property.h"
#include "sim/plan/ranges.h"  // IWYU pragma: export

namespace meshdict::sim {

/// A node's position in Plan::nodes.
using NodeIndex = std::uint32_t;
inline constexpr NodeIndex kNobody = std::numeric_limits<NodeIndex>::max();
/// In the steps of a plan as written: a node that the seed chooses, another one at each place of a step.
inline constexpr NodeIndex kAnyNode = kNobody - 1;

struct NodePlan : MeshSettings {
  std::string name;
  std::string network = "sync";
  /// Deletions that it remembers beyond the horizon.
  std::uint64_t kept_deletions = limits::kMaxKeptDeletions;
  /// Whether it claims no keys while its clock differs from those of most neighbours.
  bool clock_guard = true;
  DurationRange start;
  /// False: only a step starts it.
  bool starts = true;
  /// How far its wall clock is ahead of the true time; negative: behind.
  DurationRange clock;
  /// Whether its disk syncs each commit, and otherwise once in env_limits::kSyncEvery.
  bool syncs_commits = true;
  std::vector<NodeIndex> join;
  /// Of a user's, that runs on it; empty: none, the node is one of ours.
  std::string program;
  std::vector<std::string> arguments;
};

/// What every connection between two nodes is like.
struct LinkPlan {
  /// One way. Drawn once for each pair of nodes.
  DurationRange latency{5ms, 40ms};
  /// Drawn once a run; each frame then waits between nothing and this, without overtaking others.
  DurationRange jitter{0ms, 5ms};
  /// Bytes a second of each direction of each connection; 0: no limit.
  std::uint64_t bandwidth = 0;
  /// Bytes that are handed over at a time; 0: whole frames.
  std::uint64_t piece = 0;
  /// The receiver looks up to this long after something has come, and takes at once all that has come by then.
  Duration gather{};
  /// The longest that a frame is on its way, but for what limited bandwidth adds.
  [[nodiscard]] Duration slowest() const { return latency.high + jitter.high + gather; }
  bool operator==(const LinkPlan&) const = default;
};

/// Which fields of a LinkPlan are meant.
struct LinkFields {
  bool latency = true;
  bool jitter = true;
  bool bandwidth = true;
  bool piece = true;
  bool gather = true;
  static constexpr LinkFields none() { return {false, false, false, false, false}; }
};

/// Nodes that are near each other.
struct SitePlan {
  std::string name;
  std::vector<NodeIndex> nodes;
  /// What the links between them are like.
  LinkPlan inside;
};
/// Between the nodes of two sites.
struct SiteLink {
  /// Position in Plan::sites.
  std::size_t a = 0;
  std::size_t b = 0;
  LinkPlan link;
};

/// A value of the dictionary that is no text.
struct TypedValue {
  /// As the dictionary holds it.
  Raw raw;
  /// One line of YAML that reads as this.
  std::string yaml;
};

/// Steps: operations of clients

enum class Outcome : std::uint8_t { kAny, kOk, kLeased, kClock, kMissing };

struct SetStep {
  NodeIndex node = 0;
  std::string key;
  std::string value;
  Outcome expect = Outcome::kAny;
  /// With kLeased: the node that must hold it.
  NodeIndex owner = kNobody;
  /// So many keys are set at once, all or none: `key`, `key`.1, `key`.2, ...
  std::uint64_t count = 1;
  /// Key and value are filled with dots until they are at least so many bytes long.
  std::uint64_t key_size = 0;
  std::uint64_t value_size = 0;
  /// Neighbours are asked to confirm it, until so many have.
  std::uint64_t wait = 0;
  /// How many must have confirmed it `within` that time.
  std::optional<CountRange> waited{};
  Duration within = 5s;
  /// Instead of `value`: one that is no text.
  std::optional<TypedValue> typed{};
};
/// As they are written, made long.
std::vector<std::string> keys_of(const SetStep& set);
Raw value_of(const SetStep& set);
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
/// What a restart finds of what the disk had synced.
enum class DiskLeft : std::uint8_t { kAll, kIdentity, kNothing };
/// The process is killed, and its system closes its connections. `silent`: the machine dies, and nobody is told. `power`: the
/// machine dies, too, and some of the commits that its disk had not synced are lost.
struct CrashStep {
  NodeIndex node = 0;
  bool silent = false;
  bool power = false;
  /// What the restart at the end of its `lasts` finds of the disk.
  DiskLeft disk = DiskLeft::kAll;
};
struct RestartStep {
  NodeIndex node = 0;
  DiskLeft disk = DiskLeft::kAll;
};
/// Starts a node that is down with a copy of the disk of another, and so with its id.
struct CloneStep {
  NodeIndex node = 0;
  NodeIndex of = 0;
};
/// The process stands still; what arrives waits in its system.
struct PauseStep {
  NodeIndex node = 0;
};
struct ResumeStep {
  NodeIndex node = 0;
};
struct DiskStep {
  NodeIndex node = 0;
  std::optional<bool> full{};
  /// How long each commit takes.
  std::optional<Duration> delay{};
};
/// The wall clock jumps, or both clocks get another rate.
struct ClockStep {
  NodeIndex node = 0;
  Duration jump{};
  std::optional<std::int64_t> ppm{};
};
/// Between nodes of different groups nothing passes until heal. Bytes wait, as TCP would send them again; `reset`: the
/// connections across are reset instead.
struct PartitionStep {
  /// Nodes in none of them form one more.
  std::vector<std::vector<NodeIndex>> groups;
  bool reset = false;
};
/// Nothing passes from one side to the other, nor back unless `one_way`, until mended. All else is as before.
struct CutStep {
  std::vector<NodeIndex> from;
  std::vector<NodeIndex> to;
  bool one_way = false;
};
/// Ends the cuts between these sides: all, those of one direction, or those of both.
struct MendStep {
  std::vector<NodeIndex> from;
  std::vector<NodeIndex> to;
  std::optional<bool> one_way{};
};
/// Ends the partition and, with `cuts`, all cuts.
struct HealStep {
  bool cuts = true;
};
/// Both ends of all connections between two nodes are told, and bytes on the way are lost. `one_sided`: only `a` is.
/// `inside_frame`: only one connection, after half of the next frame on it.
struct ResetStep {
  NodeIndex a = 0;
  NodeIndex b = 0;
  bool one_sided = false;
  bool inside_frame = false;
};
/// The connections of two nodes carry nothing more; `a` is told that they are over, `b` is not.
struct HalfOpenStep {
  NodeIndex a = 0;
  NodeIndex b = 0;
};
enum class DialAnswer : std::uint8_t { kTaken, kRefused, kLost };
/// What becomes of dials to this node.
struct DialsStep {
  NodeIndex node = 0;
  DialAnswer answer = DialAnswer::kTaken;
};
/// All of these dial each other at one moment.
struct StormStep {
  std::vector<NodeIndex> nodes;
  std::uint64_t times = 1;
};
/// The node takes what arrives only so fast, in bytes a second; 0: at once.
struct SlowReaderStep {
  NodeIndex node = 0;
  std::uint64_t rate = 0;
};
enum class Tampering : std::uint8_t { kFlip, kTruncate, kRepeat, kStale };
/// Damages the next frame from the one to the other, or the `nth` from now on of one kind of message.
struct TamperStep {
  NodeIndex from = 0;
  NodeIndex to = 0;
  Tampering how = Tampering::kFlip;
  /// The kind of message, as transcripts name it; empty: any.
  std::string kind{};
  std::uint64_t nth = 1;
};
/// Changes the links from now on: between two nodes, of one node (b is kNobody), or all (both are).
struct LinkStep {
  NodeIndex a = kNobody;
  NodeIndex b = kNobody;
  LinkPlan link;
  /// It ends an earlier step for the same links, instead of changing them.
  bool over = false;
  /// Which fields the step gives. Between sites, the others stay as the plan has them.
  LinkFields said{};
};

/// Steps: what must be true

/// What LEASE shows of a key as `held`; kNone: there is no such key.
enum class LeaseHeld : std::uint8_t { kHeld, kLapsed, kNone };
/// A fence, against what it was at a named moment.
enum class FenceIs : std::uint8_t { kSame, kLarger };
/// When an expectation must be met: at its step's time; at some moment of a span of time after it, at each, or at none.
enum class Holds : std::uint8_t { kNow, kEventually, kStays, kNever };
/// A figure of the node, by its place in info_figures().
struct InfoDemand {
  std::size_t figure = 0;
  CountRange count;
};

struct Expectation {
  std::vector<NodeIndex> nodes;
  std::optional<std::string> key;
  std::optional<std::string> value;
  bool absent = false;
  NodeIndex owner = kNobody;
  std::optional<CountRange> neighbours;
  std::optional<CountRange> size;
  /// Counted since the start, over all incarnations of the node; conflicts only of `key` when one is given.
  std::optional<CountRange> messages;
  std::optional<CountRange> conflicts;
  /// The same for all these nodes together.
  std::optional<CountRange> total_messages;
  std::optional<CountRange> total_conflicts;
  std::vector<NodeIndex> linked;
  std::vector<NodeIndex> not_linked;
  /// The node has refused or dropped a connection for this reason; a connection of that other node, when one is given.
  std::optional<EndReason> refused;
  NodeIndex refused_who = kNobody;
  /// All of `nodes` hold the same records.
  bool equal = false;
  /// Instead of `value`: one that is no text.
  std::optional<TypedValue> typed{};
  std::optional<CountRange> epoch{};
  std::optional<FenceIs> fence{};
  std::optional<LeaseHeld> lease{};
  std::optional<LeaseState> state{};
  std::optional<DurationRange> left{};
  std::vector<InfoDemand> info{};
  /// Counts are those since this named moment, over all incarnations; empty: since the start.
  std::string since{};
  Holds holds = Holds::kNow;
  /// After the step's time: from when until when.
  DurationRange span{};
};
struct ExpectStep {
  std::shared_ptr<const Expectation> what;
};

/// The node gives up what it holds, or its operator takes what another holds. kMissing: there is nothing of the kind.
struct LeaseStep {
  NodeIndex node = 0;
  std::string key;
  Outcome expect = Outcome::kAny;
};
struct ReleaseStep : LeaseStep {};
struct BreakStep : LeaseStep {};
/// Gives up all that it holds, tells everybody that it leaves, and ends.
struct LeaveStep {
  NodeIndex node = 0;
};
/// The operator of `node` removes the other for this time.
struct RemoveStep {
  NodeIndex node = 0;
  NodeIndex of = 0;
  Duration time{};
};
/// Gives this moment a name.
struct MarkStep {
  std::string name;
};

using Action =
    std::variant<SetStep, DeleteStep, BroadcastStep, WhisperStep, ConnectStep, DisconnectStep, StartStep, StopStep,
                 CrashStep, RestartStep, PartitionStep, HealStep, ResetStep, LinkStep, ExpectStep, CloneStep, PauseStep,
                 ResumeStep, DiskStep, ClockStep, CutStep, MendStep, HalfOpenStep, DialsStep, StormStep, SlowReaderStep,
                 TamperStep, MarkStep, ReleaseStep, BreakStep, LeaveStep, RemoveStep>;

/// The word for an action in YAML, transcripts and counters: "set", "partition", ...
std::string_view verb(const Action& action);
/// The same, by its place in Action.
std::string_view verb_of(std::size_t index);

/// Events that a node tells, as a transcript has them behind "!".
enum class Told : std::uint8_t {
  kPeerUp,
  kPeerDown,
  kBroadcast,
  kWhisper,
  kRefused,
  kUndeliverable,
  kConfirmed,
  kUpdated,
  kDeleted,
  kConflict,
  kReturned,
  kClock,
  kLeftOut,
  kBroken,
  kParted,
};
/// In the order of the enumeration: "peer_up", ...
const std::vector<std::string>& told_words();

/// What a step waits for: the `nth` such event, or a named moment.
struct Trigger {
  /// The node that tells it; kNobody: any.
  NodeIndex node = kNobody;
  Told event = Told::kPeerUp;
  /// The node that it tells of; kNobody: any.
  NodeIndex who = kNobody;
  std::optional<std::string> key{};
  std::uint64_t nth = 1;
  /// Events before this time do not count.
  Duration from{};
  /// When not empty: the step waits for the moment of this name, and all other fields have their defaults.
  std::string mark{};
};

/// The same step again and again.
struct Repeat {
  std::uint64_t times = 1;  ///< in all
  DurationRange every;
};

struct Step {
  /// Time since the start. In a plan as written: since the start or, when `relative`, since the step before. With `when`: since
  /// that event.
  DurationRange at;
  bool relative = false;
  /// In the file that it came from; 0: from none.
  std::uint32_t line = 0;
  Action action;
  /// The step that undoes this one comes so much later: restart after crash, heal after partition, and so on.
  std::optional<DurationRange> lasts;
  /// The step waits for this. If it lasts, it ends whatever of its kind is in force at its end.
  std::optional<Trigger> when{};
  /// In a plan as written: `at` counts from this named moment.
  std::string moment{};
  /// Only in a plan as written.
  std::optional<Repeat> repeat{};
  /// Whether it may change nothing even in a strict plan: what a workload draws may meet a node that is down.
  bool may_idle = false;
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

/// Faults, drawn from the seed: now one and now another, each with its end.
struct Nemesis {
  struct Kind {
    /// Position in nemesis_kinds().
    std::size_t kind = 0;
    std::uint64_t weight = 1;
  };
  std::vector<Kind> kinds;
  std::vector<NodeIndex> nodes;
  DurationRange every;
  DurationRange lasts{1s, 10s};
  Duration from{};
  Duration until{};
  std::uint32_t line = 0;
};

enum class Join : std::uint8_t {
  kNone,
  kChain,   ///< each joins the one before
  kStar,    ///< all join the first
  kRandom,  ///< each joins `join_count` of those before
};

struct Plan {
  /// The file's, for messages and for the command that replays.
  std::string name;
  std::vector<NodePlan> nodes;
  Join join = Join::kNone;
  std::uint32_t join_count = 0;
  LinkPlan links;
  /// Each node is in at most one site. Pairs that neither sites nor site_links are about have links as `links` says.
  std::vector<SitePlan> sites;
  std::vector<SiteLink> site_links;
  std::vector<Step> steps;
  std::vector<Workload> workloads;
  std::vector<Nemesis> nemeses;
  /// Programs run until then, or until the last step, if that is later; in the quiet afterwards they stand still.
  Duration programs_until{};
  /// How long the run goes on after the last step, before the promises about the end are checked.
  Duration quiet = 60s;
  /// Whether a step that changes nothing fails the run. It is told in any case.
  bool strict = false;
  std::vector<Property> check = all_properties();
};

/// Draws what the plan leaves to the seed, and leaves the rest as it is written. In the result all ranges are fixed, no step is
/// relative or repeated, no step leaves a node open, each node has a list of those that it joins, and there are no workloads or
/// nemeses.
Plan draw_plan(const Plan& plan, std::uint64_t seed);

/// The same, spelled out for a World: each node has a step that starts it, and steps are sorted by time. Steps that wait for an
/// event stand last.
Plan expand(const Plan& plan, std::uint64_t seed);

}  // namespace meshdict::sim
