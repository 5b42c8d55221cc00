#pragma once
// Every bound of the HTTP endpoint, with its reason.

#include <chrono>
#include <cstddef>

namespace meshdict::http_limits {

/// Connections at a time: some browsers with six each, scrapers and probes. One more is answered 503.
inline constexpr std::size_t kMaxConnections = 64;
/// A request's head, from its first letter to its empty line: what other servers take (nginx and Apache: 8 KiB).
inline constexpr std::size_t kMaxHead = 8 * 1024;
/// Of one read; with it and the head all is said that is kept of what a client sends.
inline constexpr std::size_t kReadBuffer = 4 * 1024;
/// From the first byte of a head to its last, or to the first byte of a connection. A person with telnet may take so long.
inline constexpr std::chrono::seconds kHeadPatience{10};
/// Between two requests of one connection: longer than most intervals at which metrics are fetched.
inline constexpr std::chrono::seconds kIdlePatience{75};
/// For one whole answer to leave. The largest is some 300 KB.
inline constexpr std::chrono::seconds kAnswerPatience{30};
/// While what a client still sends is read away, so that it gets to read why it is hung up on, and how much of that.
inline constexpr std::chrono::seconds kDiscardFor{2};
inline constexpr std::size_t kMaxDiscarded = 1024 * 1024;
/// After an answer no other is made for so many times as long as it took: all requests together have a fifth of the loop at most.
inline constexpr int kRestPerAnswer = 4;

/// Keys on one page of /keys: what is asked for, and the most.
inline constexpr std::size_t kKeys = 100;
inline constexpr std::size_t kMaxKeys = 200;
/// Records that are looked at for one page, deletions included: below a millisecond.
inline constexpr std::size_t kMaxLooks = 4'096;
/// Bytes of keys and values on one page: with what stands around them, some 4 ms to write as JSON. Reached with long texts only.
inline constexpr std::size_t kMaxKeysText = 64 * 1024;
/// Neighbours that /status and /metrics name one by one: all that a node can have.
inline constexpr std::size_t kMaxNeighbours = 256;
/// Earlier neighbours that /status names.
inline constexpr std::size_t kMaxDeparted = 32;
/// Conflicts that one answer tells: the rest is asked for with the number of the last.
inline constexpr std::size_t kMaxConflicts = 64;
/// Names that the operator may give with --http-host.
inline constexpr std::size_t kMaxHosts = 32;

}  // namespace meshdict::http_limits
