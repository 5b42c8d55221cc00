// What people read of a run: its transcript and its list of violations.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <regex>
#include <string>

#include "sim/plan/yaml/plan.h"
#include "sim/runs/report.h"
#include "sim/world/world.h"

namespace meshdict::sim {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

struct Told {
  std::string transcript;
  RunResult result;
};

Told tell(const std::string& yaml) {
  const auto plan = load_plan(yaml, "f.yaml");
  EXPECT_TRUE(plan.has_value()) << (plan ? "" : plan.error().front());
  if (!plan) return {};
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), &std::fclose);
  Told told;
  told.result = run_plan(*plan, 1, {.transcript = file.get(), .sanity_every = 0});
  std::rewind(file.get());
  std::array<char, 4096> piece;
  while (const std::size_t got = std::fread(piece.data(), 1, piece.size(), file.get()))
    told.transcript.append(piece.data(), got);
  EXPECT_EQ(told.result.trace, run_plan(*plan, 1).trace) << "the transcript changes nothing";
  return told;
}

TEST(Transcript, NamesNodesAndWhatStepsDo) {
  const Told told = tell(
      "nodes: [ana, bob]\nsteps:\n- at: 5s\n  set: {node: ana, key: k, value: red}\n- after: 1s\n"
      "  set: {node: bob, key: k, value: blue, expect: leased}\n- whisper: {node: bob, to: ana, text: hi}\n"
      "- after: 1s\n  partition: {groups: [[ana], [bob]], reset: on, for: 10s}\n"
      "- after: 20s\n  link: {latency: 7ms, of: bob}\n- expect: {nodes: all, key: k, value: red}\n");
  EXPECT_TRUE(told.result.passed());
  EXPECT_THAT(told.transcript, StartsWith("# meshdict transcript 1\n# plan f.yaml seed 1\n# nodes ana bob\n"));
  EXPECT_THAT(told.transcript, ContainsRegex("\n# end [0-9.]+ events [0-9]+ trace [0-9a-f]+ violations 0\n$"));
  EXPECT_THAT(told.transcript, ContainsRegex("ana +! peer up bob at "));
  EXPECT_THAT(told.transcript, HasSubstr(R"( set {node: "ana", key: "k", value: "red"})"));
  EXPECT_THAT(told.transcript, ContainsRegex("bob +! peer down ana: "));
  EXPECT_THAT(told.transcript, ContainsRegex("ana +! whisper of bob "));
  EXPECT_THAT(told.transcript, ContainsRegex("bob +[=] leased by ana for 36[0-9][0-9] s\n"));
  EXPECT_THAT(told.transcript, HasSubstr(R"( whisper {node: "bob", to: "ana", text: "hi"})"));
  EXPECT_THAT(told.transcript, ContainsRegex(R"(- +partition \{groups: .*"ana".*"bob".*, reset: on\})"));
  EXPECT_THAT(told.transcript, ContainsRegex(R"(- +link \{latency: 7ms, .*of: "bob"\})"));
  EXPECT_THAT(told.transcript, ContainsRegex(R"(- +expect \{nodes: .*"ana".*"bob".*, key: "k", value: "red"\})"));
  EXPECT_THAT(told.transcript, Not(HasSubstr("violated")));
}

TEST(Transcript, TellsSendingsArrivalsAndRecords) {
  const Told told = tell(
      "nodes: [ana, bob]\nsteps:\n- at: 5s\n  set: {node: ana, key: a b, value: 'say \"hi\"'}\n"
      "- after: 1s\n  delete: {node: ana, key: a b}\n- after: 1s\n  crash: {node: bob, for: 1s}\n");
  const auto has = [&told](const std::string& line) { return std::regex_search(told.transcript, std::regex(line)); };
  std::smatch sent;
  ASSERT_TRUE(std::regex_search(told.transcript, sent, std::regex(R"(ana +c\d+ -> bob (#\d+ store .*) "a b"\n)")));
  EXPECT_TRUE(has("bob +c\\d+ <- ana " + sent[1].str() + "\n"));
  EXPECT_TRUE(has(R"(bob +record "a b" = "say \\"hi\\"" of ana epoch 1 until \d+\.\d{6}\n)"));
  EXPECT_TRUE(has(R"(6\.\d+ bob +record "a b" deleted of ana epoch 1\n)"));
  EXPECT_TRUE(has(R"(bob +is \S+, life 1\n)"));
  EXPECT_TRUE(has(R"(7\.0+ bob +is down\n)"));
  EXPECT_TRUE(has(R"(bob +is \S+, life 2\n +8\.0+ bob +record "a b" deleted)"));
}

TEST(Transcript, WordsAreOneWordOrQuoted) {
  EXPECT_EQ(word_text("colour:1,x"), "colour:1,x");
  EXPECT_EQ(word_text(""), "\"\"");
  EXPECT_EQ(word_text("a b"), "\"a b\"");
  EXPECT_EQ(word_text("a\"\\\n"), R"("a\"\\\x0a")");
}

TEST(Transcript, HasTheViolations) {
  const Told told = tell("nodes: [ana, bob]\nsteps:\n- at: 5s\n  expect: {node: bob, size: 1}\nquiet: 5s\n");
  EXPECT_EQ(told.result.violation_count, 1U);
  EXPECT_THAT(told.transcript,
              HasSubstr("5.000000 -        violated expect, bob: should have 1 keys, and has 0 (f.yaml:3)\n"));
}

TEST(Report, ViolationsOfManyNodesAreAFewLines) {
  const Told told = tell("nodes: 60\njoin: none\nsteps:\n- at: 5s\n  expect: {nodes: all, size: 1}\nquiet: 1s\n");
  const std::string text = violations_text(told.result);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 15);
  EXPECT_THAT(text, HasSubstr("\n... and 55 more of expect (--all-violations)\nviolated C1 at "));
  EXPECT_THAT(text, HasSubstr("\n... and 20 more that were not kept\nreplay: "));
  EXPECT_GT(told.result.violation_count, 60U);
  EXPECT_EQ(names_text({}), "all nodes");
  EXPECT_EQ(names_text({"ana", "bob"}), "ana bob");
  EXPECT_THAT(names_text(std::vector<std::string>(5'000, "x")), ContainsRegex("^x( x)* and 4980 more$"));
}

}  // namespace
}  // namespace meshdict::sim
