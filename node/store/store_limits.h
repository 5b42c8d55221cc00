#pragma once
// Bounds and periods of the store on disk, each with its reason. What it has in common with the simulator's disks is in
// core/env/limits.h.

#include <sys/types.h>

#include <chrono>
#include <cstddef>

namespace meshdict::store_limits {

/// Pages of 4 KiB in the log, 16 MiB: with so many it is merged into the file and begun anew. A merge writes each changed page
/// once and syncs three times: rare enough that this does not show, and short enough that a start after a kill reads the log in
/// no time. While a merge runs, the log grows by what is committed meanwhile.
inline constexpr int kMergePages = 4'096;
/// Pages committed during a merge, 1 MiB, for which the writer may be kept waiting: 2 to 5 ms. When there are more, they are
/// merged first while the writer goes on.
inline constexpr int kWaitPages = 256;
/// Merges in a row at the most. A second one leaves little under loads that the disk can keep up with. More would only let
/// the log grow under those that it cannot (8 of them: from 100 to 300 MiB under the hardest load that was tried), where
/// making the writer wait is right.
inline constexpr int kMergeRounds = 2;
/// Bytes of a merged file that the disk is given at a time. A commit's sync waits behind one such piece: at the most 4.4 ms
/// while 100,000 keys came in; behind the whole file it was 10 ms. The merge takes as long with pieces as without.
inline constexpr off_t kWriteOutBytes = 1 << 20;

/// Pages, 1 MiB, that a backup copies and has written out at a time, for the same reason.
inline constexpr int kCopiedPages = 256;
/// Pages in the log, 1 GiB, at which a backup gives up, since nothing is merged while it runs: some ten seconds of the hardest load that was
/// tried, and so a database of some gigabytes.
inline constexpr int kMostLogPages = 262'144;

/// Pages that SQLite holds in memory, in KiB: the inner nodes for a million keys and the leaves of a turn. A guess that
/// costs 8 bytes a key there.
inline constexpr int kCacheKiB = 8'192;

/// How long one connection waits for the other one of this process: only the end of a merge, some milliseconds, is
/// waited for. More than any disk takes that still works.
inline constexpr std::chrono::milliseconds kBusyWait{30'000};

/// Room that is reserved for the time when the disk is full: what one turn stages at the most in practice (a command of 32 MiB,
/// or some of the largest frames), and deletions from then on.
inline constexpr off_t kReserveBytes = 64 << 20;
/// The least reserve: less would not hold the deletions and the merge that make room again.
inline constexpr off_t kLeastReserveBytes = 1 << 20;
/// On a small disk the reserve is one part in so many of what is free at the start.
inline constexpr off_t kReservePart = 4;
/// On a small disk the log is one part in so many of what is free at the start: a merge may write as much once more, and both
/// must fit what the reserve leaves.
inline constexpr off_t kLogPart = 16;
inline constexpr int kLeastMergePages = 64;
/// Pages, 1 MiB, that a full disk is given back at a time, and how often in a row: some tens of milliseconds a second.
inline constexpr int kGivenBackPages = 256;
inline constexpr int kGivenBackRounds = 16;
/// How often a full disk is asked for the reserve: soon enough for people, seldom enough to cost nothing.
inline constexpr std::chrono::milliseconds kAskForRoomEvery{1'000};

/// Lines about damage at the most: whoever reads them wants to know which keys, and that there is more.
inline constexpr int kToldDamages = 20;

/// Memory for staged writes that is kept from turn to turn. What one turn stages is bounded by the frames and commands that the
/// loop takes in one.
inline constexpr std::size_t kKeptBytes = 1 << 20;

}  // namespace meshdict::store_limits
