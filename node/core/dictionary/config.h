#pragma once
// What a dictionary is told at its start, and what of that cannot work.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "core/base/ids.h"
#include "core/base/time.h"
#include "core/limits.h"
#include "core/record/version.h"

namespace meshdict {

struct DictionaryConfig {
  NodeId self{};
  std::uint64_t boot = 0;
  std::vector<std::uint64_t> earlier_boots{};  ///< incarnations before this one, by the same store
  Leasing leasing = Leasing::kOn;
  Duration lease = 3600s;
  Duration skew = 30s;     ///< largest difference of two members' clocks
  Duration settle = 2s;    ///< D: the longest delay of a message between two members
  Duration horizon = 24h;  ///< how long tombstones are compared
  /// Tombstones that are remembered beyond it.
  std::size_t kept_deletions = limits::kMaxKeptDeletions;
  std::int64_t drift_ppm = 500;  ///< largest rate error of a monotonic clock, parts per million (NTP's bound, RFC 5905)
  bool clock_guard = true;       ///< no key is claimed while our wall clock is wrong
};

/// What an owner stops early by, and others wait longer by.
[[nodiscard]] Duration lease_margin(const DictionaryConfig& config);

/// Error text unless lease >= 8 x margin (always good without leases). Rationale: the margins come off both ends of a
/// lease; with longer ones its owner would trust it for too short a time to work with.
[[nodiscard]] std::expected<void, std::string> check_lease(const DictionaryConfig& config);

/// Error text unless horizon >= 8 x skew. Rationale: a tombstone is compared for a horizon less the skew, by clocks that
/// may differ by it, and most of that must be left for two nodes to meet in.
[[nodiscard]] std::expected<void, std::string> check_horizon(const DictionaryConfig& config);

}  // namespace meshdict
