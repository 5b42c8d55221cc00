#pragma once
// Hybrid logical clock: Kulkarni, Demirbas et al., "Logical Physical Clocks and Consistent Snapshots in Globally
// Distributed Databases" (2014). 48 bits of Unix milliseconds and a 16-bit counter in one integer.

#include <algorithm>
#include <compare>
#include <cstdint>

#include "core/base/time.h"
#include "core/env/clock.h"

namespace meshdict {

/// A reading. Ordered as its integer.
struct Hlc {
  std::uint64_t bits = 0;

  static constexpr Hlc from_ms(std::int64_t unix_ms) { return {static_cast<std::uint64_t>(unix_ms) << 16}; }
  [[nodiscard]] constexpr std::int64_t unix_ms() const { return static_cast<std::int64_t>(bits >> 16); }
  auto operator<=>(const Hlc&) const = default;
};

/// later - earlier in whole milliseconds; may be negative.
constexpr Duration operator-(Hlc later, Hlc earlier) {
  return std::chrono::milliseconds(later.unix_ms() - earlier.unix_ms());
}

/// The latest time that a wall clock is taken to show, in Unix milliseconds: the year 6429. One bit of the 48 is left unused.
inline constexpr std::int64_t kLatestMs = (std::int64_t{1} << 47) - 1;

/// A time as a reading. A time before 1970, or after kLatestMs, becomes the nearest bound, so that an absurd clock cannot wrap
/// round into the past.
constexpr Hlc reading_of(Duration since_1970) {
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(since_1970).count();
  return Hlc::from_ms(std::clamp<std::int64_t>(ms, 0, kLatestMs));
}

class HybridClock {
 public:
  explicit HybridClock(const Clock& clock) : clock_(clock) {}

  /// A reading larger than all given before, and at least the wall clock's.
  Hlc tick();

  /// What tick() would give if a jump of the wall clock that has been corrected were forgotten.
  [[nodiscard]] Hlc next(Duration allowed_skew) const;

  /// The present reading without advancing: max(last, wall).
  [[nodiscard]] Hlc now() const;
  /// The same, but the wall clock's when this clock is_ahead(allowed_skew).
  [[nodiscard]] Hlc now(Duration allowed_skew) const;

  /// Takes note of a reading from elsewhere. False, and no effect, when it is more than `allowed_skew` ahead of the wall clock:
  /// a record with such a reading is a future record.
  bool observe(Hlc remote, Duration allowed_skew);

  /// How long until observe() will take this reading if the wall clock runs evenly; 0 when it does now.
  [[nodiscard]] Duration until_allowed(Hlc remote, Duration allowed_skew) const;

  /// True when this clock is ahead of the wall clock by more than `allowed_skew`, and a millisecond: the wall clock jumped
  /// and was corrected.
  [[nodiscard]] bool is_ahead(Duration allowed_skew) const;
  /// Forgets all readings: the next is the wall clock's.
  void reset();

 private:
  [[nodiscard]] Hlc wall() const { return reading_of(clock_.wall().time_since_epoch()); }

  const Clock& clock_;
  Hlc last_;
};

}  // namespace meshdict
