#include "sim/machines/host.h"
#include "core/env/limits.h"

#include <utility>

namespace meshdict::sim {
namespace {

/// Machines have been up for different times when a run begins.
constexpr Duration kLongestUptime = 240h;

std::uint64_t node_seed(std::uint64_t seed, std::string_view name) {
  return derive_seed(derive_seed(seed, "node"), name);
}

Duration mono_offset(std::uint64_t seed) {
  RandomStream random(derive_seed(seed, "uptime"));
  return Duration(random.between(0, Duration(kLongestUptime).count()));
}

}  // namespace

RandomStream VirtualRandom::stream(std::string_view subsystem) const {
  return RandomStream(derive_seed(derive_seed(seed_, life_), subsystem));
}

// AddressBook

AddressBook::AddressBook(const std::vector<NodePlan>& nodes) {
  for (NodeIndex i = 0; i < nodes.size(); ++i)
    by_name_.emplace(nodes[i].name, i);
}

NodeIndex AddressBook::find(std::string_view host) const {
  const auto found = by_name_.find(host);
  return found == by_name_.end() ? kNobody : found->second;
}

NodeIndex AddressBook::find(const Endpoint& endpoint) const {
  return endpoint.port == env_limits::kDefaultPort ? find(endpoint.host) : kNobody;
}

// Host

Host::Host(NodeIndex index, const NodePlan& plan, std::uint64_t seed, bool keeps, const EventQueue& world,
           Network& network, const AddressBook& addresses, Observer& observer)
    : plan_(plan),
      world_(world),
      observer_(observer),
      clock_(world, plan.clock.low, mono_offset(node_seed(seed, plan.name))),
      disk_(keeps),
      random_(node_seed(seed, plan.name)),
      transport_(index, network, addresses) {
  disk_.set_syncs_commits(plan.syncs_commits);
}

void Host::end() {
  engine_.reset();
  disk_.end_life();
  paused = false;
  busy = false;
  waiting.clear();
  reading.clear();
  waits.clear();
}

void Host::set_plan(NodePlan plan) {
  plan_ = std::move(plan);
  disk_.set_syncs_commits(plan_.syncs_commits);
}

EngineConfig Host::config(const std::vector<NodePlan>& nodes) const {
  EngineConfig config{plan_};
  config.network = plan_.network;
  config.kept_deletions = plan_.kept_deletions;
  config.clock_guard = plan_.clock_guard;
  config.advertise = {plan_.name, env_limits::kDefaultPort};
  for (const NodeIndex other : plan_.join)
    config.join.push_back({nodes[other].name, env_limits::kDefaultPort});
  return config;
}

std::expected<void, StartError> Host::start(EngineConfig config) {
  random_.next_life(++life_);
  alive_since_ = world_.now();
  engine_ = std::make_unique<Engine>(std::move(config), clock_, transport_, disk_, random_, observer_);
  auto started = engine_->start();
  id_ = engine_->id();
  return started;
}

}  // namespace meshdict::sim
