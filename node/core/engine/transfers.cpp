#include "core/engine/transfers.h"

#include <cstddef>

#include "core/limits.h"

namespace meshdict {

void Transfers::step(MonoTime now) {
  sessions_.begin(now);
  Connection* first = nullptr;
  Connection* next = nullptr;
  std::size_t ready = 0;
  for (const auto& [id, conn] : links_.connections()) {
    if (!conn->established()) continue;
    const bool busy = sessions_.is_busy(id) || confirmations_.is_busy(id);
    // Engine::on_drained() wakes us.
    if (!busy || transport_.queued(id) > limits::kBulkLowWater) continue;
    ++ready;
    if (first == nullptr) first = conn.get();
    if (next == nullptr && id > last_served_) next = conn.get();
  }
  if (ready == 0) return;
  if (next == nullptr) next = first;
  last_served_ = next->id;
  confirmations_.step(*next);
  sessions_.step(*next, now);
  if (ready > 1) alarm_.set(now);
}

}  // namespace meshdict
