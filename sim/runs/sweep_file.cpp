#include "sim/runs/sweep_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <system_error>

#include "sim/machines/mixing.h"
#include "sim/plan/limits.h"
#include "sim/swarm/swarm.h"

namespace meshdict::sim {
namespace {

constexpr std::uint64_t kPrintedParts = 20;

std::string in_quotes(const std::string& plan) {
  return plan.empty() ? "swarm plans" : fmt::format("'{}'", plan);
}

/// Equal results of a seed give the same word.
std::uint64_t digest_of(const Tally& run) {
  return mix64(run.trace ^ mix64(run.events ^ static_cast<std::uint64_t>(run.passed) << 63U));
}

}  // namespace

std::expected<SweepFile, std::string> read_sweep_file(const std::string& name, const TakeTally& take) {
  std::ifstream in(name, std::ios::binary);
  if (!in) return std::unexpected(fmt::format("cannot read '{}': {}", name, std::generic_category().message(errno)));
  SweepFile file;
  std::string line;
  for (std::uint64_t number = 1; std::getline(in, line); ++number) {
    const bool has_end = !in.eof();
    const auto wrong = [&](std::string_view what) {
      return std::unexpected(
          fmt::format("{}:{}: {}, expected what 'sweep --json-lines' has written", name, number, what));
    };
    if (line.size() > sim_limits::kMaxResultLine) return wrong("is longer than any result");
    const auto run = parse_tally(line);
    if (!run && has_end) return wrong(run.error());
    if (!run) {
      file.torn = line;
      return file;
    }
    if (const auto taken = take(*run); !taken)
      return std::unexpected(fmt::format("{}:{}: {}", name, number, taken.error()));
    file.whole_bytes += line.size() + (has_end ? 1 : 0);
    file.lacks_line_end = !has_end;
  }
  if (in.bad())
    return std::unexpected(fmt::format("cannot read '{}': {}", name, std::generic_category().message(errno)));
  return file;
}

std::expected<void, std::string> SweepResults::check_part(const Tally& run) {
  const std::string plan = run.plan == swarm_name(run.seed) ? std::string() : run.plan;
  if (plan_.value_or(plan) != plan) {
    return std::unexpected(
        fmt::format("is a result of {}, and those before it are of {}", in_quotes(plan), in_quotes(*plan_)));
  }
  plan_ = plan;
  if (!run.of) return {};
  const SweepPart& of = *run.of;
  if (of_ && (of_->seeds != of.seeds || of_->check != of.check || of_->shard.count != of.shard.count)) {
    return std::unexpected(fmt::format("is of another sweep ({}) than those before it ({})", of.text(), of_->text()));
  }
  of_ = of;
  if (run.seed < of.seeds.first || run.seed > of.seeds.last) {
    return std::unexpected(fmt::format("has seed {}, which is none of {}", run.seed, range_text(of.seeds)));
  }
  return {};
}

std::expected<bool, std::string> SweepResults::add(const Tally& run) {
  if (const auto fits = check_part(run); !fits) return std::unexpected(fits.error());
  const auto [there, fresh] = seeds_.try_emplace(run.seed, digest_of(run));
  if (there->second == digest_of(run)) return fresh;
  return std::unexpected(
      fmt::format("seed {} has another result than in a line before; one plan and one seed give one run", run.seed));
}

std::optional<SweepResults::Missing> SweepResults::missing() const {
  if (!of_ || seeds_.size() == of_->seeds.count()) return std::nullopt;
  Missing missing{.count = of_->seeds.count() - seeds_.size(), .of = of_->seeds.count(), .first = {}, .parts = {}};
  const std::uint64_t parts = of_->shard.count;
  std::vector<std::uint64_t> of_part(std::min(parts, kPrintedParts), 0);
  for (std::uint64_t offset = 0; offset < of_->seeds.count(); ++offset) {
    const std::uint64_t seed = of_->seeds.first + offset;
    if (seeds_.contains(seed)) continue;
    if (missing.first.size() < sim_limits::kMaxExamples) missing.first.push_back(seed);
    if (offset % parts < of_part.size()) ++of_part[offset % parts];
  }
  for (std::size_t part = 0; part < of_part.size() && parts > 1; ++part) {
    if (of_part[part] > 0) missing.parts.push_back(fmt::format("{} of part {}/{}", of_part[part], part + 1, parts));
  }
  return missing;
}

}  // namespace meshdict::sim
