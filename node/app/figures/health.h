#pragma once
// Whether a node can do its work, and what keeps it from it.
//
// 1. Degraded is who goes on with a part of its work: each state is one of a closed set, and ends by itself when its cause does.
// 2. Ready is who is where clients are to be sent: linked to the mesh and caught up with it, or alone since it knows nobody; of
//    the mesh's settings, with a clock in bounds, and not degraded.
// 3. What strangers without proof can say makes no node unready, but for the state "identity in use".

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "app/resp/service.h"

namespace meshdict {

enum class Degraded : std::uint8_t {
  kDiskFull,
  kDiskLimit,
  kMemoryShort,
  kMemoryLimit,
  kClockWrong,
  kIdentityInUse,
};
inline constexpr std::array kAllDegraded{Degraded::kDiskFull,    Degraded::kDiskLimit,  Degraded::kMemoryShort,
                                         Degraded::kMemoryLimit, Degraded::kClockWrong, Degraded::kIdentityInUse};
/// "disk_full", "memory_short", ...
std::string_view to_string(Degraded state);
/// What it means, and what to do: one line.
std::string_view describe(Degraded state);

/// What holds now, in the order of the list.
std::vector<Degraded> degraded_states(const RespService& service);

/// Why it is not ready, a line each; none when it is.
std::vector<std::string> reasons_not_ready(const RespService& service);

}  // namespace meshdict
