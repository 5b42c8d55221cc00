#include "sim/runs/summary.h"

#include <fmt/format.h>

#include "sim/machines/mixing.h"
#include "sim/plan/limits.h"
#include "sim/runs/report.h"
#include "sim/trace/trace.h"

namespace meshdict::sim {

void Summary::add(const Tally& run) {
  ++runs_;
  events_ += run.events;
  delivered_ += run.delivered;
  simulated_ += run.simulated;
  traces_ += mix64(run.seed ^ mix64(run.trace));
  for (std::size_t fault = 0; fault < faults_.size(); ++fault) {
    if (run.faults[fault] == 0) continue;
    ++faults_[fault].runs;
    faults_[fault].times += run.faults[fault];
  }
  for (std::size_t i = 0; i < kThresholds; ++i) {
    near_[i].below += run.crossings[i].below > 0 ? 1U : 0U;
    near_[i].above += run.crossings[i].above > 0 ? 1U : 0U;
  }
  if (run.passed) return;
  ++failed_;
  for (const auto& [property, what] : run.failures) {
    Failures& failures = failures_[property];
    ++failures.runs;
    failures.first.emplace(run.seed, what);
    if (failures.first.size() > sim_limits::kMaxExamples) failures.first.erase(std::prev(failures.first.end()));
  }
}

std::string Summary::text() const {
  std::string text = fmt::format("{} runs, {} failed; {} events, {} frames delivered, {} s simulated; traces {:016x}\n",
                                 runs_, failed_, events_, delivered_, seconds_text(simulated_), traces_);
  for (const FaultInfo& info : fault_infos()) {
    const FaultLine& line = faults_[static_cast<std::size_t>(info.fault)];
    if (line.runs == 0) continue;
    text += fmt::format("  {:<28} took effect {:>8} times, in {:>3} % of runs\n", info.name, line.times,
                        line.runs * 100 / runs_);
  }
  text += thresholds_text();
  for (const auto& [property, failures] : failures_) {
    std::vector<std::uint64_t> seeds;
    seeds.reserve(failures.first.size());
    for (const auto& [seed, what] : failures.first)
      seeds.push_back(seed);
    text += fmt::format("{} in {} runs: seeds {}{}\n  seed {}: {}\n", failure_text(property), failures.runs,
                        fmt::join(seeds, ", "), failures.runs > seeds.size() ? ", ..." : "", seeds.front(),
                        visible_text(failures.first.begin()->second));
  }
  return text;
}

std::string Summary::thresholds_text() const {
  std::string text;
  for (std::size_t i = 0; i < kThresholds; ++i) {
    const Threshold& threshold = thresholds()[i];
    if (near_[i] == Crossing()) continue;
    text += fmt::format("  {:<28} below in {:>7} runs", threshold.constant, near_[i].below);
    text += threshold.sides == Threshold::Sides::kUpTo ? ", as far as one may go\n"
                                                       : fmt::format(", beyond in {:>7}\n", near_[i].above);
  }
  return text;
}

}  // namespace meshdict::sim
