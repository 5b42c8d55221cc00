#pragma once
// Tells that the disk or the memory has no room left, and that it has some again: in the log, and to the service manager.

#include <cstdint>
#include <string_view>

#include "app/log/log.h"
#include "app/system/lacks.h"
#include "app/system/service_manager.h"

namespace meshdict {

class Shortages {
 public:
  /// Both outlive it.
  Shortages(Log& log, ServiceManager& manager) : log_(log), manager_(manager) {}

  /// To be called after each turn. `refused_by_memory`: how often clients have been refused something for want of memory; it may
  /// begin anew (CONFIG RESETSTAT).
  void look(const Lacks& lacks, std::uint64_t refused_by_memory);

 private:
  void tell_of_refusals(std::uint64_t refused_by_memory);

  Log& log_;
  ServiceManager& manager_;
  Lacks told_;
  /// When it was last told.
  std::uint64_t refused_by_memory_ = 0;
};

}  // namespace meshdict
