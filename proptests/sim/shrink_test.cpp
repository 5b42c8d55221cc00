// From plans that fail to small ones.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sim/plan/edit.h"
#include "sim/plan/yaml/plan.h"
#include "sim/plan/yaml/writer.h"
#include "sim/runs/alike.h"
#include "sim/runs/shrink.h"
#include "sim/swarm/swarm.h"
#include "sim/world/world.h"

namespace meshdict::sim {
namespace {

constexpr std::uint64_t kPlenty = 10'000;

FirstThatFails one_by_one(std::function<bool(const Plan&)> fails) {
  return [fails = std::move(fails)](std::span<const Plan> plans) -> std::optional<std::size_t> {
    for (std::size_t i = 0; i < plans.size(); ++i)
      if (fails(plans[i])) return i;
    return std::nullopt;
  };
}

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
  const auto fails = [](const Plan& candidate) {
    const auto crash = std::ranges::find(candidate.steps, std::string_view("crash"),
                                         [](const Step& step) { return verb(step.action); });
    return std::any_of(crash, candidate.steps.end(), [](const Step& step) { return verb(step.action) == "delete"; });
  };
  RC_PRE(fails(plan));
  const Shrunk shrunk = shrink(plan, one_by_one(fails), {.most_tries = kPlenty});
  RC_ASSERT(fails(shrunk.plan));
  RC_ASSERT(shrunk.plan.steps.size() == 2U);
  RC_ASSERT(shrunk.plan.nodes.size() == 2U);
  RC_ASSERT(shrunk.plan.steps[1].at.low <= Duration(1s));
  RC_ASSERT(is_one_mesh(shrunk.plan));
}

RC_GTEST_PROP(Shrink, EachPlanThatIsTriedCanBeRun, (std::uint64_t seed)) {
  const Plan plan = draw_plan(swarm_plan(seed), seed);
  std::uint64_t tries = 0;
  const auto fails = [&](const Plan& candidate) {
    // Its times in order, its nodes there, and its mesh one: the world asserts the rest.
    RC_ASSERT(std::ranges::is_sorted(candidate.steps, {}, [](const Step& step) { return step.at.low; }));
    RC_ASSERT((is_one_mesh(candidate) || !is_one_mesh(plan)));
    if (++tries % 16 == 0) run_plan(candidate, seed);
    return tries % 3 == 0;
  };
  RC_ASSERT(shrink(plan, one_by_one(fails), {.most_tries = 200}).tries <= 200U);
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

Violation expect_of(std::uint32_t line, std::vector<std::string> nodes, std::string what) {
  return {.property = "expect", .at = {}, .nodes = std::move(nodes), .what = std::move(what), .line = line};
}

TEST(Alike, WhateverNumberOrValueWasSeenTheDemandIsTheSame) {
  const Violation seen = expect_of(3, {"a"}, "should have 0 to 3 messages, and has 88 (p:3)");
  EXPECT_TRUE(is_alike(expect_of(3, {"a"}, "should have 0 to 3 messages, and has 4 (p:3)"), seen));
  EXPECT_FALSE(is_alike(expect_of(4, {"a"}, "should have 0 to 3 messages, and has 4 (p:4)"), seen)) << "another step";
  EXPECT_FALSE(is_alike(expect_of(3, {"b"}, "should have 0 to 3 messages, and has 4 (p:3)"), seen)) << "another node";
  EXPECT_FALSE(is_alike(expect_of(3, {"a"}, "should have 2 keys, and has 4 (p:3)"), seen)) << "another demand";
  EXPECT_FALSE(is_alike({.property = "S1", .at = {}, .nodes = {"a"}, .what = "differ"}, seen));
  const Violation of_key = expect_of(3, {}, "'seat' should be b, and is a");
  EXPECT_TRUE(is_alike(expect_of(3, {}, "'k' should be x, and is y"), of_key));
  EXPECT_FALSE(is_alike(expect_of(3, {}, "'k' should be x, and is nothing"), of_key));
  EXPECT_FALSE(is_alike(expect_of(3, {}, "'k' should be owned by x, and is owned by nobody"), of_key));
}

TEST(Shrink, AnyNumberOfPlansAtOnceGiveTheSame) {
  const Plan plan = draw_plan(swarm_plan(7), 7);
  const auto writes = [](const Plan& candidate) { return entries(candidate, "set") >= 3; };
  const auto shrunk = [&](std::size_t at_once) {
    return to_yaml(shrink(plan, one_by_one(writes), {.most_tries = kPlenty, .at_once = at_once}).plan);
  };
  ASSERT_TRUE(writes(plan));
  EXPECT_EQ(shrunk(3), shrunk(1));
  EXPECT_EQ(shrunk(64), shrunk(1));
}

TEST(Shrink, StepsStayBehindTheMomentWhenTheMeshHasFormedUnlessThatIsTheCause) {
  const auto plan = load_plan(
      "nodes: [a, b]\nsteps:\n- {at: 1s, set: {node: a, key: long, value: longer}}\n"
      "- {at: 50s, delete: {node: b, key: long}}\n",
      "p");
  ASSERT_TRUE(plan.has_value());
  const Plan drawn = draw_plan(*plan, 1);
  const auto first_at = [&](const auto& fails) {
    const Shrunk shrunk = shrink(drawn, one_by_one(fails),
                                 {.most_tries = kPlenty, .formed_at = [](const Plan&) { return Duration(8s); }});
    EXPECT_TRUE(shrunk.complete);
    return shrunk.plan.steps.front().at.low;
  };
  const auto both = [](const Plan& candidate) { return candidate.steps.size() == 2; };
  const auto early = [&](const Plan& candidate) { return both(candidate) && candidate.steps.front().at.low < 5s; };
  EXPECT_EQ(first_at(both), 8s);
  EXPECT_EQ(first_at(early), 1s);
}

TEST(Shrink, KeysAndValuesBecomeShortAndStayApart) {
  const auto plan = load_plan(
      "nodes: [a, b]\nsteps:\n- {at: 1s, set: {node: a, key: a seat, value: the first, value_size: 9KB, wait: 1}}\n"
      "- {at: 2s, set: {node: b, key: k, value: the second}}\n- {at: 3s, expect: {node: b, key: a seat, value: the "
      "second}}\n",
      "p");
  ASSERT_TRUE(plan.has_value()) << plan.error().front();
  const auto all = [](const Plan& candidate) { return candidate.steps.size() == 3; };
  const Plan small = shrink(draw_plan(*plan, 1), one_by_one(all), {.most_tries = kPlenty}).plan;
  const auto& first = std::get<SetStep>(small.steps[0].action);
  const auto& second = std::get<SetStep>(small.steps[1].action);
  const auto& expect = *std::get<ExpectStep>(small.steps[2].action).what;
  EXPECT_EQ(first.key + second.key + *expect.key, "lkl");
  EXPECT_EQ(first.value + second.value + *expect.value, "abb");
  EXPECT_EQ(first.value_size + first.wait, 0U);
}

TEST(Shrink, IsContentWhenItMustBe) {
  const Plan plan = draw_plan(swarm_plan(7), 7);
  int left = 5;
  const auto none = [](const Plan&) { return false; };
  const Shrunk shrunk = shrink(plan, one_by_one(none), {.most_tries = kPlenty, .enough = [&] { return --left < 0; }});
  EXPECT_FALSE(shrunk.complete);
  EXPECT_LE(shrunk.tries, 5U);
}

}  // namespace
}  // namespace meshdict::sim
