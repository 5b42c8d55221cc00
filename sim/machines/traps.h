#pragma once
// Damage that waits for the next frame between two nodes.

#include <cstdint>
#include <optional>
#include <vector>

#include "sim/plan/plan.h"

namespace meshdict::sim {

/// The first ones as in Tampering; kBreak: the frame arrives by half, then its connection is reset.
enum class Mangling : std::uint8_t { kFlip, kTruncate, kRepeat, kStale, kBreak };

class Traps {
 public:
  /// For the next frame from the one to the other. The trap's number.
  std::uint64_t set(const TamperStep& what);
  /// For the next frame between the two, in either direction. The trap's number.
  std::uint64_t set_break(NodeIndex a, NodeIndex b);

  [[nodiscard]] bool empty() const { return traps_.empty(); }
  /// Whether no frame has come to this one yet.
  [[nodiscard]] bool waits(std::uint64_t number) const;
  /// What befalls a frame that has come from the one to the other; it was waited for no longer then.
  [[nodiscard]] std::optional<Mangling> spring(NodeIndex from, NodeIndex to);

 private:
  struct Trap {
    NodeIndex from = kNobody;
    NodeIndex to = kNobody;
    Mangling how = Mangling::kFlip;
    std::uint64_t number = 0;
  };
  std::uint64_t set(NodeIndex from, NodeIndex to, Mangling how);

  std::vector<Trap> traps_;
  std::uint64_t last_number_ = 0;
};

}  // namespace meshdict::sim
