#pragma once
// The clocks of a virtual machine, which may be off, run fast or slow, and jump.

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "core/env/clock.h"
#include "sim/machines/event_queue.h"
#include "sim/plan/limits.h"

namespace meshdict::sim {

/// True time at the start of each run: 2030-01-01 00:00:00 UTC.
inline constexpr WallTime kEpoch{1'893'456'000s};

/// The world's time as one machine's clocks show it. Both clocks run at one rate, which may be wrong. The wall clock may be off
/// and may jump; the monotonic clock begins at the machine's start.
class VirtualClock final : public Clock {
 public:
  /// `wall_offset`: how far the wall clock is ahead; `uptime`: how long the machine has been up.
  VirtualClock(const EventQueue& world, Duration wall_offset, Duration uptime)
      : world_(world), wall_(wall_offset), mono_(uptime), lowest_(wall_offset), highest_(wall_offset) {}

  [[nodiscard]] MonoTime monotonic() const override { return MonoTime(mono_ + elapsed()); }
  [[nodiscard]] WallTime wall() const override { return kEpoch + wall_ + elapsed(); }

  /// When the monotonic clock will show `time`, at the earliest; as things are now.
  [[nodiscard]] Duration world_time(MonoTime time) const {
    const Duration local = time.time_since_epoch() - mono_;
    if (ppm_ == 0) return local;
    // Rounded up, so that the clock shows `time` then; whole millions first, so that nothing overflows.
    const std::int64_t since = (local - since_).count();
    const std::int64_t rate = kMillion + ppm_;
    const std::int64_t whole = since / rate * kMillion;
    return since_ + Duration(whole + (since % rate * kMillion + rate - 1) / rate);
  }

  void jump(Duration by) {
    wall_ += by;
    note();
  }
  void set_rate(std::int64_t ppm) {
    const Duration gained = elapsed() - world_.now();
    wall_ += gained;
    mono_ += gained;
    since_ = world_.now();
    ppm_ = ppm;
    fastest_ = std::max(fastest_, std::abs(ppm));
    note();
  }
  /// The machine starts anew.
  void reboot() { mono_ = -elapsed(); }

  [[nodiscard]] Duration wall_offset() const { return wall_ + elapsed() - world_.now(); }
  /// The extremes of wall_offset() so far.
  [[nodiscard]] Duration lowest_offset() const { return std::min(lowest_, wall_offset()); }
  [[nodiscard]] Duration highest_offset() const { return std::max(highest_, wall_offset()); }
  /// By how much it runs fast now; negative: slow.
  [[nodiscard]] std::int64_t ppm() const { return ppm_; }
  /// The largest error of its rate so far, in parts per million.
  [[nodiscard]] std::int64_t largest_ppm() const { return fastest_; }

 private:
  static constexpr std::int64_t kMillion = 1'000'000;

  /// The world's time, as if the rate had always been this one's since since_.
  [[nodiscard]] Duration elapsed() const {
    if (ppm_ == 0) return world_.now();
    const std::int64_t since = (world_.now() - since_).count();
    return world_.now() + Duration(since / kMillion * ppm_ + since % kMillion * ppm_ / kMillion);
  }
  void note() {
    lowest_ = lowest_offset();
    highest_ = highest_offset();
  }

  const EventQueue& world_;
  Duration wall_;
  Duration mono_;
  Duration since_{};
  std::int64_t ppm_ = 0;
  std::int64_t fastest_ = 0;
  Duration lowest_;
  Duration highest_;
};

/// How far the clocks of two machines have been apart at the most.
inline Duration largest_difference(const VirtualClock& a, const VirtualClock& b) {
  return std::max(a.highest_offset() - b.lowest_offset(), b.highest_offset() - a.lowest_offset());
}

}  // namespace meshdict::sim
