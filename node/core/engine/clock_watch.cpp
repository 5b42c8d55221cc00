#include "core/engine/clock_watch.h"

namespace meshdict {

void ClockWatch::heard(const NodeId& peer, std::int64_t unix_ms, MonoTime asked) {
  offsets_.heard(peer, unix_ms, asked, clock_.monotonic());
  judge();
}

void ClockWatch::look() {
  if (!offsets_.has_stepped(clock_.monotonic(), clock_.wall())) return;
  judge();
  dictionary_.clock_was_set();
}

void ClockWatch::judge() {
  const auto changes = offsets_.judge(clock_.monotonic(), clock_.wall());
  dictionary_.set_clock(offsets_.own());
  for (const ClockOffsets::Change& change : changes) {
    observer_.on_event(ClockJudged{.peer = change.peer, .clock = change.clock});
  }
}

ClockView ClockWatch::of(const NodeId& peer) const {
  return offsets_.of(peer, clock_.monotonic(), clock_.wall());
}

}  // namespace meshdict
