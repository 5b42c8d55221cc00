// Where two transcripts part, and what is no transcript.

#include "sim/commands/trace_diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "proptests/sim/history_fixture.h"
#include "sim/plan/limits.h"
#include "sim/trace/trace.h"
#include "sim/trace/transcript_reader.h"

namespace meshdict::sim {
namespace {

using ::testing::HasSubstr;

std::expected<TraceDifference, std::string> diff(const std::string& a, const std::string& b) {
  const TestFile file_a = scratch_file(a);
  const TestFile file_b = scratch_file(b);
  return diff_traces(file_a.get(), "a", file_b.get(), "b");
}

const std::string kPlan =
    "nodes: [ana, bob]\nsteps:\n- at: 5s\n  set: {node: ana, key: a b, value: red}\n"
    "- after: 9s\n  set: {node: bob, key: c, value: blue}\nquiet: 5s\n";

/// `text` with the first `from` replaced.
std::string with(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

std::size_t lines_before(const std::string& text, const std::string& part) {
  const std::string before = text.substr(0, text.find(part));
  return static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
}

TEST(TraceDiff, EqualRunsAreEqual) {
  const auto same = diff(transcript_of(kPlan, 3), transcript_of(kPlan, 3));
  ASSERT_TRUE(same.has_value()) << same.error();
  EXPECT_TRUE(same->equal);
  EXPECT_THAT(same->text, HasSubstr("A: plan f.yaml seed 3\nB: plan f.yaml seed 3\nequal: "));
  EXPECT_THAT(same->text, HasSubstr(" violations 0\n"));
}

TEST(TraceDiff, NamesTheEventItsNodeAndTheSending) {
  const std::string whole = transcript_of(kPlan, 3);
  // The first store that bob gets: #N stands in its sending, too.
  const std::size_t store = whole.find(" store ");
  const std::size_t number = whole.rfind('#', store);
  const std::string frame = whole.substr(number, store - number + 6);
  const std::string arrival = "bob      c1 <- ana " + frame;
  const auto changed = diff(whole, with(whole, arrival, "bob      c1 <- ana #9999 store"));
  ASSERT_TRUE(changed.has_value());
  EXPECT_FALSE(changed->equal);
  const std::size_t at = lines_before(whole, arrival) + 1;
  EXPECT_THAT(changed->text, HasSubstr(", at bob:\n"));
  EXPECT_THAT(changed->text, HasSubstr("A " + fmt::format("{:>6}", at) + " | "));
  EXPECT_THAT(changed->text, HasSubstr("they part after " + std::to_string(at - 4) + " equal lines"))
      << "three lines are remarks";
  EXPECT_THAT(changed->text, HasSubstr("  the sending of the frame\n"));
  EXPECT_THAT(changed->text, HasSubstr("ana      c1 -> bob " + frame));
  EXPECT_THAT(changed->text, HasSubstr("  the last events at bob\n"));
}

TEST(TraceDiff, WhatFollowsAnArrivalIsCausedByItsSending) {
  const std::string whole = transcript_of(kPlan, 3);
  const auto changed = diff(whole, with(whole, "bob      record \"a b\" = red", "bob      record \"a b\" = blue"));
  ASSERT_TRUE(changed.has_value());
  EXPECT_FALSE(changed->equal);
  EXPECT_THAT(changed->text, HasSubstr(", at bob:\n"));
  EXPECT_THAT(changed->text,
              ::testing::ContainsRegex("the sending of the frame\n[^\n]* ana +c1 -> bob #[0-9]+ store "));
}

TEST(TraceDiff, TheEarlierEventIsTheFirst) {
  const std::string whole = transcript_of(kPlan, 3);
  // Bob's last line of a moment: what comes next, in the transcript that lacks it, is later and somewhere else.
  const std::size_t begin = whole.rfind('\n', whole.find("bob      record \"a b\" = red")) + 1;
  const std::string line = whole.substr(begin, whole.find('\n', begin) + 1 - begin);
  const std::string lacks = with(whole, line, "");
  const std::string time = line.substr(line.find_first_not_of(' '), line.find(" bob") - line.find_first_not_of(' '));
  const std::string quoted = fmt::format("{:>7} | {}", lines_before(whole, line) + 1, line);
  for (const bool first : {true, false}) {
    const auto part = first ? diff(whole, lacks) : diff(lacks, whole);
    ASSERT_TRUE(part.has_value());
    EXPECT_FALSE(part->equal);
    EXPECT_THAT(part->text, HasSubstr(", " + time + " s, at bob:\n"));
    EXPECT_THAT(part->text, HasSubstr((first ? "A" : "B") + quoted));
  }
}

TEST(TraceDiff, AnotherEndIsADifference) {
  const std::string whole = transcript_of(kPlan, 3);
  const auto hash = diff(whole, with(whole, " trace ", " trace 1"));
  ASSERT_TRUE(hash.has_value());
  EXPECT_FALSE(hash->equal);
  EXPECT_THAT(hash->text, HasSubstr("not the same end"));

  const std::string no_end = whole.substr(0, whole.find("# end"));
  const auto cut = diff(whole, no_end);
  ASSERT_TRUE(cut.has_value());
  EXPECT_FALSE(cut->equal);
  EXPECT_THAT(cut->text, HasSubstr("B: cut off\n"));

  const auto shorter = diff(whole, no_end.substr(0, no_end.rfind('\n', no_end.size() - 2) + 1));
  ASSERT_TRUE(shorter.has_value());
  EXPECT_FALSE(shorter->equal);
  EXPECT_THAT(shorter->text, HasSubstr("B        | (ends here)\n"));
}

TEST(TraceDiff, AnotherSeedPartsAtOnce) {
  const auto other = diff(transcript_of(kPlan, 3), transcript_of(kPlan, 4));
  ASSERT_TRUE(other.has_value());
  EXPECT_FALSE(other->equal);
  EXPECT_THAT(other->text, HasSubstr("A: plan f.yaml seed 3\nB: plan f.yaml seed 4\nthey part after "));
}

TEST(TraceDiff, WhatIsNoTranscriptIsNamed) {
  const std::string whole = transcript_of(kPlan, 3);
  const auto error = [&](const std::string& b) {
    const auto difference = diff(whole, b);
    return difference ? "none" : difference.error();
  };
  EXPECT_EQ(error(""), "b:1: is empty, expected a transcript, as --trace writes it");
  EXPECT_THAT(error("hello\n"), HasSubstr("b:1: is no transcript"));
  EXPECT_THAT(error(with(whole, "0.000000 ana ", "0.00 ana ")), HasSubstr(": is no line of a transcript"));
  EXPECT_THAT(error(std::string(3 * sim_limits::kMaxLine, 'x')), HasSubstr("b:1: is no transcript"));
}

TEST(Words, AreReadAsTheyAreWritten) {
  for (const std::string word : {"a", "", "a b", "a\"b\\", "\n\x01 x", "a\\x41", "\xC3\xA9 \xFF"}) {
    const std::string line = "x " + word_text(word) + "  y";
    Words words(line);
    EXPECT_EQ(words.next(), "x");
    EXPECT_EQ(words.next(), word);
    EXPECT_EQ(words.rest(), "y");
    EXPECT_EQ(words.next(), "y");
    EXPECT_EQ(words.next(), std::nullopt);
  }
  EXPECT_EQ(Words(std::string_view("\"long\"... of")).next(), "long...");
  EXPECT_EQ(parse_seconds(seconds_text(1'234'567us)), 1'234'567us);
  EXPECT_EQ(parse_seconds("1.5"), std::nullopt);
  EXPECT_EQ(parse_seconds("99999999999999999999.000000"), std::nullopt);
}

}  // namespace
}  // namespace meshdict::sim
