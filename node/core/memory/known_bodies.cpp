#include "core/memory/known_bodies.h"

#include "core/limits.h"

namespace meshdict {

void KnownBodies::insert(const MessageId& hash) {
  if (!known_.insert(hash).second) return;
  by_age_.push_back(hash);
  if (by_age_.size() <= limits::kMaxKnownBodies) return;
  known_.erase(by_age_.front());
  by_age_.pop_front();
}

}  // namespace meshdict
