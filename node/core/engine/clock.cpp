// Whether our wall clock can be relied on: what is measured goes to ClockOffsets, and what that makes of it to the
// dictionary and to the observer.

#include "core/engine/parts.h"

namespace meshdict {

void Engine::Parts::on_clock(const NodeId& peer, std::int64_t unix_ms, MonoTime asked) {
  clocks_.heard(peer, unix_ms, asked, clock_.monotonic());
  judge_clocks();
}

/// Before anything is written, and after each input: a clock that was set is noticed when it matters.
void Engine::Parts::watch_clock() {
  if (!clocks_.has_stepped(clock_.monotonic(), clock_.wall())) return;
  judge_clocks();
  dictionary_.clock_was_set();
}

void Engine::Parts::judge_clocks() {
  const auto changes = clocks_.judge(clock_.monotonic(), clock_.wall());
  dictionary_.set_clock(clocks_.own());
  for (const ClockOffsets::Change& change : changes) {
    observer_.on_event(ClockJudged{.peer = change.peer, .clock = change.clock});
  }
}

}  // namespace meshdict
