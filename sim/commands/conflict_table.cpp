// The command `conflict-table`.

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <thread>
#include <utility>

#include "sim/commands/console.h"
#include "sim/explore/conflict_study.h"

namespace meshdict::sim {
namespace {

void add(StudyResult& result, const StudyRun& run) {
  ++result.runs;
  result.whole += run.linked == run.pairs && run.duplicates == 0 ? 1U : 0U;
  result.sum.pairs += run.pairs;
  result.sum.linked += run.linked;
  result.sum.duplicates += run.duplicates;
  result.sum.alone += run.alone;
  result.settled.push_back(run.settled);
}

/// All seeds of one case under one rule. Sums do not depend on the order in which threads finish.
StudyResult study_all(const StudyCase& what, Rule rule, const TableOptions& options) {
  const std::uint64_t count = options.seeds.last - options.seeds.first + 1;
  std::vector<StudyRun> runs(count);
  std::atomic<std::uint64_t> next = 0;
  {
    std::vector<std::jthread> threads;
    threads.reserve(options.jobs);
    for (unsigned i = 0; i < options.jobs; ++i) {
      threads.emplace_back([&] {
        for (std::uint64_t at = next++; at < count; at = next++)
          runs[at] = study(what, rule, options.seeds.first + at);
      });
    }
  }
  StudyResult result;
  for (const StudyRun& run : runs)
    add(result, run);
  std::ranges::sort(result.settled);
  return result;
}

/// In tenths of a percent, rounded down: 100.0 means all.
std::string percent(std::uint64_t part, std::uint64_t whole) {
  const std::uint64_t tenths = part * 1'000 / whole;
  return fmt::format("{}.{}", tenths / 10, tenths % 10);
}

std::string seconds(Duration time) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(time).count();
  return fmt::format("{}.{:03}", ms / 1'000, ms % 1'000);
}

}  // namespace

int conflict_table(const TableOptions& options) {
  LiveLine live;
  const std::vector<StudyCase> cases = study_cases();
  std::size_t done = 0;
  fmt::print("{}..{}: of each case these seeds under each rule\n\n", options.seeds.first, options.seeds.last);
  fmt::print("nodes  dials  fault      rule        linked %  whole %  duplicates  alone  settled s: half   all\n");
  for (const StudyCase& what : cases) {
    for (std::size_t rule = 0; rule < kRules; ++rule) {
      const StudyResult result = study_all(what, static_cast<Rule>(rule), options);
      live.clear();
      fmt::print("{}  {:<10}  {:>8}  {:>7}  {:>10}  {:>5}  {:>15}  {:>6}\n", text_of(what),
                 name_of(static_cast<Rule>(rule)), percent(result.sum.linked, result.sum.pairs),
                 percent(result.whole, result.runs), result.sum.duplicates, result.sum.alone,
                 seconds(result.settled[result.settled.size() / 2]), seconds(result.settled.back()));
      std::fflush(stdout);
      ++done;
      if (live.due()) live.show(fmt::format("{}/{} lines", done, cases.size() * kRules));
    }
  }
  live.clear();
  return kPass;
}

}  // namespace meshdict::sim
