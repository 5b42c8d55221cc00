// Exploration, and the rules for duplicate connections: what the arbiter never does, and the others do.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <ostream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/links/arbiter.h"
#include "core/links/links.h"
#include "sim/explore/conflict_study.h"
#include "sim/explore/explore.h"
#include "sim/explore/explore_yaml.h"

namespace meshdict::sim {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// Each node dials each other so many times.
SmallPlan all_dial(std::uint32_t nodes, std::uint32_t times, const FaultBudget& faults, Rule rule = Rule::kArbiter) {
  SmallPlan plan{.nodes = {}, .dials = {}, .faults = faults, .rule = rule};
  for (NodeIndex from = 0; from < nodes; ++from) {
    plan.nodes.push_back(fmt::format("n{}", from + 1));
    for (NodeIndex to = 0; to < nodes; ++to) {
      for (std::uint32_t i = 0; i < times && from != to; ++i)
        plan.dials.push_back({.from = from, .to = to});
    }
  }
  return plan;
}

ExploreResult explore_all(const SmallPlan& plan) {
  ExploreResult result = explore(plan, {}, {});
  EXPECT_THAT(result.stopped, IsEmpty());
  EXPECT_EQ(result.counts.cycles, 0U) << "a run need not come to rest";
  return result;
}

/// The same, and the first two say something to each other.
SmallPlan with_messages(SmallPlan plan) {
  plan.says = {{.from = 0, .to = 1}, {.from = 1, .to = 0}};
  return plan;
}

constexpr FaultBudget kNoFaults{};

// The counts change only when Links, the arbiter or the model does; then the commit says why.
struct Pinned {
  std::string name;
  SmallPlan plan;
  std::uint64_t states;
  std::uint64_t terminals;
};

void PrintTo(const Pinned& pinned, std::ostream* out) {
  *out << pinned.name;
}

class Arbiter : public ::testing::TestWithParam<Pinned> {};

TEST_P(Arbiter, LeavesExactlyOneConnection) {
  const ExploreResult result = explore_all(GetParam().plan);
  EXPECT_THAT(result.wrongs, IsEmpty());
  EXPECT_EQ(result.counts.states, GetParam().states);
  EXPECT_EQ(result.counts.terminals, GetParam().terminals);
}

constexpr FaultBudget kReset{.reset = 1, .in_all = 1};
constexpr FaultBudget kHalfOpen{.half_open = 1, .in_all = 1};
constexpr FaultBudget kCrash{.crash = 1, .in_all = 1};
constexpr FaultBudget kResetAndCrash{.reset = 1, .crash = 1, .in_all = 2};
constexpr FaultBudget kLate{.late = 1};

/// A connection breaks unseen, and the next shows it: what is sent goes over the new one at once.
SmallPlan one_dial_prompt() {
  SmallPlan plan = all_dial(2, 1, kHalfOpen);
  plan.dials.pop_back();
  plan.prompt = true;
  return plan;
}

INSTANTIATE_TEST_SUITE_P(Explored, Arbiter,
                         ::testing::Values(Pinned{"one_dial_each", all_dial(2, 1, kNoFaults), 89, 6},
                                           Pinned{"two_dials_each", all_dial(2, 2, kNoFaults), 201009, 12},
                                           Pinned{"reset", all_dial(2, 1, kReset), 2187, 60},
                                           Pinned{"half_open", all_dial(2, 1, kHalfOpen), 2596, 66},
                                           Pinned{"crash", all_dial(2, 1, kCrash), 14237, 121},
                                           Pinned{"reset_and_crash", all_dial(2, 1, kResetAndCrash), 249408, 785},
                                           Pinned{"late", all_dial(2, 1, kLate), 113190, 222},
                                           Pinned{"prompt", one_dial_prompt(), 75, 8},
                                           Pinned{"messages", with_messages(all_dial(2, 1, kNoFaults)), 1226, 25},
                                           Pinned{"three_nodes", all_dial(3, 1, kNoFaults), 309510, 124}),
                         [](const auto& test) { return test.param.name; });

// The reduction leaves out ways, and no ends.
TEST(Reduction, FindsTheSameEnds) {
  for (const FaultBudget& faults : {kNoFaults, kReset, kHalfOpen}) {
    SmallPlan plan = all_dial(2, 1, faults);
    const ExploreResult reduced = explore_all(plan);
    plan.reduced = false;
    const ExploreResult full = explore_all(plan);
    EXPECT_GT(full.counts.states, 2 * reduced.counts.states);
    EXPECT_EQ(reduced.ends, full.ends);
  }
}

TEST(Reduction, FindsTheSameForks) {
  for (const FaultBudget& faults : {kNoFaults, kReset, kHalfOpen}) {
    for (std::size_t rule = 0; rule < kRules; ++rule) {
      SmallPlan plan = all_dial(2, 1, faults, static_cast<Rule>(rule));
      const bool reduced_holds = explore(plan, {}, {}).wrongs.empty();
      plan.reduced = false;
      EXPECT_EQ(reduced_holds, explore(plan, {}, {}).wrongs.empty()) << name_of(plan.rule);
    }
  }
}

// The forks

std::string first_wrong(const SmallPlan& plan) {
  const ExploreResult result = explore(plan, {}, {});
  if (result.wrongs.empty()) return {};
  // The way that is reported leads there, and its YAML reads back as the same way.
  const std::string yaml = to_yaml({.plan = plan, .choices = result.tape}, {"found"});
  EXPECT_TRUE(is_exploration(yaml));
  auto read = load_exploration(yaml, "found.yaml");
  EXPECT_TRUE(read.has_value()) << (read ? "" : read.error().front());
  if (!read) return {};
  EXPECT_EQ(read->choices, result.tape);
  // Which has no name.
  auto& read_plan = std::get<SmallPlan>(read->plan);
  read_plan.policy = plan.policy;
  SmallWorld world(read_plan);
  for (const Choice& choice : read->choices) {
    const std::vector<Choice> possible = world.choices();
    EXPECT_NE(std::ranges::find(possible, choice), possible.end()) << text_of(plan.nodes, choice);
    world.apply(choice);
  }
  EXPECT_EQ(world.wrongs(), result.wrongs);
  return result.wrongs.front();
}

TEST(Rules, Py2pAsShippedForksWhenTwoDialOnce) {
  EXPECT_THAT(first_wrong(all_dial(2, 1, kNoFaults, Rule::kPy2p)), HasSubstr("do not both use"));
}

TEST(Rules, Py2pFixedHoldsWithOneDialAndForksWithTwo) {
  EXPECT_THAT(first_wrong(all_dial(2, 1, kNoFaults, Rule::kPy2pFixed)), IsEmpty());
  EXPECT_THAT(first_wrong(all_dial(2, 2, kNoFaults, Rule::kPy2pFixed)), HasSubstr("no connection"));
}

TEST(Rules, HigherIdHoldsWithOneDialAndForksWithTwoOrAFault) {
  EXPECT_THAT(first_wrong(all_dial(2, 1, kNoFaults, Rule::kHigherId)), IsEmpty());
  EXPECT_THAT(first_wrong(all_dial(2, 2, kNoFaults, Rule::kHigherId)), HasSubstr("no connection"));
  EXPECT_THAT(first_wrong(all_dial(2, 1, kResetAndCrash, Rule::kHigherId)), HasSubstr("no connection"));
}

TEST(Rules, NewestLosesAndNoneKeepsTwo) {
  EXPECT_THAT(first_wrong(all_dial(2, 1, kNoFaults, Rule::kNewest)), HasSubstr("no connection"));
  EXPECT_THAT(first_wrong(all_dial(2, 1, kNoFaults, Rule::kNone)), HasSubstr("2 connections"));
}

TEST(Rules, AllButTheArbiterFailInTheShippedExplorations) {
  for (const char* name : {"explore_conflict_2", "explore_conflict_3", "explore_conflict_3_crash"}) {
    const std::string path = fmt::format("{}/{}.yaml", MESHDICT_SCENARIOS, name);
    std::ifstream file(path);
    const std::string yaml{std::istreambuf_iterator<char>(file), {}};
    auto shipped = load_exploration(yaml, path);
    ASSERT_TRUE(shipped.has_value()) << path;
    auto& plan = std::get<SmallPlan>(shipped->plan);
    EXPECT_EQ(plan.rule, Rule::kArbiter);
    for (const std::string& other : rule_names()) {
      if (other == name_of(Rule::kArbiter)) continue;
      plan.rule = static_cast<Rule>(std::ranges::find(rule_names(), other) - rule_names().begin());
      EXPECT_THAT(first_wrong(plan), Not(IsEmpty())) << name << " " << other;
    }
  }
}

// The arbiter, broken on purpose: if exploration did not find these, it would prove nothing of the one that is not.

/// Does what the arbiter does, until a part is replaced.
class BrokenArbiter : public LinkPolicy {
 public:
  void examine(Links& links, Pair& pair, Connection& link, const std::vector<Nonce>& open_nonces) override {
    arbiter_.examine(links, pair, link, open_nonces);
  }
  void added(Links& links, Pair& pair, Connection& link) override { arbiter_.added(links, pair, link); }
  void changed(Links& links, Pair& pair) override { arbiter_.changed(links, pair); }
  void on_keep(Links& links, Pair& pair, Connection& link, const Keep& keep) override {
    arbiter_.on_keep(links, pair, link, keep);
  }
  void on_keep_ack(Links& links, Pair& pair, Connection& link, const KeepAck& ack) override {
    arbiter_.on_keep_ack(links, pair, link, ack);
  }

