#include "store/reserve.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "store/disk_room.h"
#include "store/store_limits.h"

namespace meshdict {
namespace {

/// Nothing where a file may not be so long: to try is a signal that ends those that do not ignore it.
std::optional<std::uint64_t> wanted_on(const std::string& directory) {
  const auto left = free_bytes(directory);
  const std::uint64_t longest = file_size_limit().value_or(store_limits::kReserveBytes);
  if (!left || longest < store_limits::kLeastReserveBytes) return std::nullopt;
  return std::clamp<std::uint64_t>(*left / store_limits::kReservePart, store_limits::kLeastReserveBytes,
                                   std::min<std::uint64_t>(longest, store_limits::kReserveBytes));
}

}  // namespace

Reserve::Taken Reserve::take(const std::string& directory) {
  if (!wanted_) wanted_ = wanted_on(directory);
  if (!wanted_) return Taken::kUnsupported;
  FileDescriptor made(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  const int trouble = made && ::fallocate(made.get(), 0, 0, static_cast<off_t>(*wanted_)) == 0 ? 0 : errno;
  if (trouble == ENOSPC || trouble == EDQUOT) return Taken::kNoRoom;
  if (trouble != 0) return Taken::kUnsupported;
  file_ = std::move(made);
  return Taken::kYes;
}

bool Reserve::give_up() {
  if (!file_) return false;
  file_ = FileDescriptor();
  return true;
}

}  // namespace meshdict
