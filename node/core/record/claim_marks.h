#pragma once
// What a version says of its claim beyond the order: that its owner has given it up, or that an operator has taken the key.
//
// No field was added for either, so that a version says it wherever it goes (on the wire, on disk, in an anti-entropy session), and to
// nodes that do not know of it, too.
//
// M1. Given up: the last write of the claim, with the value that was there, and a write time that lies before the claim's own start
//     by a lease and two margins. Nothing else is written before its claim began. Rationale: the sequence stands above the write
//     time in the order, so it beats all earlier writes of the claim. A member that does not know the mark sees a lease that has
//     lapsed: its age is more than a lease and a margin by any clock within the skew. The next claim takes epoch + 1, as always.
// M2. Taken: the sequences of such a claim begin at kFirstOfTaken instead of 0. Members that do not know the mark see large
//     numbers. Rationale: who holds the older claim, and every log, is to know that this was no accident, however late it hears.

#include <utility>

#include "core/base/numbers.h"
#include "core/record/mesh_settings.h"
#include "core/record/version.h"

namespace meshdict {

/// M1.
inline bool is_given_up(const Version& version) {
  return version.written < version.claim_start;
}
/// The write time that gives up a claim of this start. A start of the first hours of 1970 has none.
inline Hlc time_of_giving_up(Hlc claim_start, const MeshSettings& settings) {
  const Duration start = std::chrono::milliseconds(claim_start.unix_ms());
  return reading_of(start - std::chrono::ceil<std::chrono::milliseconds>(settings.lease + 2 * lease_margin(settings)));
}
/// When the claim was last seen to be held, at the least: never before its start.
inline Hlc last_held(const Version& version) {
  return is_given_up(version) ? version.claim_start : version.written;
}

/// M2. The sequence of a plain store is a reading of a clock, which is smaller (kLatestMs).
inline constexpr Sequence kFirstOfTaken{std::uint64_t{1} << 63};
inline bool is_taken(const Version& version) {
  return version.sequence >= kFirstOfTaken;
}

}  // namespace meshdict
