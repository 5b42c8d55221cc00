#pragma once
// Room on the disk that nobody else gets: a file without a name, which ends with the process.

#include <cstdint>
#include <optional>
#include <string>

#include "store/file_descriptor.h"

namespace meshdict {

class Reserve {
 public:
  enum class Taken : std::uint8_t {
    kYes,
    kNoRoom,
    kUnsupported,  ///< the file system has no such files, or a file of this process may not be so long
  };

  /// Takes store_limits::kReserveBytes of the disk that holds `directory`, less on a small one. After the reserve was given up,
  /// takes as much as the first time.
  Taken take(const std::string& directory);
  explicit operator bool() const { return static_cast<bool>(file_); }
  /// Frees the room for whatever is written next. False when there is no reserve.
  bool give_up();

 private:
  FileDescriptor file_;
  std::optional<std::uint64_t> wanted_;
};

}  // namespace meshdict
