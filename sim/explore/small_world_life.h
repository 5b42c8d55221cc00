#pragma once
// One process of a SmallWorld: Links, and the world seen from it.

#include <cassert>
#include <string>

#include "sim/explore/small_world.h"

namespace meshdict::sim {

class SmallWorld::Life final : public LinksHost, public Transport {
 public:
  Life(SmallWorld& world, NodeIndex node, const LinkSettings& settings, RandomStream random)
      : world_(world),
        node_(node),
        policy(world.plan_.rule, world.plan_.policy),
        originator_(world.ids_->at(node), Boot{world.tallies_[node].boots}, world.clock_),
        links(settings, world.clock_, *this, originator_, random, *this, policy.get()) {}
  /// A copy in another world. Stamps start anew: Links does not look at them.
  Life(SmallWorld& world, const Life& other)
      : world_(world),
        node_(other.node_),
        policy(other.policy),
        originator_(world.ids_->at(other.node_), Boot{world.tallies_[other.node_].boots}, world.clock_),
        links(other.links, world.clock_, *this, originator_, *this, policy.get()) {}

  [[nodiscard]] bool is_in(const SmallWorld& world) const { return &world == &world_; }

  // Transport

  ConnId dial(const Endpoint& to) override { return world_.dialed(node_, static_cast<NodeIndex>(to.port - 1)); }
  void send(ConnId conn, const Frame& frame) override { world_.sent(node_, conn, frame); }
  [[nodiscard]] std::size_t queued(ConnId /*conn*/) const override { return 0; }
  void close(ConnId conn) override { world_.closed(node_, conn); }

  // LinksHost

  void on_pair_up(Pair& /*pair*/) override {}
  void on_link_up(Connection& /*link*/) override {}
  void on_pair_down(const Pair& pair, const Connection& /*last*/, const Ending& /*ending*/) override {
    if (Py2pRule* const py2p = policy.py2p()) py2p->forget(pair.peer);
  }
  void on_refused(const Connection& /*conn*/, const Ending& /*ending*/) override {}
  void on_address(const Endpoint& /*address*/, const Connection& /*conn*/) override {}

 private:
  SmallWorld& world_;
  NodeIndex node_;

 public:
  AnyPolicy policy;

 private:
  Originator originator_;

 public:
  Links links;
};

}  // namespace meshdict::sim
