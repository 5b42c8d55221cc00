#pragma once
// The promises that a run is held to, by name.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace meshdict::sim {

/// The promises that are checked, see the README. A plan may name some of them only.
enum class Property : std::uint8_t {
  kS1,
  kS2,
  kS3,
  kS4,
  kS5,
  kS6,
  kS7,
  kS8,
  kLease,
  kWait,
  kDisk,
  kC1,
  kC2,
  kB1,
  kB2,
  kConnected,
  kQuiet,
  kBounds
};
inline constexpr std::size_t kProperties = static_cast<std::size_t>(Property::kBounds) + 1;
/// In the order of the enumeration.
std::vector<Property> all_properties();
std::string_view name_of(Property property);
/// In the same order.
std::vector<std::string> property_names();

}  // namespace meshdict::sim
