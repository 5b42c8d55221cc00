// Where a node stands towards the network, and who defers to whom: the rules at the head of attendance.h, one by one.

#include "core/attendance.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "core/memory_store.h"
#include "core/msgpack.h"
#include "dictionary_fixture.h"

namespace meshdict {
namespace {

using Level = Presence::Level;

constexpr Duration kHorizon = 100s;
constexpr Duration kSkew = 5s;
constexpr Duration kReach = kHorizon - 4 * kSkew;

/// One node and its clocks, over several lives.
class AttendanceTest : public ::testing::Test {
 protected:
  AttendanceTest() { start(); }

  [[nodiscard]] Hlc now() const {
    return Hlc::from_ms(std::chrono::floor<std::chrono::milliseconds>(clock.wall_time.time_since_epoch()).count());
  }
  void start() {
    node = std::make_unique<Attendance>(AttendanceConfig{.horizon = kHorizon, .skew = kSkew}, clock, store);
    ASSERT_TRUE(node->load(now()));
  }
  void pass(Duration time) {
    const MonoTime end = clock.mono + time;
    while (node->next_deadline() <= end) {
      clock.advance(node->next_deadline() - clock.mono);
      node->on_time();
    }
    clock.advance(end - clock.mono);
  }
  void be_down_for(Duration time) {
    clock.advance(time);
    // The monotonic clock begins anywhere, and so it does after a restart of the machine.
    clock.mono = MonoTime(7s);
    start();
  }
  void compare_with(const Presence& peer) { node->compared(now(), peer, now()); }
  [[nodiscard]] Level level() const { return node->presence().level; }
  [[nodiscard]] Presence member() const {
    return {.level = Level::kInStep,
            .memory_ms = at_ms(-1'000).unix_ms(),
            .compared = now(),
            .in_step = now(),
            .settled = true};
  }

  FakeClock clock;
  MemoryStore store;
  std::unique_ptr<Attendance> node;
};

TEST(Horizon, LeavesTimeToReach) {
  EXPECT_TRUE(check_horizon({.horizon = 8s, .skew = 1s}));
  EXPECT_FALSE(check_horizon({.horizon = 8s - 1us, .skew = 1s}));
}

TEST_F(AttendanceTest, WhoIsNewIsApartUntilItHasComparedWithAMember) {
  EXPECT_EQ(level(), Level::kApart);
  EXPECT_EQ(node->presence().memory_ms, now().unix_ms());
  Presence other;
  other.memory_ms = now().unix_ms();
  compare_with(other);
  EXPECT_EQ(level(), Level::kApart);
  EXPECT_EQ(node->presence().compared, now()) << "its writes before are known to another";
  compare_with(member());
  EXPECT_EQ(level(), Level::kInStep);
  EXPECT_EQ(node->presence().memory_ms, member().memory_ms);
}

TEST_F(AttendanceTest, WhoHasBeenRunningForAHorizonIsAMember) {
  pass(kHorizon - 1us);
  EXPECT_EQ(level(), Level::kApart);
  pass(kReach / 16);
  EXPECT_EQ(level(), Level::kLivedOn);
  compare_with({});
  EXPECT_EQ(level(), Level::kLivedOn) << "one who is apart does not show what the network has";
  EXPECT_EQ(node->presence().compared, Hlc{});
  compare_with(member());
  EXPECT_EQ(level(), Level::kInStep);
}

TEST_F(AttendanceTest, ANewcomerIsNoSignOfTheNetwork) {
  pass(kHorizon);
  compare_with(member());
  const Presence before = node->presence();
  pass(kReach / 2);
  Presence newcomer = before;
  newcomer.settled = false;
  compare_with(newcomer);
  EXPECT_EQ(node->presence(), before) << "it knows the network through us";
  newcomer.in_step = now();
  compare_with(newcomer);
  EXPECT_EQ(node->presence().in_step, now()) << "it has found it elsewhere";
  EXPECT_EQ(node->presence().compared, before.compared);
}

TEST_F(AttendanceTest, AMemberThatComparesNoMoreLivesOn) {
  compare_with(member());
  pass(kReach);
  EXPECT_EQ(level(), Level::kInStep);
  pass(1us);
  EXPECT_EQ(level(), Level::kLivedOn);
}

TEST_F(AttendanceTest, AShortAbsenceChangesNothing) {
  pass(kHorizon / 2);
  compare_with(member());
  be_down_for(kReach - kReach / 16);
  EXPECT_EQ(level(), Level::kInStep);
  EXPECT_TRUE(node->presence().settled) << "it has been running all the time";
  pass(kHorizon / 2);
  EXPECT_EQ(level(), Level::kLivedOn);
}

TEST_F(AttendanceTest, AfterALongAbsenceAMemberIsApartUntilItHasComparedWithAMember) {
  const Hlc before = now();
  compare_with(member());
  be_down_for(kReach + 1s);
  EXPECT_EQ(level(), Level::kApart);
  compare_with({});
  EXPECT_EQ(level(), Level::kApart);
  EXPECT_EQ(node->presence().compared, before) << "what it wrote since is still to be proposed";
  be_down_for(1s);
  EXPECT_EQ(level(), Level::kApart) << "one more restart does not make it a member";
  compare_with(member());
  EXPECT_EQ(level(), Level::kInStep);
}

/// A comparison that completes while our clock is ahead.
TEST_F(AttendanceTest, AClockThatWasAheadLeavesNoMark) {
  pass(kHorizon);
  for (const bool restarts : {false, true}) {
    clock.wall_time += 48h;
    node->wrote();
    compare_with(member());
    const Hlc ahead = now();
    const Presence told = node->presence();
    EXPECT_EQ(told.in_step, ahead);
    clock.wall_time -= 48h;
    if (restarts) be_down_for(1s);
    pass(2s);
    node->compared(ahead, member(), now());
    EXPECT_LE(node->presence().compared, restarts ? now() : ahead) << "a session that began then does not count";
    Presence other = member();
    other.in_step = ahead;
    other.settled = false;
    compare_with(other);
    EXPECT_LT(node->presence().in_step, ahead) << "nor does what a newcomer has heard of it";
    compare_with(member());
    EXPECT_EQ(node->presence().in_step, now());
    EXPECT_EQ(node->presence().compared, now());
    EXPECT_TRUE(node->should_tell(told));
    pass(kReach);
    EXPECT_EQ(level(), Level::kInStep);
    compare_with(member());
  }
}

TEST_F(AttendanceTest, SleepIsAnAbsence) {
  compare_with(member());
  clock.advance(kReach + 1s);
  EXPECT_EQ(level(), Level::kApart) << "before anything else has happened";
  compare_with({});
  EXPECT_EQ(level(), Level::kApart);
  pass(kHorizon + kReach / 16);
  EXPECT_EQ(level(), Level::kLivedOn);
}

TEST_F(AttendanceTest, KeepsWhenItComparedIfItHasWritten) {
  pass(1s);
  compare_with(member());
  clock.advance(1s);
  const Hlc before = now();
  clock.advance(1s);
  node->wrote();
  node->compared(before, member(), now());
  be_down_for(1s);
  EXPECT_EQ(node->presence().compared, before);
  EXPECT_EQ(node->presence().memory_ms, member().memory_ms);
}

TEST_F(AttendanceTest, RefusesADamagedEntry) {
  for (const char* damaged : {"", "\xC0", "\x96\x01\x01\x01\x01\x01", "\x96\x03\x01\x01\x01\x01\x01"}) {
    std::string bytes = damaged;
    if (bytes.empty()) MsgpackWriter(bytes).array(1).integer(std::uint64_t{1});
    store.put(Table::kMeta, "attendance", bytes);
    Attendance next({.horizon = kHorizon, .skew = kSkew}, clock, store);
    EXPECT_FALSE(next.load(now()));
  }
}

TEST_F(AttendanceTest, OfOldRecordsItKeepsItsOwnSinceItLastCompared) {
  const Presence presence{
      .level = Level::kApart, .memory_ms = 0, .compared = at_ms(1'000), .in_step = {}, .settled = false};
  const Hlc later = at_ms(1'000 + kReach / 1ms + 2);
  const auto lets_go = [&](std::string_view owner, std::int64_t written_ms, std::uint64_t boot = 1) {
    Version version = claim(owner, 1, written_ms);
    version.boot = boot;
    return node->lets_go(id("M"), presence, version, later);
  };
  EXPECT_TRUE(lets_go("M", 1'000));
  EXPECT_FALSE(lets_go("M", 1'001));
  EXPECT_TRUE(lets_go("A", 1'001)) << "another's: whoever wrote it proposes it again";
  EXPECT_FALSE(lets_go("A", 1'001, 0)) << "a py2p node's";
  EXPECT_TRUE(lets_go("A", 1'000, 0));
  EXPECT_FALSE(lets_go("A", 1'002)) << "not old";
  EXPECT_FALSE(lets_go("M", 1'002));
}

TEST(Defers, TheLowerToTheHigherThatRemembers) {
  Presence apart;
  apart.compared = at_ms(1'000);
  Presence lived_on = apart;
  lived_on.level = Level::kLivedOn;
  lived_on.memory_ms = at_ms(1'000).unix_ms();
  Presence in_step = lived_on;
  in_step.level = Level::kInStep;
  EXPECT_TRUE(defers(apart, lived_on));
  EXPECT_TRUE(defers(apart, in_step));
  EXPECT_TRUE(defers(lived_on, in_step));
  EXPECT_FALSE(defers(apart, apart));
  EXPECT_FALSE(defers(in_step, in_step));
  EXPECT_FALSE(defers(in_step, apart));
  Presence younger = in_step;
  ++younger.memory_ms;
  EXPECT_FALSE(defers(apart, younger)) << "it was not there when we last compared";
  Presence fresh = apart;
  fresh.compared = {};
  EXPECT_TRUE(defers(fresh, younger)) << "a new node has nothing old of its own";
}

}  // namespace
}  // namespace meshdict
