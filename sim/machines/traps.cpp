#include "sim/machines/traps.h"

#include <algorithm>
#include <utility>

#include "sim/machines/opened_frame.h"

namespace meshdict::sim {

std::uint64_t Traps::set(Trap trap) {
  trap.number = ++last_number_;
  traps_.push_back(std::move(trap));
  return last_number_;
}

std::uint64_t Traps::set(const TamperStep& what) {
  static_assert(static_cast<int>(Mangling::kStale) == static_cast<int>(Tampering::kStale));
  return set(Trap{
      .from = what.from, .to = what.to, .how = static_cast<Mangling>(what.how), .kind = what.kind, .left = what.nth});
}

std::uint64_t Traps::set_break(NodeIndex a, NodeIndex b) {
  return set(Trap{.from = a, .to = b, .how = Mangling::kBreak});
}

bool Traps::waits(std::uint64_t number) const {
  return std::ranges::find(traps_, number, &Trap::number) != traps_.end();
}

std::optional<Mangling> Traps::spring(NodeIndex from, NodeIndex to, std::string_view frame) {
  // Opened at most once.
  std::optional<std::string> kind;
  const auto fits = [&](const Trap& trap) {
    const bool way =
        (trap.from == from && trap.to == to) || (trap.how == Mangling::kBreak && trap.from == to && trap.to == from);
    if (!way || trap.kind.empty()) return way;
    if (!kind) {
      kind = with_message(frame, [](const Message& message) {
               return std::string(message_name(message));
             }).value_or(std::string());
    }
    return trap.kind == *kind;
  };
  auto sprung = traps_.end();
  for (auto trap = traps_.begin(); trap != traps_.end(); ++trap) {
    if (!fits(*trap)) continue;
    if (trap->left > 1) {
      --trap->left;
    } else if (sprung == traps_.end()) {
      sprung = trap;
    }
  }
  if (sprung == traps_.end()) return std::nullopt;
  const Mangling how = sprung->how;
  traps_.erase(sprung);
  return how;
}

}  // namespace meshdict::sim
