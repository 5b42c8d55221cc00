#include "sim/runs/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "sim/plan/limits.h"
#include "sim/trace/trace.h"

namespace meshdict::sim {

void Summary::add(const RunResult& result) {
  ++runs_;
  events_ += result.events;
  delivered_ += result.counters.network.delivered;
  simulated_ += result.simulated;
  for (const FaultInfo& info : fault_infos())
    add_fault(static_cast<std::size_t>(info.fault), result.counters.faults[info.fault]);
  for (std::size_t i = 0; i < kThresholds; ++i)
    add_crossing(i, result.counters.crossings[i]);
  if (result.passed()) return;
  ++failed_;
  std::set<std::string> properties;
  for (const Violation& violation : result.violations)
    properties.insert(violation.property);
  for (const std::string& property : properties)
    add_failure(property, result.seed);
}

void Summary::add_fault(std::size_t fault, std::uint64_t times) {
  if (times == 0) return;
  ++faults_[fault].runs;
  faults_[fault].times += times;
}

void Summary::add_crossing(std::size_t threshold, const Crossing& crossing) {
  near_[threshold].below += crossing.below > 0 ? 1U : 0U;
  near_[threshold].above += crossing.above > 0 ? 1U : 0U;
}

void Summary::add_failure(const std::string& property, std::uint64_t seed) {
  Failures& failures = failures_[property];
  ++failures.runs;
  failures.seeds.insert(std::ranges::upper_bound(failures.seeds, seed), seed);
  if (failures.seeds.size() > sim_limits::kMaxExamples) failures.seeds.pop_back();
}

std::expected<void, std::string> Summary::add_json(const std::string& line) {
  try {
    const auto json = nlohmann::json::parse(line);
    const auto& counters = json.at("counters");
    const auto seed = json.at("seed").get<std::uint64_t>();
    const auto events = json.at("events").get<std::uint64_t>();
    const auto simulated = Duration(json.at("simulated_us").get<std::int64_t>());
    const auto delivered = counters.at("delivered").get<std::uint64_t>();
    std::set<std::string> properties;
    for (const auto& violation : json.at("violations"))
      properties.insert(violation.at("property").get<std::string>());
    const bool passed = json.at("passed").get<bool>();

    for (const FaultInfo& info : fault_infos()) {
      if (!counters.contains("faults")) break;
      add_fault(static_cast<std::size_t>(info.fault), counters.at("faults").value(std::string(info.name), 0ULL));
    }
    for (std::size_t i = 0; i < kThresholds && counters.contains("thresholds"); ++i) {
      const auto times =
          counters.at("thresholds").value(std::string(thresholds()[i].constant), std::array<std::uint64_t, 2>{});
      add_crossing(i, {.below = times[0], .above = times[1]});
    }
    ++runs_;
    events_ += events;
    simulated_ += simulated;
    delivered_ += delivered;
    if (!passed) ++failed_;
    for (const std::string& property : properties)
      add_failure(property, seed);
  } catch (const nlohmann::json::exception& error) {
    return std::unexpected(std::string(error.what()));
  }
  return {};
}

std::string Summary::text() const {
  std::string text = fmt::format("{} runs, {} failed; {} events, {} frames delivered, {} s simulated\n", runs_, failed_,
                                 events_, delivered_, seconds_text(simulated_));
  for (const FaultInfo& info : fault_infos()) {
    const FaultLine& line = faults_[static_cast<std::size_t>(info.fault)];
    if (line.runs == 0) continue;
    text += fmt::format("  {:<28} took effect {:>8} times, in {:>3} % of runs\n", info.name, line.times,
                        line.runs * 100 / runs_);
  }
  text += thresholds_text();
  for (const auto& [property, failures] : failures_) {
    text += fmt::format("violated {} in {} runs: seeds {}{}\n", visible_text(property), failures.runs,
                        fmt::join(failures.seeds, ", "), failures.runs > failures.seeds.size() ? ", ..." : "");
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
