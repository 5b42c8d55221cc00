#pragma once
// Tells that the disk or the memory has no room left, and that it has some again: in the log, and to the service manager.

#include <cstdint>

#include "app/log/log.h"
#include "app/system/service_manager.h"

namespace meshdict {

class Shortages {
 public:
  /// Both outlive it.
  Shortages(Log& log, ServiceManager& manager) : log_(log), manager_(manager) {}

  /// To be called after each turn. `refused_by_memory`: how often clients have been refused something for want of memory; it may
  /// begin anew (CONFIG RESETSTAT).
  void look(bool disk_has_room, std::uint64_t refused_by_memory);

 private:
  void tell_of_refusals(std::uint64_t refused_by_memory);
  void tell_of_memory(bool is_short);
  void tell_of_disk(bool has_room);

  Log& log_;
  ServiceManager& manager_;
  bool disk_had_room_ = true;
  bool memory_was_short_ = false;
  /// When it was last told.
  std::uint64_t refused_by_memory_ = 0;
};

}  // namespace meshdict
