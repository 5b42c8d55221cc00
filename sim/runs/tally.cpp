#include "sim/runs/tally.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/parse_number.h"
#include "sim/runs/report.h"

namespace meshdict::sim {
namespace {

void add_failure(Tally& tally, const Violation& violation) {
  const auto is_it = [&](const auto& failure) { return failure.first == violation.property; };
  if (std::ranges::any_of(tally.failures, is_it)) return;
  tally.failures.emplace_back(violation.property, where_and_what(violation));
}

/// "A..B" or "I/N".
std::pair<std::uint64_t, std::uint64_t> two_numbers(const std::string& text, std::string_view between) {
  const std::size_t at = std::min(text.find(between), text.size());
  const auto first = parse_number<std::uint64_t>(std::string_view(text).substr(0, at));
  const auto second =
      parse_number<std::uint64_t>(std::string_view(text).substr(std::min(at + between.size(), text.size())));
  if (!first || !second) throw std::invalid_argument(fmt::format("'{}' is not two numbers", text));
  return {*first, *second};
}

SweepPart part_of(const nlohmann::json& json) {
  SweepPart part;
  std::tie(part.seeds.first, part.seeds.last) = two_numbers(json.at("of").get<std::string>(), "..");
  if (json.contains("part")) {
    std::tie(part.shard.index, part.shard.count) = two_numbers(json.at("part").get<std::string>(), "/");
  }
  if (part.seeds.first > part.seeds.last || part.shard.index < 1 || part.shard.index > part.shard.count) {
    throw std::invalid_argument("belongs to a sweep that cannot exist");
  }
  if (json.contains("check")) part.check = json.at("check").get<std::vector<std::string>>();
  return part;
}

Tally tally_of(const nlohmann::json& json) {
  Tally tally;
  const nlohmann::json& counters = json.at("counters");
  tally.plan = json.at("file").get<std::string>();
  tally.seed = json.at("seed").get<std::uint64_t>();
  tally.passed = json.at("passed").get<bool>();
  tally.events = json.at("events").get<std::uint64_t>();
  tally.delivered = counters.at("delivered").get<std::uint64_t>();
  tally.simulated = Duration(json.at("simulated_us").get<std::int64_t>());
  const auto trace = json.at("trace").get<std::string>();
  const auto [end, error] = std::from_chars(trace.data(), trace.data() + trace.size(), tally.trace, 16);
  if (error != std::errc() || end != trace.data() + trace.size()) throw std::invalid_argument("has no trace hash");
  for (const FaultInfo& info : fault_infos()) {
    if (!counters.contains("faults")) break;
    tally.faults[static_cast<std::size_t>(info.fault)] =
        counters.at("faults").value(std::string(info.name), std::uint64_t{0});
  }
  for (std::size_t i = 0; i < kThresholds && counters.contains("thresholds"); ++i) {
    const auto times =
        counters.at("thresholds").value(std::string(thresholds()[i].constant), std::array<std::uint64_t, 2>{});
    tally.crossings[i] = {.below = times[0], .above = times[1]};
  }
  for (const nlohmann::json& violation : json.at("violations")) {
    add_failure(tally, {.property = violation.at("property").get<std::string>(),
                        .at = Duration(violation.at("at_us").get<std::int64_t>()),
                        .nodes = violation.at("nodes").get<std::vector<std::string>>(),
                        .what = violation.at("what").get<std::string>()});
  }
  if (json.contains("of")) tally.of = part_of(json);
  return tally;
}

}  // namespace

Tally tally_of(const RunResult& result) {
  Tally tally{.plan = result.plan,
              .seed = result.seed,
              .passed = result.passed(),
              .events = result.events,
              .delivered = result.counters.network.delivered,
              .simulated = result.simulated,
              .trace = result.trace,
              .faults = {},
              .crossings = result.counters.crossings,
              .failures = {},
              .of = std::nullopt};
  for (const FaultInfo& info : fault_infos())
    tally.faults[static_cast<std::size_t>(info.fault)] = result.counters.faults[info.fault];
  for (const Violation& violation : result.violations)
    add_failure(tally, violation);
  return tally;
}

std::expected<Tally, std::string> parse_tally(std::string_view line) {
  const nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
  if (json.is_discarded()) return std::unexpected("is no line of JSON");
  try {
    return tally_of(json);
  } catch (const nlohmann::json::exception&) {
    return std::unexpected("lacks what a result has, or has something else in its place");
  } catch (const std::invalid_argument& error) {
    return std::unexpected(error.what());
  }
}

}  // namespace meshdict::sim
