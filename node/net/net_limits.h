#pragma once
// Every bound of the real network, with its reason. What it has in common with the simulator's is in core/env/limits.h.

#include <cstddef>

#include "core/base/time.h"

namespace meshdict::net_limits {

/// Frames gathered into one write. Far below IOV_MAX (1,024), and enough to fill a socket buffer with small frames.
inline constexpr std::size_t kGather = 64;
/// Bytes that a kernel holds unsent for one connection; what is beyond waits here. Enough for a fast line to go on until the
/// loop comes round (a quarter of a millisecond at 10 Gbit/s), on a slow one the delay of a small message behind a transfer.
inline constexpr int kNotSentLowWater = 256 * 1024;
/// Closing connections kept at a time; beyond it the oldest is cut. Each holds a file descriptor.
inline constexpr std::size_t kMaxClosing = 256;
/// Pause after an accept has failed, mostly for want of file descriptors. Long enough not to spin, short enough that no
/// client's own timeout runs out.
inline constexpr Duration kAcceptBackoff = 100ms;
/// Connections that the kernel may hold for us before we accept them.
inline constexpr int kBacklog = 1'024;
/// Handlers run before a turn of the loop ends: bounds how long a reply waits for its commit.
inline constexpr std::size_t kHandlersPerTurn = 512;
/// Staged writes from which on no other handler is begun: committing so many scattered ones takes some 5 ms of processor
/// time.
inline constexpr std::size_t kWritesPerTurn = 256;
/// Time after a turn's first handler, with which a wait may have ended, from when on no other is begun. What they stage has
/// still to be committed, which takes about as long again: together below the 10 ms for which a node may keep everybody
/// waiting (bench/late_joiner).
inline constexpr Duration kTurnBudget = 2ms;
/// Time that a stopping node gives its goodbyes and last replies.
inline constexpr Duration kStopDeadline = 3s;

}  // namespace meshdict::net_limits
