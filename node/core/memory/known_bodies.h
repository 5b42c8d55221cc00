#pragma once
// Compressed bodies of broadcasts that were taken, or that came too late for that. A copy is recognised before it is
// decompressed, which can cost a thousand times what the copy cost its sender.
//
// Bounded by limits::kMaxKnownBodies, the oldest gives way. Not thread-safe.

#include <deque>
#include <string_view>
#include <unordered_set>

#include "core/base/ids.h"

namespace meshdict {

class KnownBodies {
 public:
  /// `hash`: SHA-256 of a body as it came. Rationale: with a weaker hash, somebody could make up a body that silences another
  /// one.
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
