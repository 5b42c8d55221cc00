#pragma once
// How well the rules for duplicate connections do when all nodes dial each other at once: runs of SmallWorlds with delays
// drawn from seeds.
//
// 1. Every node dials every other once or twice within 5 ms; a pair's one-way latency is 1 to 30 ms, and everything on
//    its way takes up to 10 ms more. The same seed gives every rule the same dials, latencies and faults.
// 2. A fault strikes within the first 200 ms: a machine dies and comes back half a second later, or a connection is
//    reset or becomes half-open. It gives both ends of what it hit one redial, 250 ms after they have no connection
//    left. What a rule itself closes is not dialled again: that is what is measured.
// 3. A run ends when nothing is on its way, all connections are links at both ends and no redial is left; at the latest
//    after sim_limits::kMaxStudyRun.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"
#include "sim/explore/link_policies.h"
#include "sim/runs/runner.h"

namespace meshdict::sim {

enum class StudyFault : std::uint8_t { kNone, kCrash, kReset, kHalfOpen };

struct StudyCase {
  std::uint32_t nodes = 2;
  std::uint32_t dials = 1;  ///< of each node to each other
  StudyFault fault = StudyFault::kNone;
};

/// The end of one run.
struct StudyRun {
  std::uint64_t pairs = 0;
  std::uint64_t linked = 0;      ///< pairs that reach each other, over one connection or several
  std::uint64_t duplicates = 0;  ///< connections beyond the first of a pair
  std::uint64_t alone = 0;       ///< nodes that are linked to nobody else
  /// When the last end changed the connection that it uses.
  Duration settled{};
};

/// The sum of many.
struct StudyResult {
  std::uint64_t runs = 0;
  std::uint64_t whole = 0;  ///< runs that end with all pairs linked, over one connection each
  StudyRun sum;
  std::vector<Duration> settled;  ///< one each, sorted
};

StudyRun study(const StudyCase& what, Rule rule, std::uint64_t seed);

/// "5 nodes, 2 dials, crash"
std::string text_of(const StudyCase& what);

/// 2, 3, 5 and 20 nodes; one and two dials; without a fault, and with each.
std::vector<StudyCase> study_cases();

struct TableOptions {
  SeedRange seeds{.first = 1, .last = 100};
  unsigned jobs = 1;
};

/// The command `conflict-table`: prints the whole table. Exit code 0.
int conflict_table(const TableOptions& options);

}  // namespace meshdict::sim
