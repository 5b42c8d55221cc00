#pragma once
// What a dictionary is told at its start.

#include <cstddef>
#include <vector>

#include "core/base/ids.h"
#include "core/base/numbers.h"
#include "core/limits.h"
#include "core/record/mesh_settings.h"

namespace meshdict {

struct DictionaryConfig : MeshSettings {
  NodeId self{};
  Boot boot = Boot::kNone;
  /// The boots of incarnations before this one with the same store, the last one first.
  std::vector<Boot> earlier_boots{};
  /// How many tombstones are remembered beyond the horizon.
  std::size_t kept_deletions = limits::kMaxKeptDeletions;
  /// No key is claimed while our wall clock is wrong.
  bool clock_guard = true;
};

}  // namespace meshdict
