#include "core/record/clock_offsets.h"

#include <algorithm>
#include <cassert>
#include <ranges>

#include "core/limits.h"

namespace meshdict {
namespace {

// What rounding down to milliseconds leaves open.
constexpr Duration kOneReading = 1ms;

Duration gap_between(MonoTime mono, WallTime wall) {
  return wall.time_since_epoch() - mono.time_since_epoch();
}

}  // namespace

std::string_view to_string(ClockStanding standing) {
  switch (standing) {
    case ClockStanding::kUnknown:
      return "unknown";
    case ClockStanding::kWithin:
      return "ok";
    case ClockStanding::kAhead:
      return "ahead";
    case ClockStanding::kBehind:
      return "behind";
  }
  return "unknown";
}

void ClockOffsets::heard(const NodeId& peer, std::int64_t unix_ms, MonoTime asked, MonoTime heard) {
  assert(asked <= heard && unix_ms >= 0 && unix_ms >> 48 == 0);
  const Duration shown = std::chrono::milliseconds(unix_ms);
  const Reading fresh{
      .low = shown - heard.time_since_epoch(), .high = shown + kOneReading - asked.time_since_epoch(), .taken = heard};
  auto& readings = neighbours_[peer].readings;
  const bool was_set = std::ranges::any_of(readings, [&](const Reading& reading) {
    const Reading earlier = aged(reading, heard);
    return earlier.high < fresh.low || fresh.high < earlier.low;
  });
  if (was_set) readings.clear();
  if (readings.size() >= limits::kClockReadings) readings.pop_front();
  readings.push_back(fresh);
}

bool ClockOffsets::has_stepped(MonoTime now, WallTime wall) const {
  return !gap_ || std::chrono::abs(gap_between(now, wall) - *gap_) > limits::kClockStep;
}

ClockOffsets::Reading ClockOffsets::aged(const Reading& reading, MonoTime now) const {
  // Seconds first: years in microseconds times a rate could overflow.
  const std::int64_t seconds = std::chrono::ceil<std::chrono::seconds>(now - reading.taken).count();
  const Duration drift(std::max<std::int64_t>(0, seconds) * 2 * drift_ppm_);
  return {.low = reading.low - drift, .high = reading.high + drift, .taken = reading.taken};
}

ClockOffset ClockOffsets::offset_of(const Neighbour& neighbour, MonoTime now, WallTime wall) const {
  const Reading newest = aged(neighbour.readings.back(), now);
  Reading best = newest;
  for (const Reading& reading : neighbour.readings) {
    const Reading one = aged(reading, now);
    if (one.high - one.low < best.high - best.low) best = one;
  }
  // Its clock may have been set by so little that the best does not show it: only the newest is sure to hold the truth.
  const Duration middle = best.low + (best.high - best.low + Duration(1)) / 2;
  const Duration error = std::max(middle - newest.low, newest.high - middle);
  return {.ahead = middle - gap_between(now, wall), .error = error};
}

ClockStanding ClockOffsets::standing_of(const ClockOffset& offset, ClockStanding before) const {
  if (offset.ahead - offset.error > skew_) return ClockStanding::kAhead;
  if (-offset.ahead - offset.error > skew_) return ClockStanding::kBehind;
  if (offset.ahead > skew_ && before == ClockStanding::kAhead) return before;
  if (-offset.ahead > skew_ && before == ClockStanding::kBehind) return before;
  return ClockStanding::kWithin;
}

std::vector<ClockOffsets::Change> ClockOffsets::judge(MonoTime now, WallTime wall) {
  gap_ = gap_between(now, wall);
  std::vector<Change> changes;
  std::vector<ClockOffset> offsets;
  offsets.reserve(neighbours_.size());
  std::size_t ahead = 0;
  std::size_t behind = 0;
  for (auto& [peer, neighbour] : neighbours_) {
    const ClockOffset offset = offset_of(neighbour, now, wall);
    const ClockStanding standing = standing_of(offset, neighbour.standing);
    const bool to_be_told = standing != neighbour.standing && (is_beyond(standing) || is_beyond(neighbour.standing));
    neighbour.standing = standing;
    if (to_be_told) changes.push_back({.peer = peer, .clock = {.standing = standing, .offset = offset}});
    ahead += standing == ClockStanding::kAhead ? 1U : 0U;
    behind += standing == ClockStanding::kBehind ? 1U : 0U;
    offsets.push_back(offset);
  }
  const ClockStanding before = own_.standing;
  own_ = {};
  if (!offsets.empty()) {
    std::ranges::sort(offsets, {}, &ClockOffset::ahead);
    // Of two in the middle the one that is nearer: of an odd one out it says less that is wrong.
    const ClockOffset& low = offsets[(offsets.size() - 1) / 2];
    const ClockOffset& high = offsets[offsets.size() / 2];
    const ClockOffset& median = std::chrono::abs(low.ahead) <= std::chrono::abs(high.ahead) ? low : high;
    own_.offset = {.ahead = -median.ahead, .error = median.error};
    own_.standing = 2 * behind > offsets.size()  ? ClockStanding::kAhead
                    : 2 * ahead > offsets.size() ? ClockStanding::kBehind
                                                 : ClockStanding::kWithin;
  }
  if (own_.standing != before && (is_beyond(own_.standing) || is_beyond(before))) {
    changes.push_back({.peer = {}, .clock = own_});
  }
  return changes;
}

ClockView ClockOffsets::of(const NodeId& peer, MonoTime now, WallTime wall) const {
  const auto found = neighbours_.find(peer);
  if (found == neighbours_.end()) return {};
  return {.standing = found->second.standing, .offset = offset_of(found->second, now, wall)};
}

void ClockOffsets::sanity_check() const {
  assert(neighbours_.size() <= limits::kMaxNeighbours);
  for (const auto& [peer, neighbour] : neighbours_) {
    assert(!neighbour.readings.empty() && neighbour.readings.size() <= limits::kClockReadings);
    assert(std::ranges::all_of(neighbour.readings, [](const Reading& one) { return one.low <= one.high; }));
  }
}

}  // namespace meshdict
