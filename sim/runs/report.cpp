#include "sim/runs/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>

#include "sim/plan/fault.h"
#include "sim/plan/limits.h"
#include "sim/swarm/swarm.h"
#include "sim/trace/trace.h"

namespace meshdict::sim {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, std::variant_size_v<Event>> kEventNames = {
    "peers_up", "peers_down", "messages",  "refused",  "undeliverable", "updated",
    "deleted",  "conflicts",  "confirmed", "returned", "clock",         "left_out"};
static_assert(std::ranges::none_of(kEventNames, &std::string_view::empty));

Json counters_json(const Counters& counters) {
  Json json;
  json["sent"] = counters.network.sent;
  json["delivered"] = counters.network.delivered;
  json["delivered_bytes"] = counters.network.delivered_bytes;
  json["duplicates"] = counters.duplicates;
  json["lost"] = counters.network.lost;
  json["held"] = counters.network.held;
  json["dials"] = counters.network.dials;
  json["dials_refused"] = counters.network.dials_refused;
  json["dials_timed_out"] = counters.network.dials_timed_out;
  json["resets"] = counters.network.resets;
  json["writes_leased"] = counters.refusals_of_writes;
  json["skipped"] = counters.skipped;
  if (counters.idle_steps > 0) json["idle_steps"] = counters.idle_steps;
  for (std::size_t i = 0; i < counters.steps.size(); ++i) {
    if (counters.steps[i] > 0) json["steps"][std::string(verb_of(i))] = counters.steps[i];
  }
  for (const FaultInfo& info : fault_infos()) {
    if (counters.faults[info.fault] > 0) json["faults"][std::string(info.name)] = counters.faults[info.fault];
  }
  for (std::size_t i = 0; i < kThresholds; ++i) {
    const Crossing& crossing = counters.crossings[i];
    if (crossing != Crossing())
      json["thresholds"][std::string(thresholds()[i].constant)] = {crossing.below, crossing.above};
  }
  for (std::size_t i = 0; i < kEventNames.size(); ++i) {
    if (counters.events[i] > 0) json["events"][std::string(kEventNames[i])] = counters.events[i];
  }
  return json;
}

std::string replay_arguments(const RunResult& result) {
  if (result.plan == swarm_name(result.seed)) return fmt::format("replay {}", result.seed);
  return fmt::format("run {} --seed {}", shell_word(result.plan), result.seed);
}

}  // namespace

std::string shell_word(const std::string& text) {
  static constexpr std::string_view kPlain = "_./:=@%+,-";
  const auto is_plain = [](unsigned char c) { return std::isalnum(c) != 0 || kPlain.contains(static_cast<char>(c)); };
  if (!text.empty() && std::ranges::all_of(text, is_plain)) return text;
  if (visible_text(text) != text) {
    // printf makes of octal numbers what no terminal should be shown.
    std::string octal;
    for (const char c : text)
      octal += is_plain(static_cast<unsigned char>(c)) && c != '%'
                   ? std::string(1, c)
                   : fmt::format("\\{:03o}", static_cast<unsigned char>(c));
    return "\"$(printf '" + octal + "')\"";
  }
  std::string quoted = "'";
  for (const char c : text)
    quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string result_line(const RunResult& result) {
  return fmt::format("seed={} events={} simulated={} trace={:016x} {}", result.seed, result.events,
                     seconds_text(result.simulated), result.trace, result.passed() ? "PASS" : "FAIL");
}

std::string violations_text(const RunResult& result) {
  const std::size_t shown = std::min(result.violations.size(), sim_limits::kMaxPrintedViolations);
  std::string text;
  for (const std::string& idle : result.idle_steps)
    text += visible_text(idle) + "\n";
  if (const auto all = result.counters.idle_steps; all > result.idle_steps.size()) {
    const auto rest = all - result.idle_steps.size();
    text += result.idle_steps.empty() ? fmt::format("{} steps change nothing\n", rest)
                                      : fmt::format("... and {} more steps that change nothing\n", rest);
  }
  for (std::size_t i = 0; i < shown; ++i) {
    const Violation& violation = result.violations[i];
    text += fmt::format("violated {} at {} s, {}: {}\n", violation.property, seconds_text(violation.at),
                        names_text(violation.nodes), visible_text(violation.what));
  }
  if (result.violation_count > shown) text += fmt::format("... and {} more\n", result.violation_count - shown);
  if (!result.passed()) text += fmt::format("replay: meshdict-sim {}\n", replay_arguments(result));
  return text;
}

std::string effects_text(const RunResult& result) {
  std::string text;
  for (const FaultInfo& info : fault_infos()) {
    const std::uint64_t times = result.counters.faults[info.fault];
    if (times > 0) text += fmt::format("{}{} {}", text.empty() ? "took effect: " : ", ", info.name, times);
  }
  return text.empty() ? text : text + "\n";
}

std::string result_json(const RunResult& result) {
  Json json;
  json["file"] = result.plan;
  json["seed"] = result.seed;
  json["events"] = result.events;
  json["simulated_us"] = result.simulated.count();
  json["trace"] = fmt::format("{:016x}", result.trace);
  json["passed"] = result.passed();
  json["violations"] = Json::array();
  for (const Violation& violation : result.violations) {
    json["violations"].push_back({{"property", violation.property},
                                  {"at_us", violation.at.count()},
                                  {"nodes", violation.nodes},
                                  {"what", violation.what}});
  }
  json["counters"] = counters_json(result.counters);
  // In ASCII alone, so that a terminal can show it.
  return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

}  // namespace meshdict::sim
