#include "app/figures/health.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/log/log.h"

namespace meshdict {
namespace {

bool holds(Degraded state, const Lacks& lacks, const RespService& service) {
  switch (state) {
    case Degraded::kDiskFull:
      return lacks.disk;
    case Degraded::kDiskLimit:
      return lacks.disk_limit;
    case Degraded::kMemoryShort:
      return lacks.memory;
    case Degraded::kMemoryLimit:
      return lacks.memory_limit;
    case Degraded::kClockWrong:
      return is_beyond(service.engine.clock().standing);
    case Degraded::kIdentityInUse:
      return service.watch.identity_in_use();
  }
  return false;
}

}  // namespace

std::string_view to_string(Degraded state) {
  switch (state) {
    case Degraded::kDiskFull:
      return "disk_full";
    case Degraded::kDiskLimit:
      return "disk_limit";
    case Degraded::kMemoryShort:
      return "memory_short";
    case Degraded::kMemoryLimit:
      return "memory_limit";
    case Degraded::kClockWrong:
      return "clock_wrong";
    case Degraded::kIdentityInUse:
      return "identity_in_use";
  }
  return "unknown";
}

std::string_view describe(Degraded state) {
  switch (state) {
    case Degraded::kDiskFull:
      return "the disk is full: clients may read and delete, writes are refused until there is room";
    case Degraded::kDiskLimit:
      return "--max-disk is reached: clients may read and delete, writes are refused until the files are down to the "
             "low-water mark";
    case Degraded::kMemoryShort:
      return "no memory is left: clients may read and delete, writes are refused until there is some";
    case Degraded::kMemoryLimit:
      return "--max-memory is reached: clients may read and delete, writes are refused until keys and queues are down "
             "to "
             "the low-water mark";
    case Degraded::kClockWrong:
      return "our clock is further from those of most neighbours than members allow: no key is claimed here (see "
             "--clock-guard); check the time service";
    case Degraded::kIdentityInUse:
      return "another process has our identity: was a data directory copied? Stop one of the two";
  }
  return "unknown";
}

std::vector<Degraded> degraded_states(const RespService& service) {
  std::vector<Degraded> states;
  const Lacks lacks = service.lacks();
  std::ranges::copy_if(kAllDegraded, std::back_inserter(states),
                       [&](Degraded state) { return holds(state, lacks, service); });
  return states;
}

std::vector<std::string> reasons_not_ready(const RespService& service) {
  std::vector<std::string> reasons;
  const Engine& engine = service.engine;
  const auto neighbours = engine.neighbours();
  // Whoever has met nobody, and was given nobody to join, is the first of its mesh.
  if (neighbours.empty() && engine.known_addresses() > 0) {
    reasons.push_back(fmt::format("alone: no neighbour, and {} addresses are known", engine.known_addresses()));
  }
  // A py2p node sends all that it has at once, and compares nothing.
  const bool compares = std::ranges::any_of(neighbours, [](const NeighbourView& peer) { return peer.meshdict; });
  if (compares && !engine.dictionary().in_contact()) {
    reasons.emplace_back("not caught up: no comparing of dictionaries with a neighbour is complete yet");
  }
  if (const auto other = service.watch.other_settings()) {
    reasons.push_back(fmt::format("settings differ from those of {}: check --lease-seconds of both",
                                  printable(to_string(*other), 80)));
  }
  for (const Degraded state : degraded_states(service))
    reasons.push_back(fmt::format("{}: {}", to_string(state), describe(state)));
  return reasons;
}

}  // namespace meshdict
