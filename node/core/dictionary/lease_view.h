#pragma once
// What the command `LEASE key` shows of a key's lease.

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/ids.h"
#include "core/base/numbers.h"
#include "core/base/time.h"

namespace meshdict {

/// How far the owner of a claim may rely on it.
enum class LeaseState : std::uint8_t {
  kForeign,    ///< another node's, and none of ours was lost to it
  kTentative,  ///< ours, younger than 2 D: a rival's claim may be on its way
  kSettled,    ///< ours, and for 2 D since its start we were in contact with the mesh: a rival would have shown itself
  kUnconfirmed,  ///< ours, but without such contact so far
  kLost,         ///< a claim of ours has lost to this record
  kReleased,     ///< its owner, we or another, has given it up: the key is free
};
/// "foreign", "tentative", ...
constexpr std::string_view to_string(LeaseState state) {
  switch (state) {
    case LeaseState::kForeign:
      return "foreign";
    case LeaseState::kTentative:
      return "tentative";
    case LeaseState::kSettled:
      return "settled";
    case LeaseState::kUnconfirmed:
      return "unconfirmed";
    case LeaseState::kLost:
      return "lost";
    case LeaseState::kReleased:
      return "released";
  }
  return "foreign";
}

/// Of a key that has a value, as seen from one node.
struct LeaseView {
  NodeId owner;
  /// Ours: how long we still trust it. Another's: how long we must still wait. At least 1 ms while
  /// held; 0 when lapsed, and without leases.
  Duration left{};
  /// Live, as seen from here.
  bool held = false;
  bool ours = false;
  /// An operator has taken it from an earlier holder.
  bool taken = false;
  LeaseState state = LeaseState::kForeign;
  Epoch epoch = Epoch::kNone;
  std::string fence;
};

}  // namespace meshdict
