#pragma once
// Every bound of what is remembered of a node for those who watch it, with its reason.

#include <chrono>
#include <cstddef>

namespace meshdict::watch_limits {

/// Bytes of a key or value that are shown: some lines of a page.
inline constexpr std::size_t kShownBytes = 256;
/// Bytes of MessagePack that are converted to JSON in order to show its beginning: below 100 us, and what people look at.
inline constexpr std::size_t kConvertedBytes = 2'048;
/// Conflicts that are kept: what a person reads, and with long keys and values 200 KB.
inline constexpr std::size_t kMaxConflicts = 256;
/// For so long after it was last seen is it counted as going on that another process has our identity, or that a node that we dial
/// has other settings. Longer than the longest pause between two dials of an address of --join (a minute).
inline constexpr std::chrono::minutes kGoesOnFor{3};

/// Of a slow command, as Redis has them (SLOWLOG_ENTRY_MAX_ARGC, SLOWLOG_ENTRY_MAX_STRING).
inline constexpr std::size_t kSlowArguments = 32;
inline constexpr std::size_t kSlowArgumentBytes = 128;
/// Slow commands that may be kept: some megabytes at the longest arguments.
inline constexpr std::size_t kMostSlowCommands = 1'024;
/// Seconds with spikes of each kind (Redis's LATENCY_TS_LEN).
inline constexpr std::size_t kLatencySamples = 160;

}  // namespace meshdict::watch_limits
