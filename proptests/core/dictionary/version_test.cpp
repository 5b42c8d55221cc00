// The order of versions and fences against a naive model, and the hybrid clock under jumps.

#include "core/record/version.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstring>

#include "core/record/hlc.h"
#include "proptests/core/dictionary/version_model.h"

namespace meshdict {
namespace {

using version_model::any_version;
using version_model::sign;
using version_model::two_versions;

constexpr Leasing kBoth[] = {Leasing::kOn, Leasing::kOff};

RC_GTEST_PROP(Version, IsOrderedAsTheNaiveModelSays, ()) {
  const auto [left, right] = two_versions();
  for (const Leasing leasing : kBoth) {
    const auto naive = version_model::rank(left, leasing) <=> version_model::rank(right, leasing);
    RC_TAG(sign(naive));
    RC_ASSERT(sign(compare(left, right, leasing)) == sign(naive));
  }
}

RC_GTEST_PROP(Version, TheDecidingFieldIsTheFirstThatDiffers, ()) {
  const auto [left, right] = two_versions();
  for (const Leasing leasing : kBoth) {
    const auto of_left = version_model::fields(left, leasing);
    const auto of_right = version_model::fields(right, leasing);
    std::string_view first = "equal";
    for (std::size_t i = of_left.size(); i-- > 0;) {
      if (of_left[i].rank != of_right[i].rank) first = of_left[i].name;
    }
    RC_TAG(std::string(first));
    RC_ASSERT(to_string(deciding_field(left, right, leasing)) == first);
    RC_ASSERT(to_string(deciding_field(right, left, leasing)) == first);
  }
}

TEST(Version, EachFieldDecidesWhenAllOthersTie) {
  Version base{.epoch = Epoch{5},
               .claim_start = Hlc{5},
               .owner = *NodeId::parse("M"),
               .boot = Boot{5},
               .sequence = Sequence{5},
               .value_hash = MessageId{.bytes = {5}},
               .written = Hlc{5}};
  const auto wins = [&](auto change, std::string_view field) {
    Version better = base;
    change(better);
    for (const Leasing leasing : kBoth) {
      const bool epoch = field == "epoch" && leasing == Leasing::kOff;
      EXPECT_EQ(sign(compare(better, base, leasing)), 1) << field;
      EXPECT_EQ(sign(compare(base, better, leasing)), -1) << field;
      EXPECT_EQ(to_string(deciding_field(base, better, leasing)), epoch ? "generation" : field);
    }
  };
  wins([](Version& v) { v.epoch = Epoch{6}; }, "epoch");
  wins([](Version& v) { v.claim_start = Hlc{4}; }, "claim start");
  wins([](Version& v) { v.owner = *NodeId::parse("L"); }, "owner");
  wins([](Version& v) { v.boot = Boot{6}; }, "boot");
  wins([](Version& v) { v.sequence = Sequence{6}; }, "sequence");
  wins([](Version& v) { v.value_hash.bytes[31] = 1; }, "value hash");
  wins([](Version& v) { v.written = Hlc{6}; }, "write time");
  wins([](Version& v) { v.kind = RecordKind::kTombstone; }, "kind");
}

RC_GTEST_PROP(Version, TheOrderIsTotal, ()) {
  const auto [a, b] = two_versions();
  const Version c = version_model::mixed(a, b);
  for (const Leasing leasing : kBoth) {
    RC_ASSERT(sign(compare(a, b, leasing)) == -sign(compare(b, a, leasing)));
    RC_ASSERT((sign(compare(a, b, leasing)) == 0) == (a == b));
    RC_ASSERT(sign(compare(a, a, leasing)) == 0);
    const Version* order[] = {&a, &b, &c};
    for (const Version* x : order) {
      for (const Version* y : order) {
        for (const Version* z : order) {
          if (compare(*x, *y, leasing) <= 0 && compare(*y, *z, leasing) <= 0) {
            RC_ASSERT(sign(compare(*x, *z, leasing)) <= 0);
          }
        }
      }
    }
  }
}

RC_GTEST_PROP(Fence, MemcmpOrderIsTheOrderOfClaims, ()) {
  const auto [left, right] = two_versions();
  const std::string of_left = fence(left);
  const std::string of_right = fence(right);
  RC_ASSERT(of_left.size() == kFenceSize);
  RC_ASSERT(of_right.size() == kFenceSize);
  auto claim_of = [](const Version& v) {
    auto rank = version_model::rank(v, Leasing::kOn);
    rank.resize(3);
    return rank;
  };
  const auto naive = claim_of(left) <=> claim_of(right);
  RC_ASSERT(sign(std::memcmp(of_left.data(), of_right.data(), kFenceSize)) == sign(naive));
  RC_ASSERT(same_claim(left, right) == (sign(naive) == 0));
  // Between claims, the order of fences is the order of the merge.
  if (naive != 0) RC_ASSERT(sign(naive) == sign(compare(left, right, Leasing::kOn)));
}

RC_GTEST_PROP(Fence, AnOwnersOwnWritesDoNotChangeIt, ()) {
  const Version before = any_version();
  Version after = any_version();
  after.epoch = before.epoch;
  after.claim_start = before.claim_start;
  after.owner = before.owner;
  RC_ASSERT(same_claim(before, after));
  RC_ASSERT(fence(before) == fence(after));
}

TEST(Fence, HasTheDocumentedBytes) {
  Version v;
  v.epoch = Epoch{0x0102030405060708};
  v.claim_start = Hlc{0x00FF00FF00FF00FE};
  v.owner = *NodeId::parse("21");  // 58
  const std::string expected = std::string("\x01\x02\x03\x04\x05\x06\x07\x08", 8) +
                               std::string("\xFF\x00\xFF\x00\xFF\x00\xFF\x01", 8) + std::string(48, '\xFF') + "\xC5";
  EXPECT_EQ(fence(v), expected);
}

TEST(Version, OverlappingLeasesFormNoCircle) {
  // A[0..10], B[5..20], C[15..30]: C's writer knew that A had ended and took the next epoch, B knew of nobody.
  Version a{.epoch = Epoch{1}, .claim_start = Hlc::from_ms(0), .owner = *NodeId::parse("A")};
  Version b{.epoch = Epoch{1}, .claim_start = Hlc::from_ms(5), .owner = *NodeId::parse("B")};
  Version c{.epoch = Epoch{2}, .claim_start = Hlc::from_ms(15), .owner = *NodeId::parse("C")};
  EXPECT_TRUE(compare(a, b, Leasing::kOn) > 0);
  EXPECT_TRUE(compare(c, a, Leasing::kOn) > 0);
  EXPECT_TRUE(compare(c, b, Leasing::kOn) > 0);
}

class JumpyClock final : public Clock {
 public:
  [[nodiscard]] MonoTime monotonic() const override { return MonoTime{}; }
  [[nodiscard]] WallTime wall() const override { return WallTime(now); }
  Duration now{};
};

TEST(Hlc, FollowsTheWallClockAndCountsWithinAMillisecond) {
  JumpyClock clock;
  HybridClock hlc(clock);
  clock.now = 1'700'000'000s + 1'234us;
  const Hlc first = hlc.tick();
  EXPECT_EQ(first, Hlc::from_ms(1'700'000'000'001));
  EXPECT_EQ(hlc.tick().bits, first.bits + 1);
  clock.now += 1ms;
  EXPECT_EQ(hlc.tick(), Hlc::from_ms(1'700'000'000'002));
}

RC_GTEST_PROP(Hlc, NeverGoesBackUnderJumpsAndReadingsFromElsewhere, ()) {
  JumpyClock clock;
  HybridClock hlc(clock);
  const Duration skew = 30s;
  Hlc last;
  const auto steps = *rc::gen::inRange(1, 60);
  for (int i = 0; i < steps; ++i) {
    clock.now = 1'700'000'000s + std::chrono::milliseconds(*rc::gen::inRange(-100'000, 100'000));
    if (*rc::gen::inRange(0, 20) == 0) clock.now = *rc::gen::element<Duration>(Duration::min(), Duration::max(), -5s);
    const std::int64_t wall_ms = std::clamp<std::int64_t>(
        std::chrono::floor<std::chrono::milliseconds>(clock.now).count(), 0, (std::int64_t{1} << 47) - 1);
    if (*rc::gen::arbitrary<bool>()) {
      const Hlc remote = Hlc::from_ms(std::max<std::int64_t>(0, wall_ms + *rc::gen::inRange(-60'000, 60'000)));
      const bool allowed = remote.unix_ms() - wall_ms <= 30'000;
      RC_ASSERT((hlc.until_allowed(remote, skew) == Duration::zero()) == allowed);
      const Hlc before = hlc.now();
      RC_ASSERT(hlc.observe(remote, skew) == allowed);
      RC_ASSERT(hlc.now() == (allowed ? std::max(before, remote) : before));
      if (allowed) last = std::max(last, remote);
    }
    RC_ASSERT(hlc.is_ahead(skew) == (last.unix_ms() - wall_ms > 30'000));
    RC_ASSERT(hlc.now() >= last);
    const Hlc reading = hlc.tick();
    RC_ASSERT(reading > last);
    RC_ASSERT(reading.unix_ms() >= wall_ms);
    last = reading;
  }
}

TEST(Hlc, AResetForgetsTheJump) {
  JumpyClock clock;
  HybridClock hlc(clock);
  clock.now = 2'000'000s;
  hlc.tick();
  clock.now = 1'000'000s;
  EXPECT_TRUE(hlc.is_ahead(30s));
  EXPECT_EQ(hlc.now(), Hlc::from_ms(2'000'000'000));
  EXPECT_EQ(hlc.now(30s), Hlc::from_ms(1'000'000'000));
  EXPECT_EQ(hlc.now(1'000'000s), Hlc::from_ms(2'000'000'000));
  hlc.reset();
  EXPECT_FALSE(hlc.is_ahead(30s));
  EXPECT_EQ(hlc.tick(), Hlc::from_ms(1'000'000'000));
}

}  // namespace
}  // namespace meshdict
