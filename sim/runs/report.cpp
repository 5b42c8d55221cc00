#include "sim/runs/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "sim/plan/fault.h"
#include "sim/plan/limits.h"
#include "sim/runs/worker.h"
#include "sim/swarm/swarm.h"
#include "sim/trace/trace.h"

namespace meshdict::sim {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, std::variant_size_v<Event>> kEventNames = {
    "peers_up",  "peers_down", "messages", "refused",       "undeliverable", "updated", "deleted",
    "conflicts", "confirmed",  "returned", "clocks_judged", "left_out",      "broken",  "parted"};
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

bool is_end_of_process(std::string_view property) {
  return property == Worker::kCrash || property == Worker::kNoEnd || property == Worker::kMemory;
}

}  // namespace

std::string replay_arguments(const std::string& plan, std::uint64_t seed) {
  if (plan == swarm_name(seed)) return fmt::format("replay {}", seed);
  return fmt::format("run {} --seed {}", shell_word(plan), seed);
}

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

std::string failure_text(std::string_view property) {
  return is_end_of_process(property) ? std::string(property) : fmt::format("violated {}", visible_text(property));
}

std::string failure_line(std::string_view property, std::string_view where_and_what) {
  return fmt::format("{}{} {}", failure_text(property), is_end_of_process(property) ? ":" : "", where_and_what);
}

std::string where_and_what(const Violation& violation) {
  if (violation.nodes.empty() && violation.at == Duration{}) return visible_text(violation.what);
  return fmt::format("at {} s, {}: {}", seconds_text(violation.at), names_text(violation.nodes),
                     visible_text(violation.what));
}

std::size_t most_violations(Shown shown) {
  return shown == Shown::kAll ? sim_limits::kMaxAllViolations : sim_limits::kMaxViolations;
}

std::string violations_text(const RunResult& result, Shown shown) {
  std::string text;
  for (const std::string& idle : result.idle_steps)
    text += visible_text(idle) + "\n";
  if (const auto all = result.counters.idle_steps; all > result.idle_steps.size()) {
    const auto rest = all - result.idle_steps.size();
    text += result.idle_steps.empty() ? fmt::format("{} steps change nothing\n", rest)
                                      : fmt::format("... and {} more steps that change nothing\n", rest);
  }
  // Behind the first of each.
  std::string rest;
  std::vector<std::pair<std::string_view, std::uint64_t>> groups;
  for (const Violation& violation : result.violations) {
    auto group = std::ranges::find(groups, violation.property, &decltype(groups)::value_type::first);
    if (group == groups.end()) group = groups.insert(groups.end(), {violation.property, 0});
    const std::string line = failure_line(violation.property, where_and_what(violation)) + "\n";
    if (group->second++ == 0) text += line;
  }
  for (const auto& [property, count] : groups) {
    std::uint64_t told = 0;
    for (const Violation& violation : result.violations) {
      if (violation.property != property || told++ == 0) continue;
      if (shown == Shown::kSome && told > sim_limits::kMaxPrintedOfPromise) break;
      rest += failure_line(property, where_and_what(violation)) + "\n";
    }
    if (shown == Shown::kSome && count > sim_limits::kMaxPrintedOfPromise) {
      rest += fmt::format("... and {} more of {} (--all-violations)\n", count - sim_limits::kMaxPrintedOfPromise,
                          visible_text(property));
    }
  }
  text += rest;
  if (const auto kept = result.violations.size(); result.violation_count > kept) {
    text += fmt::format("... and {} more that were not kept\n", result.violation_count - kept);
  }
  if (!result.passed()) text += fmt::format("replay: meshdict-sim {}\n", replay_arguments(result.plan, result.seed));
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

std::string result_json(const RunResult& result, const SweepPart* part) {
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
  if (part != nullptr) {
    json["of"] = range_text(part->seeds);
    if (part->shard.count > 1) json["part"] = fmt::format("{}/{}", part->shard.index, part->shard.count);
    if (!part->check.empty()) json["check"] = part->check;
  }
  // In ASCII alone, so that a terminal can show it.
  return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

}  // namespace meshdict::sim
