#pragma once
// Why a member is not to be dialled for a time: numbers of the wire.

#include <cstdint>

namespace meshdict {

/// Any other number is taken for the first, which demands less.
enum class PartingKind : std::uint8_t {
  kLeft = 0,     ///< it has left for good
  kRemoved = 1,  ///< an operator has removed it
};

}  // namespace meshdict
