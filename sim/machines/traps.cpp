#include "sim/machines/traps.h"

#include <algorithm>

namespace meshdict::sim {

void Traps::set(const TamperStep& what) {
  static_assert(static_cast<int>(Mangling::kStale) == static_cast<int>(Tampering::kStale));
  traps_.push_back({what.from, what.to, static_cast<Mangling>(what.how)});
}

std::optional<Mangling> Traps::spring(NodeIndex from, NodeIndex to) {
  const auto trap = std::ranges::find_if(traps_, [&](const Trap& one) {
    return (one.from == from && one.to == to) || (one.how == Mangling::kBreak && one.from == to && one.to == from);
  });
  if (trap == traps_.end()) return std::nullopt;
  const Mangling how = trap->how;
  traps_.erase(trap);
  return how;
}

}  // namespace meshdict::sim
