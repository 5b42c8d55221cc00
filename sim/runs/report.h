#pragma once
// Results as text and as JSON.

#include <cstdint>
#include <string>
#include <string_view>

#include "sim/runs/sweep_part.h"
#include "sim/world/world.h"

namespace meshdict::sim {

/// "seed=7 events=1234 simulated=60.000000 trace=0123456789abcdef PASS".
std::string result_line(const RunResult& result);

/// The arguments that repeat a run: "run plan.yaml --seed 7", or "replay 7".
std::string replay_arguments(const std::string& plan, std::uint64_t seed);

/// "violated S1"; for what has ended the process, its name alone.
std::string failure_text(std::string_view property);
/// The same with where_and_what() behind it: "violated S1 at ...", "crash: the program ended ...".
std::string failure_line(std::string_view property, std::string_view where_and_what);
/// "at 61.000000 s, ana bob: ..."; for what has ended the process, only what it was.
std::string where_and_what(const Violation& violation);

/// Which violations violations_text() shows: the first of each promise, in the order of time, and then some more of each
/// promise, or all that were kept. It also shows steps that changed nothing, and the command that replays the run.
enum class Shown : std::uint8_t { kSome, kAll };
/// For RunOptions.
std::size_t most_violations(Shown shown);
std::string violations_text(const RunResult& result, Shown shown = Shown::kSome);

/// "took effect: cut 3, crash 1": the faults of a run; empty when there were none.
std::string effects_text(const RunResult& result);

/// A word as a POSIX shell reads it back, and a terminal can show it.
std::string shell_word(const std::string& text);

/// One object in one line: file, result, violations, counters, and the sweep that it belongs to, if there is one.
std::string result_json(const RunResult& result, const SweepPart* part = nullptr);

}  // namespace meshdict::sim
