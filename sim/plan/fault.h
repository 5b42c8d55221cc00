#pragma once
// The kinds of faults that a world has, each with a name, the YAML that makes it, and a count of how often it took effect. A
// step that finds nothing to break does not count.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace meshdict::sim {

enum class Fault : std::uint8_t {
  kPartition,
  kCut,
  kOneWayCut,
  kLatency,
  kJitter,
  kBandwidth,
  kFragments,
  kJoinedReads,
  kSlowReader,
  kReset,
  kOneSidedReset,
  kResetInsideFrame,
  kHalfOpen,
  kRefusedDial,
  kLostDial,
  kCrossedDials,
  kStorm,
  kBitFlip,
  kTruncatedFrame,
  kRepeatedFrame,
  kStaleFrame,
  kCrash,
  kSilentCrash,
  kPowerFailure,
  kRestart,
  kRestartWithoutDisk,
  kRestartWithIdentityOnly,
  kClone,
  kFullDisk,
  kSlowDisk,
  kPause,
  kClockSkew,
  kClockRate,
  kClockForward,
  kClockBackward,
};
inline constexpr std::size_t kFaults = static_cast<std::size_t>(Fault::kClockBackward) + 1;

/// How often each took effect in a run.
class FaultCounts {
 public:
  std::uint64_t& operator[](Fault fault) { return counts_[static_cast<std::size_t>(fault)]; }
  std::uint64_t operator[](Fault fault) const { return counts_[static_cast<std::size_t>(fault)]; }

 private:
  std::array<std::uint64_t, kFaults> counts_{};
};

struct FaultInfo {
  Fault fault = Fault::kPartition;
  /// In results: "one_way_cut".
  std::string_view name;
  /// An example of what makes it.
  std::string_view yaml;
  /// What it does.
  std::string_view meaning;
  /// When it has taken effect.
  std::string_view counted;
};

/// All, in the order of the enumeration.
std::span<const FaultInfo> fault_infos();
const FaultInfo& info_of(Fault fault);

}  // namespace meshdict::sim
