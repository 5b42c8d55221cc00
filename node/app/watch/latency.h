#pragma once
// Spikes of the time that things took, as LATENCY shows them: for each kind the last ones, at most one a second.
//
// 1. A spike is what took as long as the threshold, or longer.
// 2. Of one second the longest is kept (as Redis does).

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>

#include "core/base/time.h"
#include "core/env/clock.h"

namespace meshdict {

enum class Spike : std::uint8_t {
  kCommand,  ///< one command of a client
  kTurn,     ///< a turn of the loop: nobody else was served meanwhile
  kCommit,   ///< the loop waited for the disk
};
inline constexpr std::array kAllSpikes{Spike::kCommand, Spike::kTurn, Spike::kCommit};
/// "command", ...
std::string_view to_string(Spike kind);
std::optional<Spike> spike_named(std::string_view name);

class Latency {
 public:
  struct Sample {
    std::int64_t second = 0;  ///< Unix time
    Duration took{};
  };
  struct History {
    std::deque<Sample> samples{};  ///< oldest first, at most watch_limits::kLatencySamples
    Duration longest{};            ///< since it was forgotten
  };

  [[nodiscard]] bool wants(Duration took) const { return threshold && took >= *threshold; }
  void add(Spike kind, Duration took, WallTime now);
  [[nodiscard]] const History& history(Spike kind) const { return histories_[static_cast<std::size_t>(kind)]; }
  void forget(Spike kind) { histories_[static_cast<std::size_t>(kind)] = {}; }

  /// Redis has none by default; to look costs nothing here.
  std::optional<Duration> threshold = 100ms;

 private:
  std::array<History, kAllSpikes.size()> histories_;
};

}  // namespace meshdict
