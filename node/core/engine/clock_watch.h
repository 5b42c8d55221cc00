#pragma once
// Whether our wall clock can be relied on: what is measured goes to ClockOffsets, and its verdict to the dictionary and to the
// observer.
//
// 1. The dictionary always has the latest judgement of our clock.
// 2. Each change of standing is told once.
// 3. A wall clock that was set is noticed with the next input, and before anything is written: call look() there.
//
// Not thread-safe.

#include <cstdint>

#include "core/base/ids.h"
#include "core/base/time.h"
#include "core/dictionary/dictionary.h"
#include "core/engine/event.h"
#include "core/env/clock.h"
#include "core/record/clock_offsets.h"

namespace meshdict {

class ClockWatch {
 public:
  /// The references outlive this. `drift_ppm`: largest rate error of one monotonic clock, parts per million.
  ClockWatch(Duration skew, std::int64_t drift_ppm, const Clock& clock, Dictionary& dictionary, Observer& observer)
      : clock_(clock), dictionary_(dictionary), observer_(observer), offsets_(skew, drift_ppm) {}

  /// A neighbour's wall clock showed `unix_ms` at some moment since `asked`.
  void heard(const NodeId& peer, std::int64_t unix_ms, MonoTime asked);
  /// The peer is no neighbour any more: judge() without it.
  void forget(const NodeId& peer) { offsets_.forget(peer); }
  /// Judges anew if the wall clock was set.
  void look();
  void judge();

  [[nodiscard]] const ClockView& own() const { return offsets_.own(); }
  [[nodiscard]] ClockView of(const NodeId& peer) const;
  void sanity_check() const { offsets_.sanity_check(); }

 private:
  const Clock& clock_;
  Dictionary& dictionary_;
  Observer& observer_;
  ClockOffsets offsets_;
};

}  // namespace meshdict
