#include "app/system/memory_limit.h"

#include "app/system/memory_reserve.h"

namespace meshdict {

void MemoryLimit::begin(const RecordTable& records, bool was_full) {
  records_ = &records;
  full_ = marks_.is_full(used(), was_full);
}

void MemoryLimit::look(std::uint64_t queued) {
  queued_ = queued;
  full_ = marks_.is_full(used(), full_);
}

std::uint64_t MemoryLimit::used() const {
  return queued_ + (records_ == nullptr ? 0 : counted_bytes(*records_));
}

bool RoomInMemory::has_room() const {
  return !memory_reserve::used() && !limit_.is_full() && store_.has_room();
}

}  // namespace meshdict
