#pragma once
// A run in a process of its own: what ends the program, or has no end, is a result as well.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "sim/plan/plan.h"

namespace meshdict::sim {

/// What a run came to.
struct Failure {
  std::string property;  ///< a Property's name, "expect", "crash" or "no end"
  std::string nodes;     ///< "ana bob"
  std::string what;
  Duration at{};
};

/// The first violation of each property. Empty: the run passed. "crash": the process ended without a result, by an assert
/// for one; "no end": it was ended after `patience`.
/// REQUIRES: this process has one thread.
std::vector<Failure> run_apart(const Plan& plan, std::uint64_t seed, std::chrono::milliseconds patience);

}  // namespace meshdict::sim
