#include "store/reserve.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <utility>

#include "store/store_limits.h"

namespace meshdict {
namespace {

/// Whether a file of this process may be so long: to try is a signal that ends those that do not ignore it.
bool may_be_long(long long bytes) {
  rlimit limit{};
  return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur >= static_cast<rlim_t>(bytes);
}

long long wanted_on(const std::string& directory) {
  struct statvfs disk{};
  if (statvfs(directory.c_str(), &disk) != 0) return 0;
  const auto left = static_cast<long long>(disk.f_bavail) * static_cast<long long>(disk.f_frsize);
  return std::min<long long>(store_limits::kReserveBytes, left / store_limits::kReservePart);
}

}  // namespace

bool Reserve::take(const std::string& directory) {
  if (wanted_ == 0) wanted_ = wanted_on(directory);
  if (wanted_ == 0 || !may_be_long(wanted_)) return false;
  FileDescriptor made(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!made || ::fallocate(made.get(), 0, 0, wanted_) != 0) return false;
  file_ = std::move(made);
  return true;
}

bool Reserve::give_up() {
  if (!file_) return false;
  file_ = FileDescriptor();
  return true;
}

}  // namespace meshdict
