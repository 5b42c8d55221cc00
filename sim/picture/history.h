#pragma once
// A run as it can be drawn: flights of frames, events, nodes that were down, partitions, claims. It is read from the run's
// transcript, so that all that a picture shows can be found there, and a stored transcript can be drawn as well.
//
// 1. Flights, events and faults are in the order of the transcript; names are positions in tables.
// 2. A claim is one owner's hold of a key, told apart by owner and epoch. It lasts as long as a running node shows it.
// 3. At most HistoryLimits::most flights and events are kept; claims, incarnations and faults that last are all kept.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/time.h"
#include "sim/plan/plan.h"

namespace meshdict::sim {

/// A position in History::keys or History::kinds.
using NameIndex = std::uint32_t;

/// A frame from its sending to one of its arrivals.
struct Flight {
  /// The number of the frame; two flights have the same when it arrived twice.
  std::uint64_t number = 0;
  std::uint64_t conn = 0;
  NodeIndex from = kNobody;
  NodeIndex to = kNobody;
  Duration sent{};
  /// Nothing: lost, or on its way at the end.
  std::optional<Duration> arrived;
  NameIndex kind = 0;
  /// Bytes before compression.
  std::uint64_t size = 0;
  std::string id;
  std::vector<NameIndex> keys;
  /// The line of the sending in the transcript.
  std::uint64_t line = 0;
  std::uint64_t arrival_line = 0;  ///< 0: none
};

enum class EventType : std::uint8_t {
  kOperation,   ///< a step: what a client asks for
  kOutcome,     ///< and what came of it
  kFault,       ///< a step: what befalls nodes and network
  kExpect,      ///< a step: what must be true
  kRaised,      ///< by a node's engine
  kConnection,  ///< a node's end of a connection
  kLife,        ///< a process begins or ends
  kRecord,      ///< what a node holds for a key
  kViolated,
};
inline constexpr std::size_t kEventTypes = 9;
/// "operation", "outcome", ...
std::string_view name_of(EventType type);

struct HistoryEvent {
  EventType type = EventType::kRaised;
  Duration at{};
  /// The nodes that it concerns; none: the whole mesh.
  std::vector<NodeIndex> nodes;
  std::vector<NameIndex> keys;
  std::string text;
  std::uint64_t line = 0;
};

struct DownTime {
  NodeIndex node = 0;
  Duration from{};
  Duration until{};
};

struct PartitionTime {
  Duration from{};
  Duration until{};
  /// The group of each node.
  std::vector<std::uint32_t> group;
};

/// A fault that lasts, other than a partition: a pause, a cut, a full disk, ...
struct Trouble {
  std::string what;
  std::vector<NodeIndex> nodes;
  Duration from{};
  Duration until{};
};

struct Claim {
  NameIndex key = 0;
  /// A node's name, or the start of an id.
  std::string owner;
  NodeIndex owner_node = kNobody;
  std::uint64_t epoch = 0;
  Duration from{};
  /// When the last node ceased to show it, or the end of the run.
  Duration until{};
  /// When its owner ceases to trust the lease, and when the last of the others ceases to wait for it.
  std::optional<Duration> trusted_until;
  std::optional<Duration> held_until;
  /// How many nodes show it, from a moment on.
  std::vector<std::pair<Duration, std::uint32_t>> shown;
  /// What its owner has written, from a moment on.
  std::vector<std::pair<Duration, std::string>> values;
};

struct HistoryLimits {
  Duration from{};
  Duration until = Duration::max();
  /// Flights and events together. When there are more, those are kept that end with the first violation or, without a
  /// violation, the first ones.
  std::size_t most = 100'000;
};

struct History {
  std::string plan;
  std::uint64_t seed = 0;
  /// "150.000000 events 2533 trace ee5af10108f7c78a violations 0"; empty: cut off.
  std::string end_text;
  Duration end{};
  std::uint64_t violations = 0;
  std::vector<std::string> nodes;
  std::vector<std::string> keys;
  std::vector<std::string> kinds;
  std::vector<Flight> flights;
  std::vector<HistoryEvent> events;
  std::vector<DownTime> down;
  std::vector<PartitionTime> partitions;
  std::vector<Trouble> troubles;
  std::vector<Claim> claims;
  /// Flights and events outside the limits.
  std::uint64_t left_out = 0;
  /// All flights that were sent and all events in this span are there.
  Duration whole_from{};
  Duration whole_until{};
};

}  // namespace meshdict::sim
