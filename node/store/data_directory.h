#pragma once
// The data directory of one node: made when absent, and locked for as long as this object exists.
//
// 1. No two processes hold the same directory. The lock (flock on DIR/meshdict.lock) ends with the process, however it
//    ends; the file stays behind and means nothing by itself. It holds the process id of its last holder, for people.
// 2. A directory that this makes is for its owner only (mode 0700), and so is each one above it that has to be made. The node's
//    log says that it is new, so that a misspelt path does not go unnoticed.

#include <expected>
#include <string>
#include <string_view>

#include "core/env/store.h"
#include "store/file_descriptor.h"

namespace meshdict {

/// The system's words for an errno.
std::string system_text(int code);
/// The trouble that an errno means for a store.
StoreTrouble trouble_of(int code);

class DataDirectory {
 public:
  /// Error: it cannot be made or written, or another process holds it.
  static std::expected<DataDirectory, StoreError> open(const std::string& path);

  [[nodiscard]] const std::string& path() const { return path_; }
  /// The path of a file in it.
  [[nodiscard]] std::string file(std::string_view name) const { return path_ + "/" + std::string(name); }
  /// Whether there is something of that name, even a dangling link. Error: it is not known.
  [[nodiscard]] std::expected<bool, StoreError> has(std::string_view name) const;
  /// Makes new names in it durable.
  std::expected<void, StoreError> sync();

  [[nodiscard]] StoreError error(StoreTrouble trouble, std::string_view what) const {
    return {.trouble = trouble, .what = std::string(what), .path = path_};
  }

 private:
  DataDirectory(std::string path, FileDescriptor directory, FileDescriptor lock)
      : path_(std::move(path)), directory_(std::move(directory)), lock_(std::move(lock)) {}

  std::string path_;
  FileDescriptor directory_;
  FileDescriptor lock_;
};

}  // namespace meshdict
