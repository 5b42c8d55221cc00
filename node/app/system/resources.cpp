#include "app/system/resources.h"

#include <malloc.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "app/system/memory_reserve.h"

namespace meshdict {
namespace {

std::chrono::microseconds duration(const timeval& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

}  // namespace

ProcessResources process_resources() {
  ProcessResources found;
  std::ifstream file("/proc/self/statm");
  std::size_t all = 0;
  std::size_t resident = 0;
  file >> all >> resident;
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  found.virtual_bytes = all * page;
  found.resident_bytes = resident * page;
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    found.user = duration(usage.ru_utime);
    found.system = duration(usage.ru_stime);
  }
  return found;
}

std::size_t allocated_bytes() {
  const struct mallinfo2 info = mallinfo2();
  const std::size_t all = info.uordblks + info.hblkhd;
  return all - std::min(all, memory_reserve::held());
}

std::uint64_t file_bytes(const std::string& path) {
  struct stat found{};
  return stat(path.c_str(), &found) == 0 ? static_cast<std::uint64_t>(found.st_size) : 0;
}

}  // namespace meshdict
