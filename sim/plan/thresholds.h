#pragma once
// Where the core begins to behave otherwise, and how near a run has come to that.
//
// A threshold is a deadline, a lifetime, a bound or a size of core/limits.h or of the mesh's settings. Promises hold on both
// sides of it, so a sweep must reach both. A run measures quantities, and counts for each threshold how often its quantity was
// a little below it and how often beyond. A test holds this table against limits.h: each constant there has a threshold here or
// a reason why it has none, and 2,000 plans of the swarm reach both sides of each threshold.
//
// Nothing here is part of the trace hash. Not thread-safe.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/base/time.h"
#include "sim/plan/plan.h"

namespace meshdict::sim {

/// What is measured. Times in microseconds.
enum class Quantity : std::uint8_t {
  kRoundTrip,     ///< twice the way of a frame from its departure to its arrival
  kFlight,        ///< of a frame, from its sending to its arrival, partitions included
  kCarrying,      ///< of a frame, from its first byte to its last
  kGap,           ///< between two arrivals on one end of a connection
  kStall,         ///< in which something was on its way to one end of a connection and nothing arrived
  kDialling,      ///< from a dial to its answer
  kAbsence,       ///< of a node that is down or stands still, or of a side that is cut off
  kParting,       ///< since a user has parted two nodes, until they connect again or the run ends
  kClockError,    ///< of a wall clock against another
  kClockJump,     ///< of a wall clock, in either direction
  kLineRate,      ///< bytes a second of a line with limited bandwidth
  kKeySize,       ///< of a write, bytes
  kValueSize,     ///< of a write, bytes
  kFrameSize,     ///< uncompressed, bytes
  kBacklog,       ///< bytes that wait to leave on one connection
  kKeysAtOnce,    ///< of one write
  kWrittenAhead,  ///< keys that a node has written while its clock was beyond the skew
  kKeys,          ///< that one node shows at the end
  kMembers,       ///< nodes of a mesh
  kNeighbours,    ///< of one node
  kLinksOfPair,   ///< dials of a pair at one moment
  kLives,         ///< of a node, on one disk
  kRivals,        ///< nodes that have written one key
  kClaimAge,      ///< since its last write, when another writes the key
  kConfirming,    ///< from a write to a neighbour's confirmation
  kHeldWhispers,  ///< to one node, none of whose neighbours knows it yet
  kHeldFor,       ///< such a whisper, until it leaves or is given up
  kOldDeletions,  ///< keys deleted before the horizon
};

struct Threshold {
  /// The name in limits.h or in the settings, without a "k".
  std::string_view constant;
  Quantity quantity{};
  /// Whether anything can lie beyond it: nothing can if what is beyond is refused at once.
  enum class Sides : std::uint8_t { kBoth, kUpTo } sides = Sides::kBoth;
  std::int64_t (*value)(const NodePlan& settings) = nullptr;
};
/// By quantity.
std::span<const Threshold> thresholds();
inline constexpr std::size_t kThresholds = 45;

/// A constant of limits.h that has no threshold, and why.
struct Unmeasured {
  std::string_view constant;
  std::string_view why;
};
std::span<const Unmeasured> unmeasured();

/// How often a quantity came near one threshold.
struct Crossing {
  /// How often it was between a quarter of the threshold and the whole. For one with kUpTo: how often it came near it.
  std::uint64_t below = 0;
  std::uint64_t above = 0;
  bool operator==(const Crossing&) const = default;
};
using Crossings = std::array<Crossing, kThresholds>;

/// Counts crossings of one run.
class Reach {
 public:
  explicit Reach(const NodePlan& settings);

  void saw(Quantity quantity, std::int64_t amount);
  void saw(Quantity quantity, Duration amount) { saw(quantity, amount.count()); }
  /// In the order of thresholds().
  [[nodiscard]] const Crossings& crossings() const { return crossings_; }

 private:
  std::array<std::int64_t, kThresholds> values_{};
  Crossings crossings_{};
};

/// Whether both sides were reached, or the only one where there is one.
bool is_crossed(const Threshold& threshold, const Crossing& crossing);

}  // namespace meshdict::sim
