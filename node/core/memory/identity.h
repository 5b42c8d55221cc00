#pragma once
// What this process is in the mesh: the node's id, and the number of its incarnation.
//
// 1. The id is drawn at the first start, and stays as long as the store; where a key proves the id, it is the key's instead.
// 2. The boot counter grows with each start: max(stored + 1, wall seconds) << 32 | random. Rationale: so no lost disk, copied
//    disk or wrong clock locks an identity out or makes two processes equal.

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/ids.h"
#include "core/base/numbers.h"
#include "core/base/random.h"
#include "core/env/clock.h"
#include "core/env/store.h"

namespace meshdict {

/// The entry of kMeta that holds the boots of this incarnation and of those before it, one integer behind the other.
inline constexpr std::string_view kMetaBoot = "boot";

struct Identity {
  NodeId id;
  Boot boot = Boot::kNone;
  /// Those of earlier incarnations, as stored, the last one first.
  std::vector<Boot> earlier_boots;
  /// The store's id, when it was another than `id`; else empty.
  NodeId former_id{};
};

/// Reads or makes the id, or takes `proven` unless it is empty, and raises the boot counter; both are staged in the store.
/// Error when the store cannot be read or holds something damaged.
std::expected<Identity, StoreError> load_identity(Store& store, const Clock& clock, RandomStream random,
                                                  const NodeId& proven = {});

}  // namespace meshdict
