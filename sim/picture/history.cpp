#include "sim/picture/history.h"

#include <array>

namespace meshdict::sim {

std::string_view name_of(EventType type) {
  static constexpr std::array<std::string_view, kEventTypes> kNames = {
      "operation", "outcome", "fault", "expect", "raised", "connection", "life", "record", "violated"};
  return kNames[static_cast<std::size_t>(type)];
}

}  // namespace meshdict::sim
