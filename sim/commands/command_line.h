#pragma once
// Values of meshdict-sim's options: whatever is wrong becomes one line that says what was expected.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "sim/picture/history.h"
#include "sim/runs/runner.h"
#include "sim/runs/sweep_part.h"

namespace meshdict::sim {

/// Any 64-bit number.
std::expected<std::uint64_t, std::string> parse_seed(std::string_view text);
/// "A..B", both ends included. Not all 2^64 seeds: their number has no 64 bits.
std::expected<SeedRange, std::string> parse_seeds(std::string_view text);
/// "I/N", I from 1 to N.
std::expected<Shard, std::string> parse_shard(std::string_view text);
/// "S1,S4": some of property_names().
std::expected<std::vector<Property>, std::string> parse_properties(std::string_view text);
/// A number of processes.
std::expected<unsigned, std::string> parse_jobs(std::string_view text);
/// How many runs `shrink` may take.
std::expected<std::uint64_t, std::string> parse_tries(std::string_view text);
/// How many states an exploration may visit.
std::expected<std::uint64_t, std::string> parse_states(std::string_view text);
/// How long one seed may take.
std::expected<std::uint64_t, std::string> parse_seed_seconds(std::string_view text);
/// Memory of one process, in MiB.
std::expected<std::uint64_t, std::string> parse_worker_megabytes(std::string_view text);
/// Seeds 1 to N, or none.
std::expected<std::uint64_t, std::string> parse_other_seeds(std::string_view text);
/// A duration above 0.
std::expected<Duration, std::string> parse_duration_option(std::string_view text);
/// A number of seeds that fail.
std::expected<std::uint64_t, std::string> parse_failures(std::string_view text);
/// Memory of an exploration, in MiB.
std::expected<std::uint64_t, std::string> parse_megabytes(std::string_view text);

/// "A..B": two durations since the start of the run, the smaller first.
std::expected<HistoryLimits, std::string> parse_window(std::string_view text);

}  // namespace meshdict::sim
