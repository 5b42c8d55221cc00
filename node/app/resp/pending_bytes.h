#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "app/resp/limits.h"

namespace meshdict {

/// Bytes that wait to be used from the front. Each is moved a few times at most, however small the pieces taken: the work is
/// linear in what comes in.
class PendingBytes {
 public:
  [[nodiscard]] std::string_view view() const { return std::string_view(bytes_).substr(start_); }
  [[nodiscard]] std::size_t size() const { return bytes_.size() - start_; }
  [[nodiscard]] bool empty() const { return size() == 0; }

  /// Moves what is there: views of it end.
  void append(std::string_view more) { bytes_.append(more); }
  /// So does this. REQUIRES: count <= size().
  void remove_prefix(std::size_t count) {
    start_ += count;
    if (start_ == bytes_.size()) {
      bytes_.clear();
      start_ = 0;
      if (bytes_.capacity() > resp_limits::kKeepBuffer) std::string().swap(bytes_);
    } else if (start_ > resp_limits::kKeepBuffer && start_ > bytes_.size() / 2) {
      bytes_.erase(0, start_);
      start_ = 0;
    }
  }

 private:
  std::string bytes_;
  std::size_t start_ = 0;
};

}  // namespace meshdict
