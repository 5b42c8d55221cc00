#pragma once

namespace meshdict {

/// What a node has no room in, so that it takes no records.
struct Lacks {
  bool disk = false;          ///< the system gives no more
  bool disk_limit = false;    ///< --max-disk is reached
  bool memory = false;        ///< the system gives no more
  bool memory_limit = false;  ///< --max-memory is reached

  [[nodiscard]] bool any() const { return disk || disk_limit || memory || memory_limit; }
  bool operator==(const Lacks&) const = default;
};

}  // namespace meshdict
