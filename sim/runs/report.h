#pragma once
// Results as text and as JSON.

#include <string>

#include "sim/world/world.h"

namespace meshdict::sim {

/// "seed=7 events=1234 simulated=60.000000 trace=0123456789abcdef PASS".
std::string result_line(const RunResult& result);

/// A line for each violation, and the command that replays the run.
std::string violations_text(const RunResult& result);

/// "took effect: cut 3, crash 1": the faults of a run; empty when there were none.
std::string effects_text(const RunResult& result);

/// A word as a POSIX shell reads it back, and a terminal can show it.
std::string shell_word(const std::string& text);

/// One object in one line: file, result, violations, counters.
std::string result_json(const RunResult& result);

}  // namespace meshdict::sim