 private:
  meshdict::Arbiter arbiter_;
};

class RetiresBeforeKeepAck final : public BrokenArbiter {
 public:
  void added(Links& links, Pair& pair, Connection& link) override {
    BrokenArbiter::added(links, pair, link);
    if (pair.keep_pending) on_keep_ack(links, pair, *pair.primary, {.nonce = pair.primary->nonce});
  }
};

class SmallerIdChoosesToo final : public BrokenArbiter {
 public:
  void added(Links& links, Pair& pair, Connection& link) override {
    BrokenArbiter::added(links, pair, link);
    if (links.self() > pair.peer || pair.keep_pending) return;
    pair.primary = pair.links.front();
    pair.keep_pending = true;
    links.whisper(*pair.primary, Keep{.nonce = pair.primary->nonce});
  }
};

class NeverProbes final : public BrokenArbiter {
 public:
  void examine(Links& /*links*/, Pair& /*pair*/, Connection& /*link*/,
               const std::vector<Nonce>& /*open_nonces*/) override {}
};

class BothProbe final : public BrokenArbiter {
 public:
  void examine(Links& links, Pair& pair, Connection& link, const std::vector<Nonce>& open_nonces) override {
    const std::vector<Connection*> before = pair.links;
    BrokenArbiter::examine(links, pair, link, open_nonces);
    for (Connection* const incumbent : before) {
      if (std::ranges::count(open_nonces, incumbent->nonce) == 0 && !incumbent->probe_started) links.probe(*incumbent);
    }
  }
};

class ClosesAtOnce final : public BrokenArbiter {
 public:
  void on_keep_ack(Links& links, Pair& pair, Connection& link, const KeepAck& ack) override {
    if (ack.nonce != link.nonce || !pair.keep_pending || pair.primary != &link) return;
    pair.keep_pending = false;
    const std::vector<Connection*> all = pair.links;
    for (Connection* const other : all) {
      if (other != &link) links.close(*other, EndReason::kDuplicate, "another is kept");
    }
  }
};

class SaysNoLastWord final : public BrokenArbiter {
 public:
  void on_keep(Links& links, Pair& pair, Connection& link, const Keep& keep) override {
    if (keep.nonce != link.nonce) return;
    pair.primary = &link;
    links.whisper(link, KeepAck{.nonce = link.nonce});
  }
};

std::string first_wrong_of(SmallPlan plan, LinkPolicy& policy) {
  EXPECT_THAT(explore_all(plan).wrongs, IsEmpty()) << "the arbiter itself fails here";
  plan.policy = &policy;
  return first_wrong(plan);
}

TEST(BrokenArbiter, IsFoundWhenItRetiresBeforeKeepAck) {
  RetiresBeforeKeepAck policy;
  EXPECT_THAT(first_wrong_of(all_dial(2, 1, kReset), policy), HasSubstr("no connection"));
}

TEST(BrokenArbiter, IsFoundWhenBothChoose) {
  SmallerIdChoosesToo policy;
  EXPECT_THAT(first_wrong_of(all_dial(2, 1, kNoFaults), policy), HasSubstr("2 connections"));
}

TEST(BrokenArbiter, IsFoundWhenNobodyProbes) {
  NeverProbes policy;
  EXPECT_THAT(first_wrong_of(one_dial_prompt(), policy), HasSubstr("reach"));
}

TEST(BrokenArbiter, IsFoundWhenItClosesWhatMessagesAreOnTheirWayOn) {
  ClosesAtOnce policy;
  EXPECT_THAT(first_wrong_of(with_messages(all_dial(2, 1, kNoFaults)), policy), HasSubstr("is lost"));
}

TEST(BrokenArbiter, IsFoundWhenALinkWaitsForItsEnd) {
  SaysNoLastWord policy;
  EXPECT_THAT(first_wrong_of(with_messages(all_dial(2, 1, kNoFaults)), policy), HasSubstr("has waited"));
}

/// No link is closed for an answer that is late: each end may ask, and neither closes what the other keeps.
TEST(ArbiterProbes, AreHarmlessWhenBothAsk) {
  BothProbe policy;
  SmallPlan plan = all_dial(2, 1, kLate);
  plan.policy = &policy;
  EXPECT_THAT(explore_all(plan).wrongs, IsEmpty());
}

// Claims

struct PinnedClaims {
  std::string name;
  ClaimPlan plan;
  std::uint64_t states;
  std::uint64_t terminals;
};

void PrintTo(const PinnedClaims& pinned, std::ostream* out) {
  *out << pinned.name;
}

class Claims : public ::testing::TestWithParam<PinnedClaims> {};

TEST_P(Claims, OneOfThemStandsEverywhere) {
  const ExploreResult result = explore(GetParam().plan, {}, {});
  EXPECT_THAT(result.stopped, IsEmpty());
  EXPECT_THAT(result.wrongs, IsEmpty());
  EXPECT_EQ(result.counts.cycles, 0U);
  EXPECT_EQ(result.counts.states, GetParam().states);
  EXPECT_EQ(result.counts.terminals, GetParam().terminals);
}

INSTANTIATE_TEST_SUITE_P(
    Explored, Claims,
    ::testing::Values(
        PinnedClaims{"two", {.nodes = {"ana", "bob", "cy"}, .writes = {1, 1, 0}}, 103, 13},
        PinnedClaims{"three", {.nodes = {"ana", "bob", "cy"}, .writes = {1, 1, 1}}, 6067, 161},
        PinnedClaims{"deleted", {.nodes = {"ana", "bob", "cy"}, .writes = {1, 1, 0}, .deletes = {1, 0, 0}}, 2899, 115}),
    [](const auto& test) { return test.param.name; });

TEST(Claims, TheirInterleavingsAreReadBackAsTheyWereWritten) {
  const ClaimPlan plan{.nodes = {"ana", "bob"},
                       .writes = {2, 1},
                       .deletes = {0, 1},
                       .pauses = {3580s, 60s},
                       .faults = {.lose = 1, .repeat = 2, .restart = 3}};
  ClaimWorld world(plan);
  std::vector<Choice> choices;
  while (!world.choices().empty() && choices.size() < 100) {
    choices.push_back(world.choices().back());
    world.apply(choices.back());
  }
  const auto read = load_exploration(to_yaml({.plan = plan, .choices = choices}, {"head"}), "claims.yaml");
  ASSERT_TRUE(read.has_value());
  const auto& again = std::get<ClaimPlan>(read->plan);
  EXPECT_EQ(again.nodes, plan.nodes);
  EXPECT_EQ(again.writes, plan.writes);
  EXPECT_EQ(again.deletes, plan.deletes);
  EXPECT_EQ(again.pauses, plan.pauses);
  EXPECT_EQ(again.faults, plan.faults);
  EXPECT_EQ(read->choices, choices);
}

// Limits and mistakes

TEST(Explore, SaysWhyItStopped) {
  EXPECT_THAT(explore(all_dial(2, 2, kNoFaults), {.states = 100}, {}).stopped, HasSubstr("100 states"));
  EXPECT_THAT(explore(all_dial(2, 2, kNoFaults), {.bytes = 1'000}, {}).stopped, HasSubstr("MiB"));
  EXPECT_THAT(explore(all_dial(2, 2, kNoFaults), {.depth = 5}, {}).stopped, HasSubstr("5 choices"));
}

TEST(ExploreYaml, NamesEachMistake) {
  const auto bad = load_exploration(
      "explore:\n  nodes: [ana, bob]\n  dials: {ana: [bob], bob: [cy]}\n  faults: {rest: 1}\n  policy: highest-id\n"
      "  choices: [dial ana, deliver ana#x bob, time now]\n",
      "bad.yaml");
  ASSERT_FALSE(bad.has_value());
  std::string all;
  for (const std::string& mistake : bad.error())
    all += mistake + "\n";
  for (const char* part : {"bad.yaml:3:", "'cy'", "bad.yaml:4:", "'rest'", "'higher-id'", "'dial ana'",
                           "'deliver ana#x bob'", "'time now'"}) {
    EXPECT_THAT(all, HasSubstr(part));
  }
}

// The study

TEST(ConflictStudy, SameSeedSameRun) {
  const StudyCase what{.nodes = 5, .dials = 2, .fault = StudyFault::kReset};
  const StudyRun one = study(what, Rule::kPy2p, 3);
  const StudyRun other = study(what, Rule::kPy2p, 3);
  EXPECT_EQ(one.settled, other.settled);
  EXPECT_EQ(one.linked, other.linked);
}

TEST(ConflictStudy, TheArbiterLinksAllPairsOnce) {
  for (const StudyCase& what : study_cases()) {
    if (what.nodes > 5) continue;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      const StudyRun run = study(what, Rule::kArbiter, seed);
      EXPECT_EQ(run.linked, run.pairs) << text_of(what) << " seed " << seed;
      EXPECT_EQ(run.duplicates, 0U) << text_of(what) << " seed " << seed;
      EXPECT_EQ(run.alone, 0U) << text_of(what) << " seed " << seed;
    }
  }
}

TEST(ConflictStudy, Py2pLosesMostLinks) {
  std::uint64_t linked = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed)
    linked += study({.nodes = 2, .dials = 1, .fault = StudyFault::kNone}, Rule::kPy2p, seed).linked;
  EXPECT_LT(linked, 40U);
}

}  // namespace
}  // namespace meshdict::sim
