#pragma once
// Every bound of the real network, with its reason. What it has in common with the simulator's is in core/env/limits.h.

#include <cstddef>

#include "core/base/time.h"

namespace meshdict::net_limits {

/// Frames gathered into one write. Far below IOV_MAX (1,024), and enough to fill a socket buffer with small frames.
inline constexpr std::size_t kGather = 64;
/// Bytes that a kernel holds unsent for one connection; more waits in this process. Enough for a fast line until the loop comes
/// round again (a quarter of a millisecond at 10 Gbit/s). On a slow line, a small message waits behind so many bytes of a
/// transfer.
inline constexpr int kNotSentLowWater = 256 * 1024;
/// Closing connections kept at a time; beyond it the oldest is cut. Each holds a file descriptor.
inline constexpr std::size_t kMaxClosing = 256;
/// Pause after an accept has failed, mostly because there are no file descriptors. Long enough not to spin, short enough that
/// no client's own timeout runs out.
inline constexpr Duration kAcceptBackoff = 100ms;
/// Connections that the kernel may hold for us before we accept them.
inline constexpr int kBacklog = 1'024;
/// Handlers run before a turn of the loop ends: bounds how long a reply waits for its commit.
inline constexpr std::size_t kHandlersPerTurn = 512;
/// With so many staged writes no other handler is begun: committing them takes some 5 ms of processor time when they are
/// scattered.
inline constexpr std::size_t kWritesPerTurn = 256;
/// So long after a turn's first handler (which may have ended a wait) no other handler is begun. What the handlers staged must
/// still be committed, which takes about as long again: together less than the 10 ms for which a node may keep everybody
/// waiting (bench/late_joiner).
inline constexpr Duration kTurnBudget = 2ms;
/// Time that a stopping node gives its goodbyes and last replies.
inline constexpr Duration kStopDeadline = 3s;

}  // namespace meshdict::net_limits
