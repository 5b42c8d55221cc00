#pragma once
// A result on its way from one process to another that runs the same program.

#include <cstdint>
#include <string>
#include <string_view>

#include "sim/world/run.h"

namespace meshdict::sim {

/// Everything in it. Only for processes of one program: counters travel as they lie in memory.
std::string result_bytes(const RunResult& result);
/// REQUIRES: what result_bytes() made.
RunResult result_of_bytes(std::string_view bytes);

}  // namespace meshdict::sim
