#include "sim/plan/property.h"

#include <array>

namespace meshdict::sim {

std::string_view name_of(Property property) {
  static constexpr std::array<std::string_view, kProperties> kNames = {
      "S1",   "S2",   "S3", "S4", "S5", "S6", "S7",        "S8",    "lease",
      "wait", "disk", "C1", "C2", "B1", "B2", "connected", "quiet", "bounds"};
  return kNames[static_cast<std::size_t>(property)];
}

std::vector<Property> all_properties() {
  std::vector<Property> all;
  all.reserve(kProperties);
  for (std::size_t i = 0; i < kProperties; ++i)
    all.push_back(static_cast<Property>(i));
  return all;
}

std::vector<std::string> property_names() {
  std::vector<std::string> names;
  names.reserve(kProperties);
  for (const Property property : all_properties())
    names.emplace_back(name_of(property));
  return names;
}

}  // namespace meshdict::sim
