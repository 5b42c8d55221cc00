#pragma once
// What transports and stores keep to, in production (node/net, node/store) and in the simulator (sim/machines): the core is
// written for worlds of this kind. Where the simulator has another number, both stand here, one beside the other.

#include <cstddef>
#include <cstdint>

#include "core/base/time.h"

namespace meshdict::env_limits {

/// Where a node listens, unless it is told another port.
inline constexpr std::uint16_t kDefaultPort = 44565;

/// How long a closing connection may take to send its queue and to see the peer's end of stream.
inline constexpr Duration kCloseDeadline = 3s;
/// The same of a virtual connection, of which only the queue counts. Longer than production's, so that more of what was sent
/// arrives behind a goodbye; the recorded traces depend on it.
inline constexpr Duration kVirtualCloseDeadline = 5s;

/// The most that one read takes of a connection. One buffer serves all connections of a transport: what is read is handed on
/// at once. Of small records, compressed, it holds some 250, as many as a turn should write. Larger reads save few system
/// calls.
inline constexpr std::size_t kReadBuffer = 4 * 1024;
/// The same of a virtual connection, uncompressed: reads that join as many frames as they can are the harder test.
inline constexpr std::size_t kVirtualReadBuffer = 64 * 1024;

/// Between two syncs of a disk that does not sync each commit: what a power failure can take. Redis's `appendfsync everysec`.
inline constexpr Duration kSyncEvery = 1s;

}  // namespace meshdict::env_limits
