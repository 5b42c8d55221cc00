#pragma once
// What one client has written since others were last known to have it: what WAIT asks about.
//
// 1. Bounded: at most resp_limits::kMaxWrittenKeys keys and kMaxWrittenBytes of them. Beyond that the older half is
//    forgotten.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace meshdict {

class WrittenKeys {
 public:
  void add(std::string_view key);
  void clear() {
    bytes_.clear();
    ends_.clear();
  }
  /// In order, each once.
  [[nodiscard]] std::vector<std::string> distinct() const;

 private:
  void forget_older_half();

  // One string and one vector for all of them: a SET allocates nothing once they have grown.
  std::string bytes_;
  std::vector<std::size_t> ends_;
};

}  // namespace meshdict
