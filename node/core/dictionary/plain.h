#pragma once
// Plain stores: stores of py2p nodes, which have a time in seconds instead of a version.
//
// P1. py2p nodes take a store that is younger in seconds, and of two of one second that of the smaller id. Where such nodes hold
//     a key these rules count, so that both kinds of node end with the same value.
// P2. Within one second a store's place is behind the present record: a writer's own stores stand in the order of their
//     arrival.
// P3. A store that comes from a py2p node's dictionary must be younger than the present record: py2p sends its whole dictionary
//     at each handshake, and what was deleted or overwritten meanwhile must not come back with it.
// P4. A plain store of a meshdict node is an echo of what that node wrote. One of a claim that it has given up has no place: py2p
//     nodes do not know that, and would bring the lease back.

#include <cstdint>
#include <optional>

#include "core/base/ids.h"
#include "core/record/hlc.h"
#include "core/record/table.h"
#include "core/record/version.h"

namespace meshdict {

/// How a plain py2p store came here.
enum class Plain : std::uint8_t {
  kNo,    ///< it is none: it has a version
  kSaid,  ///< as its writer's message: those of one writer come in the order of its writes
  kKept,  ///< as an entry of some py2p node's dictionary, of any age
};

/// A time as py2p measures it.
inline std::int64_t whole_seconds(Hlc time) {
  return time.unix_ms() / 1'000;
}

/// Of two plain writes of one second the one with the smaller id stands, as at py2p nodes, which compare ids as bytes.
inline bool yields_in_its_second(const Version& held, const NodeId& writer) {
  return writer.text() < held.owner.text();
}

/// The write time with which a plain store of this time stands behind the present record; nothing when it has no place there.
std::optional<Hlc> place_of_plain(const std::optional<Record>& present, const NodeId& writer, std::int64_t seconds,
                                  Plain how);

}  // namespace meshdict
