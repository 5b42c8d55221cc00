#include "sim/machines/traps.h"

#include <algorithm>

namespace meshdict::sim {

std::uint64_t Traps::set(NodeIndex from, NodeIndex to, Mangling how) {
  traps_.push_back({.from = from, .to = to, .how = how, .number = ++last_number_});
  return last_number_;
}

std::uint64_t Traps::set(const TamperStep& what) {
  static_assert(static_cast<int>(Mangling::kStale) == static_cast<int>(Tampering::kStale));
  return set(what.from, what.to, static_cast<Mangling>(what.how));
}

std::uint64_t Traps::set_break(NodeIndex a, NodeIndex b) {
  return set(a, b, Mangling::kBreak);
}

bool Traps::waits(std::uint64_t number) const {
  return std::ranges::find(traps_, number, &Trap::number) != traps_.end();
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
