// What sweeps have written, joined: torn, repeated, missing, and of something else.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "sim/runs/junit.h"
#include "sim/runs/report.h"
#include "sim/runs/summary.h"
#include "sim/runs/sweep_file.h"

namespace meshdict::test {
namespace {

using namespace sim;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

RunResult result_of_seed(std::uint64_t seed) {
  RunResult result;
  result.plan = "p";
  result.seed = seed;
  result.events = 10 * seed;
  result.trace = seed * 0x1234567;
  result.counters.network.delivered = seed;
  result.counters.faults[Fault::kCrash] = seed % 3;
  if (seed % 5 == 0) {
    result.violations.push_back({.property = "S1", .at = Duration(1s), .nodes = {"ana"}, .what = "<differ> & \x1b"});
    result.violation_count = 1;
  }
  return result;
}

SweepPart part(std::uint64_t index, std::uint64_t count) {
  return {.seeds = {.first = 1, .last = 20}, .shard = {.index = index, .count = count}, .check = {}};
}

std::string lines_of(const SweepPart& part) {
  std::string lines;
  const SeedSequence seeds = part.sequence();
  for (std::uint64_t i = 0; i < seeds.count; ++i)
    lines += result_json(result_of_seed(seeds.at(i)), &part) + "\n";
  return lines;
}

class SweepFiles : public ::testing::Test {
 protected:
  ~SweepFiles() override { std::filesystem::remove(name_); }

  /// Empty: all is well; else the error.
  std::string take(const std::string& text) {
    std::ofstream(name_, std::ios::binary) << text;
    const auto read = read_sweep_file(name_, [this](const Tally& run) -> std::expected<void, std::string> {
      const auto added = results.add(run);
      if (!added) return std::unexpected(added.error());
      if (*added) summary.add(run);
      return {};
    });
    if (!read) return read.error();
    file = *read;
    return "";
  }

  std::string name_ = testing::TempDir() + "sweep_file_test_" + std::to_string(::getpid());
  SweepResults results;
  Summary summary;
  SweepFile file;
};

TEST_F(SweepFiles, PartsAreTheWhole) {
  Summary whole;
  for (std::uint64_t seed = 1; seed <= 20; ++seed)
    whole.add(result_of_seed(seed));
  for (const std::uint64_t index : {3U, 1U, 2U})
    EXPECT_EQ(take(lines_of(part(index, 3))), "");
  EXPECT_EQ(summary.text(), whole.text());
  EXPECT_THAT(summary.text(), HasSubstr("violated S1 in 4 runs: seeds 5, 10, 15, 20\n  seed 5: at 1.000000 s, ana: "));
  EXPECT_FALSE(results.missing());
}

TEST_F(SweepFiles, ATornLastLineIsNoResultAndNoError) {
  const std::string lines = lines_of(part(1, 1));
  const std::size_t last = lines.rfind('\n', lines.size() - 2) + 1;
  for (std::size_t size = last + 1; size < lines.size() - 1; size += 7) {
    results = {};
    EXPECT_EQ(take(lines.substr(0, size)), "");
    ASSERT_TRUE(file.torn.has_value()) << size;
    EXPECT_EQ(file.whole_bytes, last);
    ASSERT_TRUE(results.missing());
    EXPECT_THAT(results.missing()->first, ElementsAre(20));
  }
  results = {};
  EXPECT_EQ(take(lines.substr(0, lines.size() - 1)), "") << "whole but for the end of its line";
  EXPECT_FALSE(file.torn.has_value());
  EXPECT_TRUE(file.lacks_line_end);
  EXPECT_FALSE(results.missing());
}

TEST_F(SweepFiles, ATornLineBeforeTheLastIsAnError) {
  const std::string lines = lines_of(part(1, 1));
  EXPECT_THAT(take(lines.substr(0, 50) + "\n" + lines), HasSubstr(":1: is no line of JSON, expected what 'sweep"));
  EXPECT_THAT(take("{\"seed\": 1}\n"), HasSubstr(":1: lacks what a result has"));
}

TEST_F(SweepFiles, WhatIsThereTwiceCountsOnce) {
  for (int time = 0; time < 2; ++time)
    EXPECT_EQ(take(lines_of(part(1, 2))), "");
  EXPECT_EQ(summary.runs(), 10U);
  RunResult other = result_of_seed(3);
  other.trace = 1;
  const SweepPart first = part(1, 2);
  EXPECT_THAT(take(result_json(other, &first) + "\n"), HasSubstr("seed 3 has another result than in a line before"));
}

TEST_F(SweepFiles, MissingSeedsAreTold) {
  EXPECT_EQ(take(lines_of(part(1, 3))), "");
  const std::string second = lines_of(part(2, 3));
  EXPECT_EQ(take(second.substr(0, second.find('\n') + 1)), "");
  const auto missing = results.missing();
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->count, 12U);
  EXPECT_THAT(missing->first, ElementsAre(3, 5, 6, 8, 9));
  EXPECT_THAT(missing->parts, ElementsAre("6 of part 2/3", "6 of part 3/3"));
}

TEST_F(SweepFiles, ResultsOfAnotherSweepDoNotFit) {
  EXPECT_EQ(take(lines_of(part(1, 2))), "");
  EXPECT_THAT(take(lines_of(part(1, 4))), HasSubstr("is of another sweep (seeds 1..20, part 1/4)"));
  RunResult other = result_of_seed(2);
  other.plan = "q";
  const SweepPart second = part(2, 2);
  EXPECT_THAT(take(result_json(other, &second) + "\n"),
              HasSubstr("is a result of 'q', and those before it are of 'p'"));
}

TEST(Junit, HasACaseForEachSeedThatFailsAndOneForTheRest) {
  JunitReport report;
  for (std::uint64_t seed = 20; seed > 0; --seed)
    report.add(tally_of(result_of_seed(seed)));
  const std::string xml = report.text("p, seeds 1..20");
  EXPECT_THAT(xml, HasSubstr("tests=\"5\" failures=\"4\""));
  EXPECT_THAT(xml, HasSubstr("<testcase classname=\"p, seeds 1..20\" name=\"16 seeds that passed\"/>"));
  EXPECT_THAT(xml, HasSubstr("name=\"seed 5\">\n      <failure type=\"S1\" message=\"violated S1 at 1.000000 s, ana: "
                             "&lt;differ&gt; &amp; \\x1b\">replay: meshdict-sim run p --seed 5</failure>"));
  EXPECT_LT(xml.find("seed 5\""), xml.find("seed 10\""));
}

}  // namespace
}  // namespace meshdict::test
