#include "sim/oracles/oracle.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <tuple>
#include <utility>

#include "sim/plan/limits.h"

namespace meshdict::sim {

std::string names_text(const std::vector<std::string>& nodes) {
  constexpr std::size_t kMost = sim_limits::kMaxNamedNodes;
  if (nodes.empty()) return "all nodes";
  if (nodes.size() <= kMost) return fmt::format("{}", fmt::join(nodes, " "));
  return fmt::format("{} and {} more", fmt::join(nodes.begin(), nodes.begin() + kMost, " "), nodes.size() - kMost);
}

void Findings::add(std::string_view property, std::vector<std::string> nodes, std::string what, std::uint32_t line) {
  const auto is_it = [&](Property one) { return name_of(one) == property; };
  if (std::ranges::any_of(all_properties(), is_it) && std::ranges::none_of(check_, is_it)) return;
  ++count_;
  if (transcript_ != nullptr && transcript_->enabled()) {
    transcript_->line(world_.now(), "-", fmt::format("violated {}, {}: {}", property, names_text(nodes), what));
  }
  const auto is_first = [&] { return std::ranges::find(list_, property, &Violation::property) == list_.end(); };
  if (list_.size() < most_ || is_first()) {
    list_.push_back({std::string(property), world_.now(), std::move(nodes), std::move(what), line});
  }
}

namespace {

/// Those that lines join which are fast enough for a connection, directly or through others.
std::vector<Society> joined(Society nodes, const Network& network) {
  if (!network.has_slow_lines()) return {std::move(nodes)};
  std::vector<Society> parts;
  while (!nodes.empty()) {
    Society part = {nodes.front()};
    nodes.erase(nodes.begin());
    for (std::size_t at = 0; at < part.size(); ++at) {
      const auto rest = std::stable_partition(nodes.begin(), nodes.end(),
                                              [&](NodeIndex node) { return !network.carries(part[at], node); });
      part.insert(part.end(), rest, nodes.end());
      nodes.erase(rest, nodes.end());
    }
    std::ranges::sort(part);
    parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace

std::vector<Society> societies(const Hosts& hosts, const Network& network) {
  using Terms = std::tuple<std::string, Leasing, Duration, Duration, Duration, Duration, std::uint32_t>;
  std::map<Terms, Society> by_terms;
  for (NodeIndex node = 0; node < hosts.size(); ++node) {
    if (!hosts[node]->up()) continue;
    const NodePlan& plan = hosts[node]->plan();
    const Terms terms{plan.network, plan.leasing, plan.lease,         plan.settle,
                      plan.skew,    plan.horizon, network.group(node)};
    by_terms[terms].push_back(node);
  }
  std::vector<Society> all;
  all.reserve(by_terms.size());
  for (auto& [terms, society] : by_terms)
    std::ranges::move(joined(std::move(society), network), std::back_inserter(all));
  return all;
}

}  // namespace meshdict::sim
