// Reading `network`: links, and sites of nodes.

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "sim/plan/limits.h"
#include "sim/plan/yaml/step.h"

namespace meshdict::sim {
namespace {

class NetworkReader {
 public:
  NetworkReader(const NodeNames& names, Plan& plan, PlanErrors& errors) : names_(names), plan_(plan), errors_(errors) {}

  void read(const YAML::Node& node);

 private:
  void read_sites(const YAML::Node& sites);
  void read_site_link(const YAML::Node& node);

  const NodeNames& names_;
  Plan& plan_;
  PlanErrors& errors_;
};

void NetworkReader::read(const YAML::Node& node) {
  MapReader map(node, "'network'", errors_);
  plan_.links = read_link(map, plan_.links, errors_);
  read_sites(map.optional("sites"));
  const YAML::Node between = map.optional("between");
  for_each_entry(between, [this](const YAML::Node& one) { read_site_link(one); });
  map.finish();
  if (node.IsDefined()) check_link(plan_.links, node.Mark(), errors_);
}

void NetworkReader::read_sites(const YAML::Node& sites) {
  if (!sites.IsDefined()) return;
  if (!sites.IsMap() || sites.size() > sim_limits::kMaxSites) {
    errors_.add(sites.Mark(),
                fmt::format("these are no sites, expected a map such as {{rome: {{nodes: [ana, bob]}}}} of {} at most",
                            sim_limits::kMaxSites));
    return;
  }
  std::vector<bool> placed(names_.size(), false);
  for (const auto& entry : sites) {
    const auto name = read_text(entry.first, errors_);
    if (!name) continue;
    MapReader map(entry.second, "site '" + *name + "'", errors_);
    const YAML::Node nodes = map.required("nodes");
    SitePlan site;
    site.name = *name;
    site.nodes = names_.read_several(nodes, errors_);
    site.inside = read_link(map, plan_.links, errors_);
    map.finish();
    check_link(site.inside, entry.first.Mark(), errors_);
    for (const NodeIndex node : site.nodes) {
      if (placed[node])
        errors_.add(nodes.Mark(), fmt::format("'{}' is in two sites, expected it in one", plan_.nodes[node].name));
      placed[node] = true;
    }
    if (std::ranges::find(plan_.sites, *name, &SitePlan::name) != plan_.sites.end()) {
      errors_.add(entry.first.Mark(), fmt::format("there is a site '{}' already, expected another name", *name));
    }
    plan_.sites.push_back(std::move(site));
  }
}

/// Of two sites or, where none are named, of all pairs of which nothing was said before.
void NetworkReader::read_site_link(const YAML::Node& node) {
  MapReader map(node, "'between'", errors_);
  const YAML::Node sites = map.optional("sites");
  const LinkPlan link = read_link(map, plan_.links, errors_);
  map.finish();
  check_link(link, node.Mark(), errors_);
  std::vector<std::string> names;
  names.reserve(plan_.sites.size());
  for (const SitePlan& site : plan_.sites)
    names.push_back(site.name);
  const auto add = [&](std::size_t a, std::size_t b, bool again) {
    const auto same = [&](const SiteLink& other) { return std::minmax(other.a, other.b) == std::minmax(a, b); };
    if (std::ranges::none_of(plan_.site_links, same)) {
      plan_.site_links.push_back({.a = a, .b = b, .link = link});
    } else if (again) {
      errors_.add(sites.Mark(), "the links between these two are described already, expected other sites");
    }
  };
  if (!sites.IsDefined()) {
    if (names.size() < 2)
      errors_.add(node.Mark(), "there is nothing between fewer than two sites, expected 'sites' beside it");
    for (std::size_t a = 0; a < names.size(); ++a)
      for (std::size_t b = a + 1; b < names.size(); ++b)
        add(a, b, false);
    return;
  }
  if (!sites.IsSequence() || sites.size() != 2) {
    errors_.add(sites.Mark(), "this is no pair, expected two sites such as [rome, oslo]");
    return;
  }
  const auto a = read_word(sites[0], "site", names, errors_);
  const auto b = read_word(sites[1], "site", names, errors_);
  if (a && a == b) errors_.add(sites[1].Mark(), "this is the same site again, expected another");
  if (a && b && a != b) add(*a, *b, true);
}

}  // namespace

void check_link(const LinkPlan& link, const YAML::Mark& mark, PlanErrors& errors) {
  if (std::max({link.latency.high, link.jitter.high, link.gather}) > sim_limits::kMaxLinkTime) {
    errors.add(mark, "a link is too slow, expected latency, jitter and gather of at most 1h");
  }
}

void read_network(const YAML::Node& node, const NodeNames& names, Plan& plan, PlanErrors& errors) {
  NetworkReader(names, plan, errors).read(node);
}

}  // namespace meshdict::sim
