#pragma once
// Damage that waits for a frame between two nodes.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/plan/plan.h"

namespace meshdict::sim {

/// The first four as in Tampering. kBreak: half of the frame arrives, then its connection is reset.
enum class Mangling : std::uint8_t { kFlip, kTruncate, kRepeat, kStale, kBreak };

class Traps {
 public:
  /// Sets a trap for the next frame from the one to the other, or the n-th of its kind. Returns the trap's number.
  std::uint64_t set(const TamperStep& what);
  /// Sets a trap for the next frame between the two, in either direction. Returns the trap's number.
  std::uint64_t set_break(NodeIndex a, NodeIndex b);

  [[nodiscard]] bool empty() const { return traps_.empty(); }
  /// Whether this trap still waits for its frame.
  [[nodiscard]] bool waits(std::uint64_t number) const;
  /// What befalls a frame that goes from the one to the other. A trap that springs is gone.
  [[nodiscard]] std::optional<Mangling> spring(NodeIndex from, NodeIndex to, std::string_view frame);

 private:
  struct Trap {
    NodeIndex from = kNobody;
    NodeIndex to = kNobody;
    Mangling how = Mangling::kFlip;
    std::string kind{};  // empty: any
    // Frames of this kind until it springs.
    std::uint64_t left = 1;
    std::uint64_t number = 0;
  };
  std::uint64_t set(Trap trap);

  std::vector<Trap> traps_;
  std::uint64_t last_number_ = 0;
};

}  // namespace meshdict::sim
