#pragma once
// Why a member has parted from the mesh. Apart from the messages, for those who are only told of it.

#include <cstdint>

namespace meshdict {

/// Numbers of the wire. Any other is taken for the first, which demands less.
enum class PartingKind : std::uint8_t {
  kLeft = 0,     ///< it has left for good
  kRemoved = 1,  ///< an operator has removed it
};

}  // namespace meshdict
