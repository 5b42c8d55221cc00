#pragma once
// Bounds of what works on the data directory of a node that does not run, each with its reason.

#include <chrono>
#include <cstddef>

namespace meshdict::offline_limits {

/// Bytes of one line of an export: the largest value that there is, all of it escaped (six bytes for one), with its key.
inline constexpr std::size_t kMaxLine = 32 << 20;
/// Bytes that are read and written at a time.
inline constexpr std::size_t kPiece = 1 << 16;
/// How often a terminal is told how far it has come: as fast as people read numbers.
inline constexpr std::chrono::milliseconds kTellEvery{200};
/// Lines about damaged records at the most: there may be a million.
inline constexpr std::size_t kToldRecords = 100;

}  // namespace meshdict::offline_limits
