#pragma once
// How old a lease is, and what follows for its owner and for the others.
//
// L1. Age of a lease = (our hybrid clock - its write time at first sight, at least 0) + monotonic time since then. Rationale:
//     wall clocks are compared once; from then on a jump of ours changes nothing, nor does the same write when it comes again
//     under a larger epoch. After a restart our own leases are at least as old as the newest of our writes shows.
// L2. It has lapsed for others when age > lease + margin; its owner trusts it while age <= lease - margin, and then claims anew.
//     Rationale: each side pays for its own error, so that with clocks in bounds the owner stops before anyone else may start.
// L3. Margin: the skew between two clocks, the drift of one over lease + margin, and the millisecond that a reading leaves open.
//     A lease shorter than eight margins is refused at the start (check_lease() in mesh_settings.h).
// L4. A lease that its owner has given up is over for everybody, whatever the clocks say (M1 in claim_marks.h).
//
// Not thread-safe, as the clock is not.

#include <algorithm>

#include "core/base/time.h"
#include "core/dictionary/config.h"
#include "core/env/clock.h"
#include "core/record/claim_marks.h"
#include "core/record/table.h"

namespace meshdict {

class LeaseTerms {
 public:
  /// `clock` outlives this.
  LeaseTerms(const DictionaryConfig& config, const Clock& clock)
      : clock_(clock),
        trusted_(config.lease - lease_margin(config)),
        waited_for_(config.lease + lease_margin(config)) {}

  [[nodiscard]] Duration age(const Record& record) const { return clock_.monotonic() - record.written_here; }
  /// Whether its owner still trusts the lease.
  [[nodiscard]] bool is_trusted(const Record& record) const {
    return !is_given_up(record.version) && age(record) <= trusted_;
  }
  [[nodiscard]] bool has_lapsed_for_others(const Record& record) const {
    return is_given_up(record.version) || is_over(age(record));
  }
  /// The same, of a lease of this age.
  [[nodiscard]] bool is_over(Duration age) const { return age > waited_for_; }

  /// How long its owner still trusts a lease, at least 1 ms.
  [[nodiscard]] Duration left_for_owner(const Record& record) const { return left(trusted_, record); }
  /// How long others must still wait, at least 1 ms.
  [[nodiscard]] Duration left_for_others(const Record& record) const { return left(waited_for_, record); }

 private:
  [[nodiscard]] Duration left(Duration length, const Record& record) const {
    return std::max<Duration>(length - age(record), 1ms);
  }

  const Clock& clock_;
  Duration trusted_;
  Duration waited_for_;
};

}  // namespace meshdict
