#pragma once
// What can happen next in a world that is explored, as plain data: of which each world knows some acts.

#include <cstdint>

#include "sim/plan/plan.h"

namespace meshdict::sim {

/// First what must happen some time, then what may: faults are those from kReset on.
enum class Act : std::uint8_t {
  // Of a SmallWorld
  kDial,
  kRedial,
  kSay,
  kAccept,
  kDeliver,
  kTick,
  // Of a ClaimWorld, beside `deliver`, `restart` and `time`
  kWrite,
  kErase,
  kTurn,
  kCompare,
  kRestart,
  kTime,
  // Of a SmallWorld
  kReset,
  kHalfOpen,
  kCrash,
  // Of a ClaimWorld
  kLose,
  kRepeat,
};

inline bool is_fault(Act act) {
  return act >= Act::kReset;
}

/// The name of a connection: its dialer, and which of that node's dials it was, from 1. Of a record: its writer, and which of
/// that node's it was.
struct ItemName {
  NodeIndex of = 0;
  std::uint32_t count = 0;
  auto operator<=>(const ItemName&) const = default;
};

struct Choice {
  Act act = Act::kTime;
  NodeIndex node = 0;  ///< who dials, says, hears, ticks, writes, crashes; with half_open: the end that is told
  NodeIndex peer = 0;  ///< with dials and messages: to whom; with compare: with whom
  ItemName item{};     ///< the connection or record, where there is one
  auto operator<=>(const Choice&) const = default;
};

}  // namespace meshdict::sim
