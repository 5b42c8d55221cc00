#include "sim/world/measures.h"

#include <algorithm>
#include <chrono>
#include <memory>

namespace meshdict::sim {

void Measures::away(NodeIndex node) {
  if (!away_since_[node]) away_since_[node] = world_.now();
}

void Measures::back(NodeIndex node) {
  if (const auto since = std::exchange(away_since_[node], std::nullopt)) {
    reach_.saw(Quantity::kAbsence, world_.now() - *since);
  }
  reach_.saw(Quantity::kLives, static_cast<std::int64_t>(hosts_[node]->life()));
  clock_moved(node, Duration::zero());
}

void Measures::clock_moved(NodeIndex node, Duration jump) {
  if (jump != Duration::zero()) reach_.saw(Quantity::kClockJump, std::chrono::abs(jump));
  const Duration offset = hosts_[node]->clock().wall_offset();
  if (!offsets_) offsets_ = Offsets{.lowest = offset, .highest = offset};
  offsets_->lowest = std::min(offsets_->lowest, offset);
  offsets_->highest = std::max(offsets_->highest, offset);
  reach_.saw(Quantity::kClockError, std::max(offset - offsets_->lowest, offsets_->highest - offset));
}

void Measures::divided() {
  if (!divided_since_) divided_since_ = world_.now();
}

void Measures::united() {
  if (const auto since = std::exchange(divided_since_, std::nullopt)) {
    reach_.saw(Quantity::kAbsence, world_.now() - *since);
  }
}

void Measures::parted(NodeIndex a, NodeIndex b) {
  parted_since_.try_emplace(std::minmax(a, b), world_.now());
}

void Measures::connected(NodeIndex a, NodeIndex b) {
  const auto parting = parted_since_.find(std::minmax(a, b));
  if (parting == parted_since_.end()) return;
  reach_.saw(Quantity::kParting, world_.now() - parting->second);
  parted_since_.erase(parting);
}

void Measures::dialled_at_once(std::uint64_t dials) {
  reach_.saw(Quantity::kLinksOfPair, static_cast<std::int64_t>(dials));
}

void Measures::wrote(NodeIndex node, const std::vector<std::string>& keys, std::uint64_t value_size) {
  const auto count = static_cast<std::int64_t>(keys.size());
  reach_.saw(Quantity::kKeysAtOnce, count);
  reach_.saw(Quantity::kValueSize, static_cast<std::int64_t>(value_size));
  const Host& host = *hosts_[node];
  const bool ahead = offsets_ && host.clock().wall_offset() - offsets_->lowest > host.plan().skew;
  if (ahead) reach_.saw(Quantity::kWrittenAhead, written_ahead_[node] += count);
  for (const std::string& key : keys) {
    reach_.saw(Quantity::kKeySize, static_cast<std::int64_t>(key.size()));
    std::set<NodeIndex>& writers = writers_[key];
    writers.insert(node);
    reach_.saw(Quantity::kRivals, static_cast<std::int64_t>(writers.size()) - 1);
  }
}

void Measures::deleted(const std::string& key) {
  deleted_[key] = world_.now();
}

void Measures::held(NodeIndex from, NodeIndex to) {
  std::vector<Duration>& waiting = held_[{from, to}];
  waiting.push_back(world_.now());
  reach_.saw(Quantity::kHeldWhispers, static_cast<std::int64_t>(waiting.size()));
}

void Measures::released(NodeIndex from, NodeIndex to) {
  const auto waiting = held_.find({from, to});
  if (waiting == held_.end()) return;
  reach_.saw(Quantity::kHeldFor, world_.now() - waiting->second.front());
  held_.erase(waiting);
}

void Measures::at_end() {
  reach_.saw(Quantity::kMembers, static_cast<std::int64_t>(hosts_.size()));
  for (const auto& [pair, since] : parted_since_)
    reach_.saw(Quantity::kParting, world_.now() - since);
  Duration longest_horizon{};
  for (const auto& host : hosts_) {
    longest_horizon = std::max(longest_horizon, host->plan().horizon);
    if (!host->up()) continue;
    reach_.saw(Quantity::kNeighbours, static_cast<std::int64_t>(host->engine().neighbours().size()));
    reach_.saw(Quantity::kKeys, static_cast<std::int64_t>(host->engine().dictionary().size()));
  }
  const auto old =
      std::ranges::count_if(deleted_, [&](const auto& entry) { return world_.now() - entry.second > longest_horizon; });
  if (old > 0) reach_.saw(Quantity::kOldDeletions, old);
}

}  // namespace meshdict::sim
