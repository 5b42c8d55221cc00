#include "app/watch/latency.h"

#include <algorithm>
#include <chrono>

#include "app/watch/limits.h"

namespace meshdict {

std::string_view to_string(Spike kind) {
  switch (kind) {
    case Spike::kCommand:
      return "command";
    case Spike::kTurn:
      return "turn";
    case Spike::kCommit:
      return "commit";
  }
  return "unknown";
}

std::optional<Spike> spike_named(std::string_view name) {
  for (const Spike kind : kAllSpikes) {
    if (to_string(kind) == name) return kind;
  }
  return std::nullopt;
}

void Latency::add(Spike kind, Duration took, WallTime now) {
  History& history = histories_[static_cast<std::size_t>(kind)];
  history.longest = std::max(history.longest, took);
  const std::int64_t second = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count();
  if (!history.samples.empty() && history.samples.back().second == second) {
    history.samples.back().took = std::max(history.samples.back().took, took);
    return;
  }
  history.samples.push_back({.second = second, .took = took});
  if (history.samples.size() > watch_limits::kLatencySamples) history.samples.pop_front();
}

}  // namespace meshdict
