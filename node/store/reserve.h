#pragma once
#include <string>

#include "store/file_descriptor.h"

namespace meshdict {

/// Room on the disk that nobody else gets: a file without a name, which ends with the process.
class Reserve {
 public:
  /// Takes store_limits::kReserveBytes of the disk that `directory` is on, less on a small one. The same as the first time, once
  /// it was given up. False when there is no such room, or the file system has no such files.
  bool take(const std::string& directory);
  /// Gives it to whoever writes next. False when there is none.
  bool give_up();

 private:
  FileDescriptor file_;
  long long wanted_ = 0;
};

}  // namespace meshdict
