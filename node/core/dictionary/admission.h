#pragma once
// The right to write a key, and the version of the write. A write finds the key in one of three standings:
//
// A1. Free: unknown, deleted, or its lease lapsed. The writer claims it: epoch + 1 (1 for an unknown key, unless a floor says
//     more), claim start now, sequence 0. Rationale: a node that has seen a claim end stands above it in every merge, whatever
//     the clocks show.
// A2. Ours, and the lease trusted: epoch and claim start stay, sequence + 1; a delete and a creation after it stay in the claim
//     too. Rationale: the fence names the claim, and a holder that keeps writing is still that holder.
//     - A record of an older boot of ours is ours: the owner is the same. Only where sequence + 1 would not win is the key
//       claimed anew: the present record is of a later boot that lost its disk, or of a copied identity.
//     - A write that our clock places before the present record claims anew too. Then our clock had jumped ahead and was
//       corrected: others hold our records as from the future, and what we write now must stand above them when they come back.
// A3. Leased: another node's, and live. The write is refused with the owner and the time left.
// A4. Without leases every key may be written by everybody at any time: the generation stays, the write time grows. A key
//     created after a delete takes generation + 1. So does a write whose time alone would not win over the present record and
//     the future records that are held. Rationale: what a node has received came before what its client writes then.
// A5. While the wall clock is wrong and the guard is on, only what is held is written (W2 in clock_guard.h).
// A6. Every write beats what it replaces, and its epoch has room (largest_epoch()). A write for which there is no room yet is
//     refused, with the time that our clock is behind.
// A7. An owner may give up what it holds (M1 in claim_marks.h), and an operator may take what another holds: by a claim, with
//     epoch + 1 and the mark of M2.
//
// Not thread-safe. Cost: O(1), one SHA-256 of the value for a write, and without leases O(log n) of the future records.

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "core/base/ids.h"
#include "core/base/time.h"
#include "core/dictionary/clock_guard.h"
#include "core/dictionary/config.h"
#include "core/dictionary/future_records.h"
#include "core/dictionary/lease_terms.h"
#include "core/dictionary/tombstones.h"
#include "core/dictionary/write_error.h"
#include "core/encoding/msgpack.h"
#include "core/record/hlc.h"
#include "core/record/table.h"
#include "core/record/version.h"

namespace meshdict {

/// How a write finds a key.
enum class Standing : std::uint8_t {
  kFree,
  kContinues,  ///< the claim is the writer's
  kLeased,
  kRival,  ///< of a plain store: it overwrites another of its second
};

class Admission {
 public:
  /// All outlive this.
  Admission(const DictionaryConfig& config, const LeaseTerms& terms, HybridClock& hlc, const Tombstones& tombstones,
            const FutureRecords& future, const ClockGuard& guard);

  /// Whether a write of ours would be admitted now. `present`: the key's record.
  [[nodiscard]] std::expected<void, WriteError> check(std::string_view key, const std::optional<Record>& present) const;

  [[nodiscard]] Standing standing(const std::optional<Record>& present, const NodeId& writer) const;
  /// What a plain store finds; `seconds` is its time. As for any writer, but where py2p nodes hold the key its own rules count
  /// (plain.h).
  [[nodiscard]] Standing standing_of_plain(const std::optional<Record>& present, const NodeId& writer,
                                           std::int64_t seconds) const;

  struct Write {
    Version version;
    /// The age of what is written: more than 0 when the claim's time is not the clock's (W2 in clock_guard.h).
    Duration age{};
  };
  /// The version of a write of ours, which takes note of its time. REQUIRES: check() admits it.
  [[nodiscard]] Write next_write(std::string_view key, const std::optional<Record>& present, RawView value,
                                 RecordKind kind);

  /// Whether a claim of ours would be admitted now, although the key may be leased: for taking().
  [[nodiscard]] std::expected<void, WriteError> check_claim(std::string_view key,
                                                            const std::optional<Record>& present) const;
  /// The write that gives up what we hold (M1 in claim_marks.h). REQUIRES: `held` is ours, and its lease trusted.
  [[nodiscard]] std::expected<Write, WriteError> giving_up(std::string_view key, const Record& held);
  /// The claim by which an operator takes what another holds (M2). REQUIRES: check_claim() admits it.
  [[nodiscard]] Write taking(std::string_view key, const Record& held);

  /// The largest epoch that a new claim of the key must stand above.
  [[nodiscard]] Epoch highest_epoch(std::string_view key, const std::optional<Record>& present) const;

 private:
  [[nodiscard]] std::expected<void, WriteError> check_epoch(std::string_view key,
                                                            const std::optional<Record>& present) const;
  [[nodiscard]] Epoch epoch_above(std::string_view key, const std::optional<Record>& present,
                                  const Version* waiting) const;
  [[nodiscard]] Hlc time_of_write(const std::optional<Record>& present);
  [[nodiscard]] Version write_by_clock(std::string_view key, const std::optional<Record>& present, RawView value,
                                       RecordKind kind);
  [[nodiscard]] Write write_by_claims_time(std::string_view key, const Record& held, RawView value, RecordKind kind);
  [[nodiscard]] bool is_lost_in_its_second(const Version& held, Hlc now) const;

  const DictionaryConfig& config_;
  const LeaseTerms& terms_;
  HybridClock& hlc_;
  const Tombstones& tombstones_;
  const FutureRecords& future_;
  const ClockGuard& guard_;
};

}  // namespace meshdict
