#include "core/record/mesh_settings.h"

#include <algorithm>
#include <chrono>

namespace meshdict {

void MeshSettings::set_lease(Duration length) {
  lease = length;
  skew = std::min(skew, length / 10);
  settle = std::min(settle, length / 10);
}

Duration lease_margin(const MeshSettings& settings) {
  // Nobody measures more than lease + margin, which is 9/8 of a lease. Rounded up, and divided first: a long lease in
  // microseconds times a rate could overflow.
  const std::int64_t longest_s = (settings.lease.count() / 8'000'000 + 1) * 9;
  return settings.skew + Duration(longest_s * settings.drift_ppm) + 1ms;
}

std::expected<void, SettingsFault> check_lease(const MeshSettings& settings) {
  constexpr int kLeastMargins = 8;
  const Duration least = kLeastMargins * lease_margin(settings);
  if (settings.leasing == Leasing::kOff || settings.lease >= least) return {};
  const auto ms = [](Duration duration) {
    return std::to_string(std::chrono::ceil<std::chrono::milliseconds>(duration).count()) + " ms";
  };
  return std::unexpected(SettingsFault{.setting = SettingsFault::Setting::kLease,
                                       .what = "a lease of " + ms(settings.lease) +
                                               " is too short for clocks that may differ by " + ms(settings.skew) +
                                               ": it takes " + ms(least) + " or more"});
}

std::expected<void, SettingsFault> check_horizon(const MeshSettings& settings) {
  constexpr int kLeastSkews = 8;
  if (settings.horizon >= kLeastSkews * settings.skew) return {};
  return std::unexpected(SettingsFault{
      .setting = SettingsFault::Setting::kHorizon,
      .what = "the horizon is shorter than " + std::to_string(kLeastSkews) + " times the skew of clocks"});
}

}  // namespace meshdict
