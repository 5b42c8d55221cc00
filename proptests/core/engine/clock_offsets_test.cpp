// ClockOffsets against clocks of which the truth is known.

#include "core/record/clock_offsets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <map>
#include <string>

#include "core/limits.h"

namespace meshdict {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr Duration kSkew = 30s;
constexpr std::int64_t kPpm = 500;
constexpr Duration kSince1970 = 1'800'000'000s;

NodeId node(std::size_t number) {
  return *NodeId::parse(std::string(1, static_cast<char>('A' + number)));
}

/// Our clocks and the neighbours', each with an error of its own.
class World {
 public:
  ClockOffsets offsets{kSkew, kPpm};
  Duration now{};
  Duration ours_is_ahead{};
  std::int64_t our_ppm = 0;
  struct Neighbour {
    Duration ahead{};
    std::int64_t ppm = 0;
    // Since its clock was last set.
    bool measured = false;
  };
  std::array<Neighbour, 5> neighbours{};

  [[nodiscard]] Duration passed(std::int64_t ppm) const { return now + Duration(now.count() / 1'000'000 * ppm); }
  [[nodiscard]] MonoTime mono() const { return MonoTime(7'000s + passed(our_ppm)); }
  [[nodiscard]] WallTime wall() const { return WallTime(kSince1970 + passed(our_ppm) + ours_is_ahead); }
  [[nodiscard]] Duration shown_by(std::size_t neighbour) const {
    return kSince1970 + passed(neighbours.at(neighbour).ppm) + neighbours.at(neighbour).ahead;
  }
  [[nodiscard]] Duration truly_ahead(std::size_t neighbour) const {
    return shown_by(neighbour) - wall().time_since_epoch();
  }
  void ask(std::size_t neighbour, Duration there, Duration back) {
    const MonoTime asked = mono();
    now += there;
    const auto reading = std::chrono::floor<std::chrono::milliseconds>(shown_by(neighbour));
    now += back;
    offsets.heard(node(neighbour), reading.count(), asked, mono());
    neighbours.at(neighbour).measured = true;
  }
  std::vector<ClockOffsets::Change> judge() { return offsets.judge(mono(), wall()); }
  [[nodiscard]] ClockView of(std::size_t neighbour) const { return offsets.of(node(neighbour), mono(), wall()); }
};

Duration between(Duration low, Duration high) {
  return Duration(*rc::gen::inRange<std::int64_t>(low.count(), high.count() + 1));
}

/// One thing that happens: a reading, a clock that is set, or time that passes.
void take_a_step(World& world) {
  const auto which = *rc::gen::inRange<std::size_t>(0, world.neighbours.size());
  World::Neighbour& neighbour = world.neighbours.at(which);
  switch (*rc::gen::weightedElement<int>({{6, 0}, {1, 1}, {1, 2}, {1, 3}, {2, 4}})) {
    case 0:
      // In either order: one is as good as the other.
      world.ask(which, between(0ms, 3s), between(0ms, 3s));
      break;
    case 1:
      neighbour.ahead = between(-90s, 90s);
      neighbour.measured = false;
      break;
    case 2:
      world.ours_is_ahead = between(-90s, 90s);
      break;
    case 3:
      world.offsets.forget(node(which));
      neighbour.measured = false;
      break;
    default:
      world.now += between(0s, 300s);
  }
}

RC_GTEST_PROP(ClockOffsets, TheTruthLiesWithinTheErrorAndAVerdictIsNeverWrong, ()) {
  World world;
  world.our_ppm = *rc::gen::inRange<std::int64_t>(-kPpm, kPpm + 1);
  for (World::Neighbour& neighbour : world.neighbours) {
    neighbour.ahead = between(-60s, 60s);
    neighbour.ppm = *rc::gen::inRange<std::int64_t>(-kPpm, kPpm + 1);
  }
  // The nodes that are beyond the skew, by the changes that were told.
  std::map<NodeId, bool> told;
  const auto steps = *rc::gen::inRange(1, 60);
  for (int i = 0; i < steps; ++i) {
    take_a_step(world);
    std::map<NodeId, ClockStanding> before;
    for (std::size_t at = 0; at < world.neighbours.size(); ++at)
      before[node(at)] = world.of(at).standing;
    for (const ClockOffsets::Change& change : world.judge()) {
      const bool beyond = is_beyond(change.clock.standing);
      RC_ASSERT(beyond || told[change.peer]);
      told[change.peer] = beyond;
    }
    world.offsets.sanity_check();
    std::size_t known = 0;
    std::map<ClockStanding, std::size_t> counts;
    for (std::size_t at = 0; at < world.neighbours.size(); ++at) {
      const ClockView view = world.of(at);
      known += view.standing == ClockStanding::kUnknown ? 0U : 1U;
      ++counts[view.standing];
      if (view.standing == ClockStanding::kUnknown) {
        told.erase(node(at));
      } else {
        RC_ASSERT(told[node(at)] == is_beyond(view.standing));
      }
      if (!world.neighbours.at(at).measured) continue;
      const Duration truth = world.truly_ahead(at);
      RC_ASSERT(std::chrono::abs(truth - view.offset.ahead) <= view.offset.error);
      const Duration far = view.standing == ClockStanding::kAhead ? truth : -truth;
      if (is_beyond(view.standing)) RC_ASSERT(far > kSkew - view.offset.error);
      if (is_beyond(view.standing) && view.standing != before[node(at)]) RC_ASSERT(far > kSkew);
      if (std::chrono::abs(truth) > kSkew + 2 * view.offset.error) RC_ASSERT(is_beyond(view.standing));
    }
    const ClockStanding own = world.offsets.own().standing;
    RC_ASSERT((own == ClockStanding::kUnknown) == (known == 0));
    RC_ASSERT((own == ClockStanding::kAhead) == (2 * counts[ClockStanding::kBehind] > known));
    RC_ASSERT((own == ClockStanding::kBehind) == (2 * counts[ClockStanding::kAhead] > known));
    RC_ASSERT(told[NodeId()] == is_beyond(own));
  }
}

TEST(ClockOffsets, AClockSetByLittleIsNotTakenForAnother) {
  World world;
  world.ask(0, 5ms, 5ms);
  world.neighbours.at(0).ahead = 900ms;
  // Which leaves open whether it was set.
  world.ask(0, 0s, 3s);
  const ClockOffset offset = world.of(0).offset;
  EXPECT_LE(std::chrono::abs(world.truly_ahead(0) - offset.ahead), offset.error);
}

TEST(ClockOffsets, OfTwoNodesBothAreCareful) {
  World world;
  world.neighbours[0].ahead = 60s;
  world.ask(0, 5ms, 5ms);
  EXPECT_THAT(world.judge(), SizeIs(2));
  EXPECT_EQ(world.offsets.own().standing, ClockStanding::kBehind);
  EXPECT_LE(std::chrono::abs(world.offsets.own().offset.ahead + 60s), world.offsets.own().offset.error);
}

TEST(ClockOffsets, OneOfTwoNeighboursIsNoMajority) {
  World world;
  world.neighbours[0].ahead = 60s;
  world.ask(0, 5ms, 5ms);
  world.ask(1, 5ms, 5ms);
  EXPECT_THAT(world.judge(), SizeIs(1));
  EXPECT_EQ(world.offsets.own().standing, ClockStanding::kWithin);
}

TEST(ClockOffsets, WhoStandsBetweenTwoWrongOnesIsRight) {
  World world;
  world.neighbours[0].ahead = 900s;
  world.neighbours[1].ahead = -900s;
  world.ask(0, 5ms, 5ms);
  world.ask(1, 5ms, 5ms);
  EXPECT_THAT(world.judge(), SizeIs(2));
  EXPECT_EQ(world.offsets.own().standing, ClockStanding::kWithin);
}

TEST(ClockOffsets, OfTwoInTheMiddleTheNearerCounts) {
  for (const Duration side : {Duration(1s), Duration(-1s)}) {
    World world;
    world.neighbours[0].ahead = 900 * side;
    world.neighbours[1].ahead = 1'800 * side;
    world.ask(0, 0ms, 0ms);
    world.ask(1, 0ms, 0ms);
    world.judge();
    EXPECT_LE(std::chrono::abs(world.offsets.own().offset.ahead + 900 * side), 1ms);
  }
}

TEST(ClockOffsets, ThreeThatAgreeOutvoteTwo) {
  World world;
  for (std::size_t at = 0; at < 5; ++at) {
    world.neighbours.at(at).ahead = at < 3 ? 40s : 0s;
    world.ask(at, 5ms, 5ms);
  }
  world.judge();
  EXPECT_EQ(world.offsets.own().standing, ClockStanding::kBehind);
  // One that leaves makes it two against two: that is no majority.
  world.offsets.forget(node(0));
  EXPECT_THAT(world.judge(), SizeIs(1));
  EXPECT_EQ(world.offsets.own().standing, ClockStanding::kWithin);
}

TEST(ClockOffsets, ASlowAnswerProvesNothing) {
  World world;
  world.neighbours[0].ahead = 40s;
  world.ask(0, 15s, 15s);
  EXPECT_THAT(world.judge(), IsEmpty());
  EXPECT_EQ(world.offsets.own().standing, ClockStanding::kWithin);
  world.ask(0, 1ms, 1ms);
  EXPECT_EQ(world.judge().size(), 2U);
}

TEST(ClockOffsets, WhenOurClockIsSetNoNewReadingIsNeeded) {
  World world;
  world.ask(0, 1ms, 1ms);
  world.judge();
  EXPECT_FALSE(world.offsets.has_stepped(world.mono(), world.wall()));
  world.ours_is_ahead = 120s;
  EXPECT_TRUE(world.offsets.has_stepped(world.mono(), world.wall()));
  world.judge();
  EXPECT_EQ(world.offsets.own().standing, ClockStanding::kAhead);
  world.ours_is_ahead = 0s;
  world.judge();
  EXPECT_EQ(world.offsets.own().standing, ClockStanding::kWithin);
}

TEST(ClockOffsets, WithoutNeighboursNothingIsKnown) {
  World world;
  world.neighbours[0].ahead = 60s;
  world.ask(0, 1ms, 1ms);
  world.judge();
  world.offsets.forget(node(0));
  EXPECT_THAT(world.judge(), SizeIs(1));
  EXPECT_EQ(world.offsets.own().standing, ClockStanding::kUnknown);
}

}  // namespace
}  // namespace meshdict
