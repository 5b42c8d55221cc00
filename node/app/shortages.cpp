#include "app/shortages.h"

#include <utility>

#include "app/system/memory_reserve.h"

namespace meshdict {

void Shortages::look(bool disk_has_room, std::uint64_t refused_by_memory) {
  memory_reserve::refill();
  tell_of_refusals(refused_by_memory);
  tell_of_disk(disk_has_room);
  tell_of_memory(memory_reserve::used());
  manager_.status(!disk_had_room_     ? "degraded: the disk is full"
                  : memory_was_short_ ? "degraded: no memory is left"
                                      : "serving");
  manager_.retry();
}

void Shortages::tell_of_refusals(std::uint64_t refused_by_memory) {
  if (std::exchange(refused_by_memory_, refused_by_memory) >= refused_by_memory) return;
  log_.write_limited(LogLevel::kWarn, "refused by memory",
                     "no memory is left for what a client wants (ulimit -v, or the machine's): it was refused");
}

void Shortages::tell_of_memory(bool is_short) {
  if (std::exchange(memory_was_short_, is_short) == is_short) return;
  log_.write_limited(is_short ? LogLevel::kError : LogLevel::kInfo, "memory",
                     is_short
                         ? "no memory is left (ulimit -v, or the machine's): clients may read and delete, writes and "
                           "those of neighbours are refused until there is some"
                         : "there is memory again: writes are taken");
}

void Shortages::tell_of_disk(bool has_room) {
  if (std::exchange(disk_had_room_, has_room) == has_room) return;
  log_.write(has_room ? LogLevel::kInfo : LogLevel::kError,
             has_room
                 ? "the disk has room again: writes are taken"
                 : "the disk is full: clients may read and delete, writes and those of neighbours are refused until "
                   "there is room");
}

}  // namespace meshdict
