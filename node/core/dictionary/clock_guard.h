#pragma once
// A wrong wall clock. What a node writes while its clock is ahead of the others' is from the future to them, and while it is
// behind it does not see what they write: its claims mean little. As long as the neighbours say so (clock_offsets.h):
//
// W1. None of its claims is settled.
// W2. With the guard on it claims no key, and in a claim that it trusts goes on by the claim's own time: the last write time and
//     what has passed since on the monotonic clock, at most the neighbours' time. Rationale: an owner can then keep and release
//     what it holds, everybody sees it at once, and the lease is as long as it would have been. With the guard off it writes by
//     its own clock.
// W3. Once the neighbours say that it is right, the records of ours that lie in the future by it are written again, under a new
//     claim, with the time at which they were made: now less their age on the monotonic clock. Rationale: others would not see
//     them before their time. The lease does not grow. Those of before a restart have an unknown age, and count as made a lease
//     before it. Not while nobody says so: a clock may also have been set back by mistake.
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
  /// It was set: what lies in the future by it is other than before.
  void clock_was_set() { plan(); }

  [[nodiscard]] bool is_wrong() const { return is_beyond(view_.standing); }
  [[nodiscard]] bool forbids_claims() const { return config_.clock_guard && is_wrong(); }
  /// Of the median neighbour's; negative: behind. Meaningless unless is_wrong().
  [[nodiscard]] Duration ahead() const { return view_.offset.ahead; }

  /// The time of a further write in a claim of ours (W2).
  [[nodiscard]] Hlc time_in_claim(const Record& held) const;

  /// Whether there may be records to be written again (W3).
  [[nodiscard]] bool is_writing_again() const { return next_.has_value(); }
  /// The keys of some of them, each once. REQUIRES: is_writing_again().
  [[nodiscard]] std::vector<std::string> next_to_write_again();
  /// Under which version: one of this epoch; nothing, when there is no room for it: the record waits for its time.
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
