#pragma once
// For the tests of the embeddable API: real sockets on loopback, and patience.

#include <chrono>
#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "meshdict/meshdict.h"
#include "proptests/base/eventually.h"

namespace meshdict::api_test {

inline bool are_neighbours(const MeshSocket& left, const MeshSocket& right) {
  return left.routing_table().contains(right.id()) && right.routing_table().contains(left.id());
}

/// `left` dials `right`; true when both know it.
inline bool join(MeshSocket& left, const MeshSocket& right) {
  left.connect("127.0.0.1", right.out_addr().port);
  return eventually([&] { return are_neighbours(left, right); });
}

/// Lines of a socket's log, kept by any thread.
class Lines {
 public:
  [[nodiscard]] LogSink sink() {
    return [this](int, std::string_view line) {
      const std::lock_guard lock(mutex_);
      text_ += std::string(line) + "\n";
    };
  }
  [[nodiscard]] std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

/// A directory that is removed with this object.
class TemporaryDirectory {
 public:
  explicit TemporaryDirectory(const std::string& name)
      : path_(std::filesystem::temp_directory_path() /
              (name + "-" + std::to_string(std::chrono::steady_clock::now().time_since_epoch().count()))) {
    std::filesystem::create_directory(path_);
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace meshdict::api_test
