// SeenMessages against a plain set of (sender, boot, counter).

#include "core/memory/seen.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>
#include <string>
#include <tuple>

#include "core/limits.h"

namespace meshdict {
namespace {

using Outcome = SeenMessages::Outcome;
constexpr Via kOneLink = 1;
constexpr Via kOtherLink = 2;

MonoTime at(std::int64_t seconds) {
  return MonoTime(std::chrono::seconds(seconds));
}

RC_GTEST_PROP(SeenMessages, RemembersEachStampOnceInAnyOrder, ()) {
  SeenMessages seen;
  std::set<std::tuple<std::string, Boot, std::uint64_t>> model;
  const auto steps = *rc::gen::container<std::vector<std::tuple<int, int, int>>>(
      rc::gen::tuple(rc::gen::inRange(0, 3), rc::gen::inRange(0, 2), rc::gen::inRange(0, 40)));
  for (const auto& [sender_number, boot, counter] : steps) {
    const std::string sender = "sender" + std::to_string(sender_number);
    const Stamp stamp{.boot = Boot{static_cast<std::uint64_t>(boot)}, .counter = static_cast<std::uint64_t>(counter)};
    const bool fresh = model.emplace(sender, stamp.boot, stamp.counter).second;
    RC_ASSERT(seen.contains(sender, stamp) == !fresh);
    RC_ASSERT(seen.insert(sender, stamp, kOneLink, at(100)) == (fresh ? Outcome::kNew : Outcome::kKnown));
    seen.sanity_check();
  }
  for (int counter = 0; counter < 42; ++counter) {
    const Stamp stamp{.boot = Boot{1}, .counter = static_cast<std::uint64_t>(counter)};
    RC_ASSERT(seen.contains("sender1", stamp) == model.contains({"sender1", stamp.boot, stamp.counter}));
  }
}

TEST(SeenMessages, KeepsOneRunForConsecutiveCounters) {
  SeenMessages seen;
  for (std::uint64_t counter = 0; counter < 100'000; ++counter) {
    ASSERT_EQ(seen.insert("a", {.boot = Boot{1}, .counter = counter}, kOneLink, at(1)), Outcome::kNew);
  }
  EXPECT_EQ(seen.size(), 1U);
}

TEST(SeenMessages, ForgetsOnlyWhatHasExpired) {
  SeenMessages seen;
  seen.insert("old", {.boot = Boot{1}, .counter = 7}, kOneLink, at(10));
  seen.insert("new", {.boot = Boot{1}, .counter = 7}, kOneLink, at(20));
  seen.insert(MessageId{.bytes = {1}}, kOneLink, at(10));
  seen.insert(MessageId{.bytes = {2}}, kOneLink, at(20));
  seen.expire(at(10));
  EXPECT_FALSE(seen.contains("old", {.boot = Boot{1}, .counter = 7}));
  EXPECT_TRUE(seen.contains("new", {.boot = Boot{1}, .counter = 7}));
  EXPECT_EQ(seen.insert(MessageId{.bytes = {1}}, kOneLink, at(30)), Outcome::kNew);
  EXPECT_EQ(seen.insert(MessageId{.bytes = {2}}, kOneLink, at(30)), Outcome::kKnown);
  seen.sanity_check();
}

TEST(SeenMessages, ARunIsKeptAsLongAsItsYoungestMessageAndThenForgottenByItself) {
  SeenMessages seen;
  seen.insert("a", {.boot = Boot{1}, .counter = 0}, kOneLink, at(20));
  seen.insert("a", {.boot = Boot{1}, .counter = 1}, kOneLink, at(10));
  seen.insert("a", {.boot = Boot{1}, .counter = 5}, kOneLink, at(12));
  seen.expire(at(15));
  EXPECT_TRUE(seen.contains("a", {.boot = Boot{1}, .counter = 1}));
  EXPECT_FALSE(seen.contains("a", {.boot = Boot{1}, .counter = 5}));
  EXPECT_FALSE(seen.contains("a", {.boot = Boot{1}, .counter = 3})) << "what was never seen never counts as seen";
  seen.sanity_check();
}

/// Inserts stamps of ever new origins through `via` until there is no room.
std::size_t fill(SeenMessages& seen, Via via, std::string_view name) {
  for (std::size_t i = 0; i <= limits::kMaxRuns; ++i) {
    const auto outcome = seen.insert(std::string(name) + std::to_string(i), {.boot = Boot{1}, .counter = 0}, via,
                                     at(100 + static_cast<std::int64_t>(i % 7)));
    if (outcome == Outcome::kNoRoom) return i;
  }
  return limits::kMaxRuns + 1;
}

TEST(SeenMessages, WhoFillsTheTableTakesNoRoomFromOthers) {
  SeenMessages seen;
  seen.insert("honest", {.boot = Boot{1}, .counter = 0}, kOneLink, at(1));
  EXPECT_EQ(fill(seen, kOtherLink, "invented"), limits::kMaxRuns - 1);
  EXPECT_EQ(seen.size(), limits::kMaxRuns);
  EXPECT_TRUE(seen.contains("honest", {.boot = Boot{1}, .counter = 0})) << "though it expires first";
  EXPECT_EQ(seen.insert("honest", {.boot = Boot{1}, .counter = 1}, kOneLink, at(2)), Outcome::kNew);
  EXPECT_EQ(seen.insert("news", {.boot = Boot{1}, .counter = 0}, kOneLink, at(2)), Outcome::kNew);
  EXPECT_LE(seen.size(), limits::kMaxRuns);
  seen.sanity_check();
}

TEST(SeenMessages, NorFromOursWhoSendsIdsWithoutStamps) {
  SeenMessages seen;
  MessageId honest;
  honest.bytes.back() = 1;
  MessageId news;
  news.bytes.back() = 2;
  seen.insert(honest, kOneLink, at(1));
  Outcome outcome = Outcome::kNew;
  for (std::uint32_t i = 0; i < limits::kMaxUnstampedIds; ++i) {
    MessageId id;
    for (std::size_t byte = 0; byte < 4; ++byte)
      id.bytes[byte] = static_cast<std::uint8_t>(i >> (8 * byte));
    outcome = seen.insert(id, kOtherLink, at(100));
  }
  EXPECT_EQ(outcome, Outcome::kNoRoom);
  EXPECT_EQ(seen.insert(honest, kOneLink, at(2)), Outcome::kKnown);
  EXPECT_EQ(seen.insert(news, kOneLink, at(2)), Outcome::kNew);
  EXPECT_LE(seen.size(), limits::kMaxUnstampedIds);
  seen.sanity_check();
}

/// An origin counts on, while somebody else makes up stamps of it: what was sent and not forged is new once, and known then.
RC_GTEST_PROP(SeenMessages, ForgedStampsSilenceNothingButThemselves, ()) {
  SeenMessages seen;
  const auto start = static_cast<std::uint64_t>(*rc::gen::inRange(0, 100));
  std::uint64_t next = start;
  const auto send = [&](std::uint64_t times) {
    for (std::uint64_t i = 0; i < times; ++i, ++next)
      RC_ASSERT(seen.insert("a", {.boot = Boot{1}, .counter = next}, kOneLink, at(100)) == Outcome::kNew);
  };
  send(1);
  const auto forged = static_cast<std::uint64_t>(*rc::gen::inRange(1, 3'000));
  const auto step = static_cast<std::uint64_t>(*rc::gen::inRange(1, 5));
  const std::uint64_t from = *rc::gen::element<std::uint64_t>(1'000, 1'000'000, std::uint64_t{1} << 62);
  for (std::uint64_t i = 0; i < forged; ++i) {
    seen.insert("a", {.boot = Boot{1}, .counter = from + step * i}, kOtherLink, at(100));
    if (i % 100 == 0) send(1);
  }
  send(50);
  for (std::uint64_t counter = start; counter < next; ++counter)
    RC_ASSERT(seen.contains("a", {.boot = Boot{1}, .counter = counter}));
  seen.sanity_check();
}

TEST(SeenMessages, GapsAreBoundedAndNeverClosedUnseen) {
  SeenMessages seen;
  const std::uint64_t last = 2 * limits::kMaxGaps;
  std::size_t taken = 0;
  for (std::uint64_t counter = 0; counter <= last; counter += 2) {
    if (seen.insert("a", {.boot = Boot{1}, .counter = counter}, kOneLink, at(1)) == Outcome::kNew) ++taken;
  }
  EXPECT_EQ(taken, limits::kMaxGaps);
  for (std::uint64_t counter = 1; counter <= last; counter += 2)
    EXPECT_FALSE(seen.contains("a", {.boot = Boot{1}, .counter = counter}));
  EXPECT_EQ(seen.insert("a", {.boot = Boot{1}, .counter = 1}, kOneLink, at(1)), Outcome::kNew) << "a gap that closes";
  seen.sanity_check();
}

}  // namespace
}  // namespace meshdict
