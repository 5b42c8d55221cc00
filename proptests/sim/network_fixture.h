#pragma once
// A bare virtual network whose nodes only write down what arrives.

#include <algorithm>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/machines/event_queue.h"
#include "sim/machines/network.h"
#include "sim/plan/fault.h"
#include "sim/trace/trace.h"

namespace meshdict::test {

using namespace meshdict::sim;

struct Arrival {
  Duration at{};
  NodeIndex node = 0;
  std::string what;
  bool operator==(const Arrival&) const = default;
};
inline void PrintTo(const Arrival& arrival, std::ostream* os) {
  *os << seconds_text(arrival.at) << " node " << arrival.node << ": " << arrival.what;
}

// Writes down what arrives.
class Wire final : public NetworkUser {
 public:
  explicit Wire(std::size_t nodes, Duration latency, std::uint64_t bandwidth = 0)
      : queue(1), network(1, nodes, link(latency, bandwidth), queue, *this, faults, reach) {
    for (NodeIndex node = 0; node < nodes; ++node)
      network.set_machine(node, Machine::kUp);
  }

  void accepted(NodeIndex node, ConnId conn, NodeIndex) override { note(node, conn, "accepted"); }
  void connected(NodeIndex node, ConnId conn) override { note(node, conn, "connected"); }
  void received(NodeIndex node, ConnId conn, NodeIndex, const Portion& portion) override {
    read += portion.bytes;
    if (portion.more) return;
    const std::string whole = std::exchange(read, {});
    for (std::string_view left = whole; !left.empty();) {
      const std::size_t size = portion.piece == 0 ? left.size() : std::min<std::size_t>(portion.piece, left.size());
      note(node, conn, std::string(left.substr(0, size)));
      left.remove_prefix(size);
    }
  }
  void drained(NodeIndex node, ConnId conn) override { note(node, conn, "drained"); }
  void closed(NodeIndex node, ConnId conn, std::string_view why) override { note(node, conn, std::string(why)); }

  void run(Duration until) {
    while (!queue.empty() && queue.next_time() <= until)
      network.handle(queue.pop());
    if (queue.now() < until) queue.advance_to(until);
  }
  void send(NodeIndex node, const std::string& text, std::uint32_t size = 1) {
    network.send(conns.at(node), {std::make_shared<const std::string>(text), size, {}});
  }
  /// What has arrived since the last call.
  std::vector<Arrival> take() { return std::exchange(arrivals, {}); }
  /// 0 dials 1, and both are told.
  void connect() {
    conns[0] = network.dial(0, 1);
    run(queue.now() + 1s);
    take();
  }

  FaultCounts faults;
  Reach reach{NodePlan()};
  EventQueue queue;
  Network network;
  std::map<NodeIndex, ConnId> conns;
  std::vector<Arrival> arrivals;
  // Of the read under way.
  std::string read;

 private:
  static LinkPlan link(Duration latency, std::uint64_t bandwidth) {
    return {.latency = {latency, latency}, .jitter = {}, .bandwidth = bandwidth};
  }
  void note(NodeIndex node, ConnId conn, std::string what) {
    if (what == "accepted" || what == "connected") conns[node] = conn;
    arrivals.push_back({queue.now(), node, std::move(what)});
  }
};

}  // namespace meshdict::test
