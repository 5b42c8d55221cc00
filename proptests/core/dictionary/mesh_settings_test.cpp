// The settings that all members share, and what they must leave room for.

#include "core/record/mesh_settings.h"

#include <gtest/gtest.h>

#include "proptests/core/dictionary/dictionary_fixture.h"

namespace meshdict {
namespace {

TEST(MeshSettings, TheMarginCoversSkewAndDrift) {
  EXPECT_EQ(lease_margin({}), kMargin);
  EXPECT_EQ(lease_margin({.lease = 1s, .skew = 0s, .drift_ppm = 0}), 1ms);
  EXPECT_GE(lease_margin({.lease = 100ms, .skew = 0s, .drift_ppm = 500}), 50us);
  EXPECT_GT(lease_margin({.lease = 24h * 365 * 100, .skew = 0s, .drift_ppm = 500}), 0s)
      << "a century does not overflow";
}

TEST(MeshSettings, TheHorizonLeavesTimeToReach) {
  EXPECT_TRUE(check_horizon({.leasing = Leasing::kOff, .skew = 1s, .horizon = 8s}));
  EXPECT_FALSE(check_horizon({.leasing = Leasing::kOff, .skew = 1s, .horizon = 8s - 1us}));
}

TEST(MeshSettings, TheHorizonOutlivesLeases) {
  const MeshSettings settings{.lease = 60s, .skew = 1s};
  const Duration least = 60s + 2 * lease_margin(settings);
  EXPECT_TRUE(check_horizon({.lease = 60s, .skew = 1s, .horizon = least}));
  const auto refused = check_horizon({.lease = 60s, .skew = 1s, .horizon = least - 1us});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().setting, SettingsFault::Setting::kHorizon);
  EXPECT_NE(refused.error().what.find("a lease of 60000 ms"), std::string::npos) << refused.error().what;
  EXPECT_TRUE(check_horizon({.leasing = Leasing::kOff, .lease = 60s, .skew = 1s, .horizon = 8s}));
}

TEST(MeshSettings, ALongLeaseRaisesTheHorizon) {
  MeshSettings settings;
  settings.set_lease(24h);
  EXPECT_TRUE(check_horizon(settings));
  EXPECT_EQ(settings.horizon, 24h + 2 * lease_margin(settings));
  settings.set_lease(1h);
  EXPECT_TRUE(check_horizon(settings)) << "a horizon that was raised stays";
}

TEST(MeshSettings, AShortLeaseLowersWhatIsMeasuredAgainstIt) {
  MeshSettings settings;
  settings.set_lease(300s);
  EXPECT_EQ(settings.skew, 30s);
  EXPECT_EQ(settings.settle, 2s);
  settings.set_lease(10s);
  EXPECT_EQ(settings.lease, 10s);
  EXPECT_EQ(settings.skew, 1s);
  EXPECT_EQ(settings.settle, 1s);
  EXPECT_TRUE(check_lease(settings));
}

}  // namespace
}  // namespace meshdict
