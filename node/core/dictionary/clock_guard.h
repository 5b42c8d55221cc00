#pragma once
// What a node does while its wall clock is wrong. While its clock is ahead of the others', what it writes is from the future to
// them; while it is behind, the node does not see what they write. Either way its claims mean little. As long as the neighbours
// say that the clock is wrong (clock_offsets.h):
//
// W1. None of its claims is settled.
// W2. With the guard on it claims no key, and in a claim that it trusts it goes on by the claim's own time: the last write time
//     plus what has passed since on the monotonic clock, at most the neighbours' time. Rationale: an owner can then keep and
//     release what it holds, everybody sees it at once, and the lease is as long as it would have been. With the guard off it
//     writes by its own clock.
// W3. Once the neighbours say that the clock is right, our records that lie in the future by it are written again, under a new
//     claim, with the time at which they were made: now less their age on the monotonic clock. Rationale: others would not see
//     them before their time. The lease does not grow. The age of those from before a restart is unknown, and they count as
//     made a lease before it. None is written again while nobody says that the clock is right: it may also have been set back
//     by mistake.
//
// Order of calls: set_view() and clock_was_set() as things happen; while is_writing_again(), next_to_write_again() in each turn.
// Not thread-safe.
//
// Cost: looks at up to limits::kSweepItems items in one go, and at none unless some lie in the future.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "core/dictionary/config.h"
#include "core/dictionary/lease_terms.h"
#include "core/env/clock.h"
#include "core/record/clock_offsets.h"
#include "core/record/hlc.h"
#include "core/record/reconcile_set.h"
#include "core/record/table.h"
#include "core/record/version.h"

namespace meshdict {

class ClockGuard {
 public:
  /// `items` are those of a RecordTable and of FutureRecords. All outlive this.
  ClockGuard(const DictionaryConfig& config, const LeaseTerms& terms, const Clock& clock, const HybridClock& hlc,
             const ReconcileSet& items);

  /// What the neighbours say of our wall clock.
  void set_view(const ClockView& ours);
  /// The wall clock was set: other records than before lie in the future by it.
  void clock_was_set() { plan(); }

  [[nodiscard]] bool is_wrong() const { return is_beyond(view_.standing); }
  [[nodiscard]] bool forbids_claims() const { return config_.clock_guard && is_wrong(); }
  /// How far our clock is ahead of the median neighbour's; negative: behind. Meaningless unless is_wrong().
  [[nodiscard]] Duration ahead() const { return view_.offset.ahead; }

  /// The time of a further write in a claim of ours (W2).
  [[nodiscard]] Hlc time_in_claim(const Record& held) const;

  /// Whether there may be records to write again (W3).
  [[nodiscard]] bool is_writing_again() const { return next_.has_value(); }
  /// The keys of some of them, each once. REQUIRES: is_writing_again().
  [[nodiscard]] std::vector<std::string> next_to_write_again();
  /// The version under which a record is written again, of this epoch; nothing when there is no room for that epoch: the record
  /// waits for its time.
  [[nodiscard]] std::optional<Version> written_again(const Record& record, Epoch epoch) const;

 private:
  [[nodiscard]] Hlc reading(Duration ahead) const;
  void plan();

  const DictionaryConfig& config_;
  const LeaseTerms& terms_;
  const Clock& clock_;
  const HybridClock& hlc_;
  const ReconcileSet& items_;
  ClockView view_;
  // Items from here on are to be looked at for records of ours.
  std::optional<ReconcileItem> next_;
};

}  // namespace meshdict
