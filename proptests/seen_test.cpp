// SeenMessages against a plain set of (sender, boot, counter).

#include "core/seen.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>
#include <string>
#include <tuple>

#include "core/limits.h"

namespace meshdict {
namespace {

MonoTime at(std::int64_t seconds) {
  return MonoTime(std::chrono::seconds(seconds));
}

RC_GTEST_PROP(SeenMessages, RemembersEachStampOnceInAnyOrder, ()) {
  SeenMessages seen;
  std::set<std::tuple<std::string, std::uint64_t, std::uint64_t>> model;
  const auto steps = *rc::gen::container<std::vector<std::tuple<int, int, int>>>(
      rc::gen::tuple(rc::gen::inRange(0, 3), rc::gen::inRange(0, 2), rc::gen::inRange(0, 40)));
  for (const auto& [sender_number, boot, counter] : steps) {
    const std::string sender = "sender" + std::to_string(sender_number);
    const Stamp stamp{.boot = static_cast<std::uint64_t>(boot), .counter = static_cast<std::uint64_t>(counter)};
    const bool fresh = model.emplace(sender, stamp.boot, stamp.counter).second;
    RC_ASSERT(seen.contains(sender, stamp) == !fresh);
    RC_ASSERT(seen.insert(sender, stamp, at(100)) == fresh);
  }
  for (int counter = 0; counter < 42; ++counter) {
    const Stamp stamp{.boot = 1, .counter = static_cast<std::uint64_t>(counter)};
    RC_ASSERT(seen.contains("sender1", stamp) == model.contains({"sender1", stamp.boot, stamp.counter}));
  }
}

TEST(SeenMessages, KeepsOneRunForConsecutiveCounters) {
  SeenMessages seen;
  for (std::uint64_t counter = 0; counter < 100'000; ++counter) {
    ASSERT_TRUE(seen.insert("a", {.boot = 1, .counter = counter}, at(1)));
  }
  EXPECT_EQ(seen.size(), 1U);
}

TEST(SeenMessages, ForgetsOnlyWhatHasExpired) {
  SeenMessages seen;
  seen.insert("old", {.boot = 1, .counter = 7}, at(10));
  seen.insert("new", {.boot = 1, .counter = 7}, at(20));
  seen.insert(MessageId{.bytes = {1}}, at(10));
  seen.insert(MessageId{.bytes = {2}}, at(20));
  seen.expire(at(10));
  EXPECT_FALSE(seen.contains("old", {.boot = 1, .counter = 7}));
  EXPECT_TRUE(seen.contains("new", {.boot = 1, .counter = 7}));
  EXPECT_TRUE(seen.insert(MessageId{.bytes = {1}}, at(30)));
  EXPECT_FALSE(seen.insert(MessageId{.bytes = {2}}, at(30)));
}

TEST(SeenMessages, AnOriginIsKeptAsLongAsItsYoungestMessage) {
  SeenMessages seen;
  seen.insert("a", {.boot = 1, .counter = 0}, at(20));
  seen.insert("a", {.boot = 1, .counter = 1}, at(10));
  seen.expire(at(15));
  EXPECT_TRUE(seen.contains("a", {.boot = 1, .counter = 1}));
}

TEST(SeenMessages, TablesAreBounded) {
  SeenMessages seen;
  for (std::size_t i = 0; i < limits::kMaxOrigins + 10; ++i) {
    seen.insert("origin" + std::to_string(i), {.boot = 1, .counter = 0}, at(static_cast<std::int64_t>(i)));
  }
  EXPECT_LE(seen.size(), limits::kMaxOrigins);
  EXPECT_TRUE(seen.contains("origin" + std::to_string(limits::kMaxOrigins + 9), {.boot = 1, .counter = 0}))
      << "those that expire first give way";

  // Every second counter: each is a run of its own.
  SeenMessages gaps;
  const std::uint64_t last = 4 * limits::kMaxGaps;
  for (std::uint64_t counter = 0; counter <= last; counter += 2) {
    gaps.insert("a", {.boot = 1, .counter = counter}, at(1));
  }
  EXPECT_TRUE(gaps.contains("a", {.boot = 1, .counter = 1})) << "the oldest gaps are closed";
  EXPECT_FALSE(gaps.contains("a", {.boot = 1, .counter = last - 1})) << "the newest stay open";
}

}  // namespace
}  // namespace meshdict
