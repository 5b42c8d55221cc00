#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "store/file_descriptor.h"

namespace meshdict {

/// Room on the disk that nobody else gets: a file without a name, which ends with the process.
class Reserve {
 public:
  enum class Taken : std::uint8_t {
    kYes,
    kNoRoom,
    kUnsupported,  ///< the file system has no such files, or a file of this process may not be so long
  };

  /// Takes store_limits::kReserveBytes of the disk that `directory` is on, less on a small one. The same as the first time, once
  /// it was given up.
  Taken take(const std::string& directory);
  explicit operator bool() const { return static_cast<bool>(file_); }
  /// Gives it to whoever writes next. False when there is none.
  bool give_up();

 private:
  FileDescriptor file_;
  std::optional<std::uint64_t> wanted_;
};

}  // namespace meshdict
