#pragma once
// What all members of a mesh must agree on: leasing, and the times by which they reckon.
//
// The name of the network tells whether there are leases, and the hello carries lease, settle, skew and horizon; a node
// that differs in one of them is refused. Whatever has these settings (the dictionary, the engine, a node of the simulator)
// derives from this struct, so that each default stands here only.

#include <cstdint>
#include <expected>
#include <string>

#include "core/base/time.h"
#include "core/limits.h"
#include "core/record/version.h"

namespace meshdict {

struct MeshSettings {
  Leasing leasing = Leasing::kOn;
  /// How long a claim stays exclusive after its last write. An hour, as the product was asked for.
  Duration lease = 3600s;
  /// D: the longest delay of a message between two members that promises about settled holders rely on (guess: some hops over
  /// slow lines).
  Duration settle = 2s;
  /// The largest difference of two members' wall clocks.
  Duration skew = limits::kClockSkew;
  /// How long tombstones are compared (guess: a machine that is off overnight).
  Duration horizon = 24h;
  /// The largest rate error of a monotonic clock, in parts per million: NTP's bound (RFC 5905). The hello does not carry it.
  std::int64_t drift_ppm = 500;

  /// Sets the lease, and lowers skew and D to at most a tenth of it, so that margins stay small beside it. Raises the horizon to
  /// what it needs. Members that were given the same lease agree on all four.
  void set_lease(Duration length);
};

/// What an owner stops early by, and others wait longer by.
[[nodiscard]] Duration lease_margin(const MeshSettings& settings);

/// Settings that no member can work with.
struct SettingsFault {
  enum class Setting : std::uint8_t { kLease, kHorizon };
  Setting setting = Setting::kLease;
  std::string what;  ///< for people

  [[nodiscard]] const std::string& describe() const { return what; }
};

/// Error unless lease >= 8 x margin (without leases never an error). Rationale: the owner stops a margin early, and others wait
/// a margin longer. With larger margins the owner would trust its lease for too short a time to work with.
[[nodiscard]] std::expected<void, SettingsFault> check_lease(const MeshSettings& settings);

/// Error unless horizon >= 8 x skew and, with leases, horizon >= lease + 2 x margin. Rationale: a tombstone is compared for a
/// horizon less the skew, by clocks that may differ by it, and most of that must be left for two nodes to meet in; and who was
/// apart for longer than deletions are compared comes back without a lease that anybody could still trust.
[[nodiscard]] std::expected<void, SettingsFault> check_horizon(const MeshSettings& settings);

}  // namespace meshdict
