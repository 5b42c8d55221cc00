#include "sim/world/moments.h"

#include "sim/plan/yaml/node_names.h"

namespace meshdict::sim {

Moments::Moments(const Plan& plan, const Hosts& hosts) : plan_(plan), hosts_(hosts), ended_(plan.nodes.size()) {}

void Moments::life_ends(NodeIndex node) {
  const EngineStats& stats = hosts_[node]->engine().stats();
  std::vector<std::uint64_t>& ended = ended_[node];
  ended.resize(info_figures().size());
  for (std::size_t i = 0; i < ended.size(); ++i)
    if (const auto counter = info_figures()[i].counter) ended[i] += stats.*counter;
}

std::uint64_t Moments::figure(NodeIndex node, std::size_t figure) const {
  const InfoFigure& info = info_figures()[figure];
  if (info.counter == nullptr) return 0;
  const std::uint64_t before = ended_[node].empty() ? 0 : ended_[node][figure];
  return before + (hosts_[node]->up() ? hosts_[node]->engine().stats().*info.counter : 0);
}

void Moments::mark(const std::string& moment) {
  std::vector<std::string> keys;
  for (const Step& step : plan_.steps) {
    const auto* expect = std::get_if<ExpectStep>(&step.action);
    if (expect != nullptr && expect->what->fence && expect->what->since == moment) keys.push_back(*expect->what->key);
  }
  std::vector<Counts> all(hosts_.size());
  for (NodeIndex node = 0; node < hosts_.size(); ++node) {
    const Host& host = *hosts_[node];
    Counts& counts = all[node];
    counts.messages = host.messages;
    counts.conflicts = host.conflicts;
    for (std::size_t i = 0; i < info_figures().size(); ++i)
      counts.figures.push_back(figure(node, i));
    for (const std::string& key : keys) {
      const auto lease = host.up() ? host.engine().dictionary().lease(key) : std::nullopt;
      if (lease) counts.fences.insert_or_assign(key, lease->fence);
    }
  }
  marked_.insert_or_assign(moment, std::move(all));
}

const Moments::Counts* Moments::at(const std::string& moment, NodeIndex node) const {
  const auto found = marked_.find(moment);
  return found == marked_.end() ? nullptr : &found->second[node];
}

}  // namespace meshdict::sim
