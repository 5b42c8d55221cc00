// From plans that fail to small ones.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "sim/plan/edit.h"
#include "sim/plan/plan_yaml.h"
#include "sim/runs/apart.h"
#include "sim/runs/shrink.h"
#include "sim/swarm/swarm.h"
#include "sim/world/world.h"

namespace meshdict::sim {
namespace {

constexpr std::uint64_t kPlenty = 10'000;

std::size_t entries(const Plan& plan, std::string_view word) {
  return static_cast<std::size_t>(
      std::ranges::count_if(plan.steps, [&](const Step& step) { return verb(step.action) == word; }));
}

/// Every node reaches every other by who joins whom.
bool is_one_mesh(const Plan& plan) {
  std::vector<bool> reached(plan.nodes.size(), false);
  reached[0] = true;
  for (std::size_t round = 0; round < plan.nodes.size(); ++round) {
    for (NodeIndex node = 0; node < plan.nodes.size(); ++node) {
      for (const NodeIndex other : plan.nodes[node].join)
        if (reached[node] || reached[other]) reached[node] = reached[other] = true;
    }
  }
  return std::ranges::find(reached, false) == reached.end();
}

// As if a crash and a deletion after it were the bug.
RC_GTEST_PROP(Shrink, LeavesWhatMustBe, (std::uint64_t seed)) {
  const Plan plan = draw_plan(swarm_plan(seed), seed);
  const Fails fails = [](const Plan& candidate) {
    const auto crash = std::ranges::find(candidate.steps, std::string_view("crash"),
                                         [](const Step& step) { return verb(step.action); });
    return std::any_of(crash, candidate.steps.end(), [](const Step& step) { return verb(step.action) == "delete"; });
  };
  RC_PRE(fails(plan));
  const Shrunk shrunk = shrink(plan, fails, kPlenty);
  RC_ASSERT(fails(shrunk.plan));
  RC_ASSERT(shrunk.plan.steps.size() == 2U);
  RC_ASSERT(shrunk.plan.nodes.size() == 2U);
  RC_ASSERT(shrunk.plan.steps[1].at.low <= Duration(1s));
  RC_ASSERT(is_one_mesh(shrunk.plan));
}

RC_GTEST_PROP(Shrink, EachPlanThatIsTriedCanBeRun, (std::uint64_t seed)) {
  const Plan plan = draw_plan(swarm_plan(seed), seed);
  std::uint64_t tries = 0;
  const Fails fails = [&](const Plan& candidate) {
    // Its times in order, its nodes there, and its mesh one: the world asserts the rest.
    RC_ASSERT(std::ranges::is_sorted(candidate.steps, {}, [](const Step& step) { return step.at.low; }));
    RC_ASSERT((is_one_mesh(candidate) || !is_one_mesh(plan)));
    if (++tries % 16 == 0) run_plan(candidate, seed);
    return tries % 3 == 0;
  };
  RC_ASSERT(shrink(plan, fails, 200).tries <= 200U);
}

TEST(Shrink, WithoutANodeItsJoinersJoinWhatItJoined) {
  const auto plan = load_plan("nodes: [a, b, c, d]\njoin: chain\nsteps: []\n", "p");
  ASSERT_TRUE(plan.has_value());
  const Plan drawn = draw_plan(*plan, 1);
  const auto without_b = without_node(drawn, 1);
  ASSERT_TRUE(without_b.has_value());
  EXPECT_EQ(without_b->nodes[1].name, "c");
  EXPECT_THAT(without_b->nodes[1].join, testing::ElementsAre(0U));
  EXPECT_THAT(without_b->nodes[2].join, testing::ElementsAre(1U));
  const auto without_a = without_node(drawn, 0);
  ASSERT_TRUE(without_a.has_value());
  EXPECT_TRUE(is_one_mesh(*without_a));
  EXPECT_THAT(without_a->nodes[0].join, testing::IsEmpty());
}

TEST(Shrink, WithoutANodeGoesWhatIsOfItAlone) {
  const auto plan = load_plan(
      "nodes: [a, b, c]\nsteps:\n"
      "- {at: 1s, set: {node: b, key: k, value: v}}\n"
      "- {at: 2s, set: {node: c, key: k, value: v}}\n"
      "- {at: 3s, partition: {groups: [[b], [c]]}}\n"
      "- {at: 4s, reset: {between: [b, c]}}\n"
      "- {at: 5s, link: {latency: 1s}}\n"
      "- {at: 6s, expect: {nodes: all, key: k, value: v}}\n"
      "- {at: 7s, expect: {nodes: [a], linked: [b]}}\n",
      "p");
  ASSERT_TRUE(plan.has_value()) << plan.error().front();
  const auto left = without_node(draw_plan(*plan, 1), 1);
  ASSERT_TRUE(left.has_value());
  ASSERT_EQ(left->steps.size(), 4U);
  EXPECT_EQ(std::get<SetStep>(left->steps[0].action).node, 1U);
  EXPECT_EQ(std::get<PartitionStep>(left->steps[1].action).groups.size(), 1U);
  EXPECT_EQ(entries(*left, "link"), 1U);
  EXPECT_THAT(std::get<ExpectStep>(left->steps[3].action).what->nodes, testing::ElementsAre(0U, 1U));
  EXPECT_FALSE(without_node(*left, 0).has_value()) << "two are a mesh, one is none";
}

TEST(Shrink, RoundsToTheLargestUnit) {
  EXPECT_EQ(rounded(Duration(3'720'000us)), Duration(3s));
  EXPECT_EQ(rounded(Duration(45'600ms)), Duration(40s));
  EXPECT_EQ(rounded(Duration(25h)), Duration(25h));
  EXPECT_EQ(rounded(Duration(721ms)), Duration(700ms));
  EXPECT_EQ(rounded(Duration(999us)), Duration(999us));
}

TEST(RunApart, TellsTheFirstViolationOfEachProperty) {
  const auto plan = load_plan(
      "nodes: [a, b]\nsteps:\n"
      "- {at: 5s, expect: {nodes: [a], key: k, value: v}}\n"
      "- {at: 6s, expect: {nodes: [b], key: k, value: v}}\n",
      "p");
  ASSERT_TRUE(plan.has_value());
  const auto failures = run_apart(*plan, 1, std::chrono::seconds(60));
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_EQ(failures[0].property, "expect");
  EXPECT_EQ(failures[0].at, Duration(5s));
  EXPECT_EQ(failures[0].nodes, "a");
  EXPECT_TRUE(run_apart(draw_plan(swarm_plan(1), 1), 1, std::chrono::seconds(60)).empty());
}

TEST(RunApart, ARunThatDoesNotEndIsEnded) {
  const auto plan = load_plan("nodes: 300\njoin: star\nsteps: []\nquiet: 10000h\n", "p");
  ASSERT_TRUE(plan.has_value());
  const auto failures = run_apart(*plan, 1, std::chrono::milliseconds(50));
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_EQ(failures[0].property, "no end");
}

TEST(RunApart, WhatEndsTheProgramIsACrash) {
  Plan broken = draw_plan(swarm_plan(1), 1);
  broken.steps.clear();
  broken.nodes[0].join = {12'345};  // no such node
  const auto failures = run_apart(broken, 1, std::chrono::seconds(60));
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_EQ(failures[0].property, "crash");
}

}  // namespace
}  // namespace meshdict::sim
