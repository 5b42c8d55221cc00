#pragma once
// Compressed bodies of broadcasts that were taken, or that came too late to be: a copy is known again before it is
// decompressed, which costs a thousand times what its sender paid for it.
//
// Bounded by limits::kMaxKnownBodies, the oldest gives way. Not thread-safe.

#include <deque>
#include <string_view>
#include <unordered_set>

#include "core/base/ids.h"

namespace meshdict {

class KnownBodies {
 public:
  /// SHA-256 of a body as it came. Rationale: of a weaker hash, somebody could make up a second body that silences a first.
  void insert(const MessageId& hash);
  [[nodiscard]] bool contains(const MessageId& hash) const { return known_.contains(hash); }

 private:
  struct Hash {
    std::size_t operator()(const MessageId& id) const { return id.prefix(); }
  };

  std::unordered_set<MessageId, Hash> known_;
  std::deque<MessageId> by_age_;
};

}  // namespace meshdict
