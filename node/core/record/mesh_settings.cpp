#include "core/record/mesh_settings.h"

#include <algorithm>
#include <chrono>

namespace meshdict {

void MeshSettings::set_lease(Duration length) {
  lease = length;
  skew = std::min(skew, length / 10);
  settle = std::min(settle, length / 10);
  horizon = std::max(horizon, length + 2 * lease_margin(*this));
}

Duration lease_margin(const MeshSettings& settings) {
  // Nobody measures more than lease + margin, which is 9/8 of a lease. Rounded up, and divided first: a long lease in
  // microseconds times a rate could overflow.
  const std::int64_t longest_s = (settings.lease.count() / 8'000'000 + 1) * 9;
  return settings.skew + Duration(longest_s * settings.drift_ppm) + 1ms;
}

namespace {

std::string in_ms(Duration duration) {
  return std::to_string(std::chrono::ceil<std::chrono::milliseconds>(duration).count()) + " ms";
}

}  // namespace

std::expected<void, SettingsFault> check_lease(const MeshSettings& settings) {
  constexpr int kLeastMargins = 8;
  const Duration least = kLeastMargins * lease_margin(settings);
  if (settings.leasing == Leasing::kOff || settings.lease >= least) return {};
  return std::unexpected(SettingsFault{.setting = SettingsFault::Setting::kLease,
                                       .what = "a lease of " + in_ms(settings.lease) +
                                               " is too short for clocks that may differ by " + in_ms(settings.skew) +
                                               ": it takes " + in_ms(least) + " or more"});
}

std::expected<void, SettingsFault> check_horizon(const MeshSettings& settings) {
  constexpr int kLeastSkews = 8;
  const auto fault = [&](Duration least, const std::string& why) {
    return std::unexpected(SettingsFault{.setting = SettingsFault::Setting::kHorizon,
                                         .what = "a horizon of " + in_ms(settings.horizon) + " is too short for " +
                                                 why + ": it takes " + in_ms(least) + " or more"});
  };
  const Duration for_skew = kLeastSkews * settings.skew;
  if (settings.horizon < for_skew) return fault(for_skew, "clocks that may differ by " + in_ms(settings.skew));
  const Duration for_lease = settings.lease + 2 * lease_margin(settings);
  if (settings.leasing == Leasing::kOn && settings.horizon < for_lease) {
    return fault(for_lease, "a lease of " + in_ms(settings.lease));
  }
  return {};
}

}  // namespace meshdict
