#pragma once
// Versions of records and their total order.
//
// The order is total, so that merging is commutative, associative and idempotent whatever the clocks say; no clock is
// read here. By the first field that differs, the winner has
// - leasing on: the larger epoch; the smaller claim start; the smaller owner; the larger boot; the larger sequence; the
//   larger value hash; the larger write time; the larger kind;
// - leasing off: the larger generation (kept in the epoch's slot); the larger write time; the smaller owner; the larger
//   value hash; the larger boot; the larger sequence; the smaller claim start; the larger kind.
// All fields take part, so that equal means equal in every field.
//
// Rationale: "of overlapping leases the earlier wins, else the later" would be natural, and is not transitive: claims A[0..10],
// B[5..20], C[15..30] beat each other in a circle. The epoch, which grows with each claim of a free key, breaks the circle. Of
// two claims that took the same epoch without knowing of each other the earlier wins, since its writer was answered first; boot
// stands above sequence, since a node that lost its disk counts its sequence anew. The write time stands last: a clock that
// jumps cannot undo the order of an owner's own writes. Without leases nobody owns a key, and the write time is all there is;
// the generation keeps a key that was created anew above its tombstone, whatever the clocks say.
//
// No epoch is larger than its write time, both read as numbers of 64 bits (largest_epoch()). Rationale: no claim could stand
// above the largest epoch of all, and so one record, or one message of floors, would take a key out of use for ever. With this
// bound, an epoch whose number lies in the future belongs to a future record, and is treated like any reading from the future.
// A node takes an epoch only when its own clock has reached that number, and then the next reading of its clock has room for
// the next epoch. A node that follows the rules keeps to the bound whatever the clocks show: a new claim takes one more than
// the epoch that it has seen, at a reading that is at least one more. What keeps its write time while its epoch grows (a claim
// issued again, or a store of py2p) takes an epoch only where there is room. There is plenty: epochs count claims, and even a
// clock that shows the second of January 1970 has room for five million million.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/ids.h"
#include "core/base/numbers.h"
#include "core/record/hlc.h"

namespace meshdict {

enum class RecordKind : std::uint8_t { kValue = 0, kTombstone = 1 };

struct Version {
  /// Leasing on: rises with each new claim; leasing off: the generation.
  Epoch epoch = Epoch::kNone;
  /// When the claim began.
  Hlc claim_start{};
  NodeId owner{};
  /// The owner's boot when it wrote; none for a py2p node.
  Boot boot = Boot::kNone;
  Sequence sequence = Sequence::kFirst;
  /// SHA-256 of the value's bytes as received.
  MessageId value_hash{};
  /// When this version was written.
  Hlc written{};
  RecordKind kind = RecordKind::kValue;

  bool operator==(const Version&) const = default;
};

/// Whether readers see the record: it is no tombstone.
inline bool is_visible(const Version& version) {
  return version.kind == RecordKind::kValue;
}

enum class Leasing : std::uint8_t { kOff = 0, kOn = 1 };

/// The largest epoch that a record of this write time may have.
constexpr Epoch largest_epoch(Hlc written) {
  return Epoch{written.bits};
}
/// The smallest write time with which a record may have this epoch.
constexpr Hlc earliest_write(Epoch epoch) {
  return Hlc{std::to_underlying(epoch)};
}

/// `greater`: `left` wins the merge.
std::strong_ordering compare(const Version& left, const Version& right, Leasing leasing);

enum class VersionField : std::uint8_t {
  kNone,  ///< nothing differs
  kEpoch,
  kGeneration,  ///< without leases, in the epoch's place
  kClaimStart,
  kOwner,
  kBoot,
  kSequence,
  kWriteTime,
  kValueHash,
  kKind,
};
/// Which field decided between two versions.
VersionField deciding_field(const Version& left, const Version& right, Leasing leasing);
/// For people: "epoch", "claim start", "owner", ... ; "equal" for none.
std::string_view to_string(VersionField field);

/// True when both belong to one claim: the same epoch, claim start and owner.
bool same_claim(const Version& left, const Version& right);

/// Widths of a fence. An id of 384 bits needs 48 bytes; the largest text that NodeId takes, 66 digits of base 58, needs
/// 387 bits, and one byte more keeps the order for those too.
inline constexpr std::size_t kFenceOwnerSize = 49;
inline constexpr std::size_t kFenceSize = 8 + 8 + kFenceOwnerSize;

/// Epoch, inverted claim start, inverted owner, big-endian and of fixed width: the memcmp order of fences is the order
/// of claims. An owner's own writes within its claim do not change it.
std::string fence(const Version& version);

}  // namespace meshdict
