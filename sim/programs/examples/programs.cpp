#include "elect.h"

#include <chrono>
#include <optional>
#include <string>

using namespace meshdict;
using namespace std::chrono_literals;

namespace elect {
namespace {

// All members agree on the length of a lease.
const SyncOptions kOptions{.protocol = {.network = "elect"}, .lease = 2s};

enum class Refuses { kSuperseded, kNobody };

void take_lines(Machine& machine, Refuses refuses) {
  SyncSocket socket = machine.socket(kOptions);
  std::string largest;
  while (true) {
    const std::optional<Message> line = socket.recv(1h);
    if (!line || line->packets().size() != 2) continue;
    const auto fence = line->packets()[0].as<std::string>();
    const auto text = line->packets()[1].as<std::string>();
    if (refuses == Refuses::kSuperseded && fence < largest) {
      machine.note("refused", fence + " " + text);
      continue;
    }
    largest = fence;
    machine.note("accepted", fence + " " + text);
  }
}

}  // namespace

void lead(Machine& machine) {
  SyncSocket socket = machine.socket(kOptions);
  // One that joins looks before it claims.
  machine.sleep_for(3s);
  std::optional<Fence> fence;
  for (int count = 1;; ++count) {
    if (fence) socket.send(fence->hex(), machine.name() + " " + std::to_string(count));
    try {
      // Takes the lease, or renews it.
      socket.set("leader", machine.name());
      const Fence held = socket.fence("leader");
      if (!fence) machine.note("leads", held.hex());
      fence = held;
    } catch (const LeasedError& error) {
      if (fence) machine.note("follows", socket.get("leader", "nobody").as<std::string>());
      fence.reset();
    }
    machine.sleep_for(500ms);
  }
}

void keep_ledger(Machine& machine) {
  take_lines(machine, Refuses::kSuperseded);
}

void trust_everybody(Machine& machine) {
  take_lines(machine, Refuses::kNobody);
}

}  // namespace elect
