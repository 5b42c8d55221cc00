#pragma once
// Limits that transports and stores keep to, in production (node/net, node/store) and in the simulator (sim/machines): the core
// is written for worlds of this kind. Where the simulator has another number, both stand here, side by side.

#include <cstddef>
#include <cstdint>

#include "core/base/time.h"

namespace meshdict::env_limits {

/// Where a node listens, unless it is told another port.
inline constexpr std::uint16_t kDefaultPort = 44565;

/// How long a closing connection may take to send its queue and to see the peer's end of stream.
inline constexpr Duration kCloseDeadline = 3s;
/// The same for a virtual connection, of which only the queue counts. Longer than production's, so that more of what was sent
/// before a goodbye arrives; the recorded traces depend on it.
inline constexpr Duration kVirtualCloseDeadline = 5s;

/// The most that one read takes from a connection. One buffer serves all connections of a transport: what is read is handed on
/// at once. It holds some 250 small records, compressed: as many as a turn should write. Larger reads save few system calls.
inline constexpr std::size_t kReadBuffer = 4 * 1024;
/// The same for a virtual connection, uncompressed: reads that join as many frames as they can are the harder test.
inline constexpr std::size_t kVirtualReadBuffer = 64 * 1024;

/// Time between two syncs of a disk that does not sync each commit: a power failure can take what was committed in it. As
/// Redis's `appendfsync everysec`.
inline constexpr Duration kSyncEvery = 1s;

}  // namespace meshdict::env_limits
