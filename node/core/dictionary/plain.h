#pragma once
// Plain stores: those of py2p nodes, which have no version.

#include <cstdint>

namespace meshdict {

/// How a plain py2p store came here.
enum class Plain : std::uint8_t {
  kNo,    ///< it is none: it has a version
  kSaid,  ///< as its writer's message: those of one writer come in the order of its writes
  kKept,  ///< as an entry of some py2p node's dictionary, of any age
};

}  // namespace meshdict
