#include "sim/commands/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "core/base/parse_number.h"
#include "sim/plan/limits.h"
#include "sim/plan/yaml/reader.h"

namespace meshdict::sim {
namespace {

template <typename Count = std::uint64_t>
std::expected<Count, std::string> positive(std::string_view text, std::string_view what, Count most, Count least = 1) {
  const auto value = parse_number<std::uint64_t>(text);
  if (value && least <= *value && *value <= most) return static_cast<Count>(*value);
  return std::unexpected(fmt::format("'{}' is no {}, expected a whole number from {} to {}", text, what, least, most));
}

}  // namespace

std::expected<std::uint64_t, std::string> parse_seed(std::string_view text) {
  if (const auto seed = parse_number<std::uint64_t>(text)) return *seed;
  return std::unexpected(fmt::format("'{}' is no seed, expected a whole number from 0 to {}", text,
                                     std::numeric_limits<std::uint64_t>::max()));
}

std::expected<SeedRange, std::string> parse_seeds(std::string_view text) {
  const std::size_t dots = text.find("..");
  if (dots == std::string_view::npos) {
    return std::unexpected(fmt::format("'{}' is no range, expected one such as 1..1000", text));
  }
  const auto first = parse_seed(text.substr(0, dots));
  if (!first) return std::unexpected(first.error());
  const auto last = parse_seed(text.substr(dots + 2));
  if (!last) return std::unexpected(last.error());
  const SeedRange seeds{*first, *last};
  if (seeds.first > seeds.last) {
    return std::unexpected(fmt::format("'{}' runs backwards, expected the smaller seed first", text));
  }
  if (seeds.count() == 0) return std::unexpected(fmt::format("'{}' is every seed there is, expected fewer", text));
  return seeds;
}

std::expected<Shard, std::string> parse_shard(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto index = parse_number<std::uint64_t>(text.substr(0, slash));
  const auto count =
      slash == std::string_view::npos ? std::nullopt : parse_number<std::uint64_t>(text.substr(slash + 1));
  if (index && count && *index >= 1 && *index <= *count) return Shard{.index = *index, .count = *count};
  return std::unexpected(fmt::format("'{}' is no part, expected one such as 1/8, up to 8/8", text));
}

std::expected<HistoryLimits, std::string> parse_window(std::string_view text) {
  const std::size_t dots = text.find("..");
  if (dots != std::string_view::npos) {
    const auto from = parse_duration(text.substr(0, dots));
    const auto until = parse_duration(text.substr(dots + 2));
    if (from && until && *from <= *until) return HistoryLimits{.from = *from, .until = *until};
  }
  return std::unexpected(fmt::format("'{}' is no span, expected two times such as 20s..1min", text));
}

std::expected<std::vector<Property>, std::string> parse_properties(std::string_view text) {
  const std::vector<std::string> names = property_names();
  std::vector<Property> properties;
  while (true) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const auto word = text.substr(0, comma);
    const auto found = std::ranges::find(names, word);
    if (found == names.end()) return std::unexpected(unknown_word(word, "property", names));
    properties.push_back(static_cast<Property>(found - names.begin()));
    if (comma == text.size()) return properties;
    text.remove_prefix(comma + 1);
  }
}

std::expected<unsigned, std::string> parse_jobs(std::string_view text) {
  return positive<unsigned>(text, "number of jobs", sim_limits::kMaxJobs);
}

std::expected<std::uint64_t, std::string> parse_seed_seconds(std::string_view text) {
  return positive(text, "number of seconds", sim_limits::kMaxSeedSeconds);
}

std::expected<std::uint64_t, std::string> parse_worker_megabytes(std::string_view text) {
  return positive(text, "number of MiB", sim_limits::kMaxMegabytes, sim_limits::kMinWorkerMegabytes);
}

std::expected<std::uint64_t, std::string> parse_other_seeds(std::string_view text) {
  return positive(text, "number of seeds", sim_limits::kMaxOtherSeeds, std::uint64_t{0});
}

std::expected<Duration, std::string> parse_duration_option(std::string_view text) {
  if (const auto time = parse_duration(text); time && *time > Duration::zero()) return *time;
  return std::unexpected(fmt::format("'{}' is no time, expected one such as 30s or 2min", text));
}

std::expected<std::uint64_t, std::string> parse_failures(std::string_view text) {
  return positive(text, "number of failures", std::numeric_limits<std::uint64_t>::max());
}

std::expected<std::uint64_t, std::string> parse_tries(std::string_view text) {
  return positive(text, "number of runs", sim_limits::kMaxTries);
}

std::expected<std::uint64_t, std::string> parse_states(std::string_view text) {
  return positive(text, "number of states", sim_limits::kMaxStates);
}

std::expected<std::uint64_t, std::string> parse_megabytes(std::string_view text) {
  return positive(text, "number of MiB", sim_limits::kMaxMegabytes);
}

}  // namespace meshdict::sim
