// While two nodes stay connected, nothing is lost or comes twice when their traffic moves to another connection.
//
// Two or three nodes dial each other at the same moment, so that connections are made, used, retired, read to their end
// and closed, while all send broadcasts and whispers in each of these phases. There is no fault: so nobody may ever lose a
// neighbour, and whatever a node sends once it is linked to the others arrives exactly once at each.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "core/base/random.h"
#include "core/limits.h"
#include "proptests/sim/plan_gen.h"
#include "sim/runs/report.h"
#include "sim/world/world.h"

namespace meshdict::test {
namespace {

// Every pair is linked by then: a dial that was refused, since the other was not up yet, is repeated after a second.
constexpr Duration kLinked = 12s;

Step step_at(Duration time, Action action) {
  Step step;
  step.at = at(time);
  step.action = std::move(action);
  return step;
}

/// A broadcast or a whisper.
Action draw_message(RandomStream& random, NodeIndex nodes) {
  const auto from = static_cast<NodeIndex>(random.below(nodes));
  if (random.below(4) > 0) return BroadcastStep{from, "text"};
  const auto further = static_cast<NodeIndex>(random.between(1, nodes - 1));
  return WhisperStep{from, (from + further) % nodes, "text"};
}

/// Messages all through the making of connections that are dialled at `begin`, most of them while the first are settled,
/// and around the end of their linger. Drawn from a seed: RapidCheck would shrink each.
void add_messages(Plan& plan, Duration begin, RandomStream& random) {
  const auto nodes = static_cast<NodeIndex>(plan.nodes.size());
  const Duration flight = plan.links.latency.high + plan.links.jitter.high;
  const auto add = [&](int count, Duration from) {
    for (int i = 0; i < count; ++i) {
      const auto after = Duration(random.between((4 * flight).count(), (12 * flight).count()));
      plan.steps.push_back(step_at(from + after, draw_message(random, nodes)));
    }
  };
  add(200, begin);
  add(100, begin + limits::kLinger);
}

/// Each node dials each other within the time of one flight: it does where it has not dialled the present connection.
void add_dials(Plan& plan, Duration begin) {
  const auto nodes = static_cast<NodeIndex>(plan.nodes.size());
  for (NodeIndex from = 0; from < nodes; ++from) {
    for (NodeIndex to = 0; to < nodes; ++to) {
      if (from == to) continue;
      plan.steps.push_back(step_at(begin + *between(0s, plan.links.latency.high), ConnectStep{from, to}));
    }
  }
}

Plan any_switching_plan(NodeIndex nodes, RandomStream& random) {
  Plan plan;
  plan.name = "random";
  // Frames on two connections overtake each other by the jitter. A probe is answered within its second.
  plan.links.latency = at(*between(1ms, 100ms));
  plan.links.jitter = at(*between(0ms, 350ms));
  for (NodeIndex i = 0; i < nodes; ++i) {
    NodePlan node;
    node.name = "n" + std::to_string(i + 1);
    node.start = at(*between(0s, plan.links.latency.high));
    for (NodeIndex other = 0; other < nodes; ++other) {
      if (other != i) node.join.push_back(other);
    }
    plan.nodes.push_back(node);
  }
  add_messages(plan, 0s, random);
  Duration begin = kLinked;
  for (auto rounds = *rc::gen::inRange(1, 3); rounds > 0; --rounds) {
    add_dials(plan, begin);
    add_messages(plan, begin, random);
    begin += *between(100ms, 8s);
  }
  plan.quiet = 60s;
  return plan;
}

std::uint64_t arrived(const World& world) {
  std::uint64_t messages = 0;
  for (const auto& host : world.hosts())
    messages += host->messages;
  return messages;
}

std::size_t links(const World& world, NodeIndex node) {
  const auto& host = world.hosts()[node];
  return host->up() ? host->engine().neighbours().size() : 0;
}

/// How many messages must arrive, and how many may besides.
struct Expected {
  std::uint64_t must = 0;
  std::uint64_t may = 0;
};

/// Runs the plan to its end. What a node sends once it is linked to all must arrive, whatever becomes of its links.
Expected run_to_end(World& world, const Plan& plan) {
  const std::uint64_t others = plan.nodes.size() - 1;
  Expected expected;
  for (const Step& step : plan.steps) {
    const auto* const broadcast = std::get_if<BroadcastStep>(&step.action);
    world.run_until(step.at.low - 1us);
    const bool must = broadcast != nullptr && links(world, broadcast->node) == others;
    world.run_until(step.at.low);
    if (must) {
      expected.must += others;
    } else if (broadcast != nullptr && links(world, broadcast->node) > 0) {
      expected.may += others;
    }
    if (std::holds_alternative<WhisperStep>(step.action)) ++expected.must;
  }
  world.run_until(world.end());
  return expected;
}

template <typename T>
std::uint64_t told(const RunResult& result) {
  return result.counters.events[Event(T()).index()];
}

void loses_nothing(NodeIndex nodes) {
  const auto seed = *rc::gen::arbitrary<std::uint64_t>();
  const auto any_plan = rc::gen::exec([nodes, seed] {
    RandomStream random(derive_seed(seed, "messages"));
    return any_switching_plan(nodes, random);
  });
  // At full size from the first case on: small delays reorder nothing.
  const Plan plan = expand(*rc::gen::resize(rc::kNominalSize, any_plan), seed);
  for (std::uint64_t world_seed = seed; world_seed != seed + 5; ++world_seed) {
    World world(plan, world_seed);
    const Expected expected = run_to_end(world, plan);
    const std::uint64_t messages = arrived(world);
    const RunResult result = world.finish();
    if (!result.passed()) RC_FAIL(violations_text(result));
    RC_ASSERT(told<PeerDown>(result) == 0U);
    RC_ASSERT(messages >= expected.must);
    RC_ASSERT(messages <= expected.must + expected.may);
    RC_ASSERT(expected.must > expected.may);
  }
}

RC_GTEST_PROP(Switch, OfTwoLosesNothing, ()) {
  loses_nothing(2);
}

RC_GTEST_PROP(Switch, OfThreeLosesNothing, ()) {
  loses_nothing(3);
}

}  // namespace
}  // namespace meshdict::test
