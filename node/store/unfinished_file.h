#pragma once
// A new file that has its name only when it is complete and on the disk.
//
// 1. Until keep() it is NAME.unfinished, for its owner only (mode 0600). What ends without keep() takes it away. A process that is
//    killed leaves it behind; it means nothing, and whoever makes NAME next takes it over.
// 2. Of two processes that make the same NAME one gets an error (flock on NAME.unfinished).
// 3. Nothing is overwritten: there must be no NAME, neither at the beginning nor at the end.

#include <expected>
#include <string>
#include <string_view>

#include "store/file_descriptor.h"

namespace meshdict {

class UnfinishedFile {
 public:
  /// Error text names the file.
  static std::expected<UnfinishedFile, std::string> create(const std::string& name);
  ~UnfinishedFile();
  UnfinishedFile(UnfinishedFile&& other) noexcept = default;
  UnfinishedFile& operator=(UnfinishedFile&&) = delete;

  /// Where it is written until keep().
  [[nodiscard]] const std::string& path() const { return path_; }
  /// Open for writing, at the beginning of an empty file.
  [[nodiscard]] int descriptor() const { return file_.get(); }
  /// Syncs it and gives it its name, durably. Nothing else is to be called afterwards. REQUIRES: no SQLite connection to it is open.
  std::expected<void, std::string> keep();

 private:
  UnfinishedFile(std::string name, FileDescriptor file);
  void remove_all() const;

  std::string name_;
  std::string path_;
  FileDescriptor file_;
};

/// "'PATH' WHAT: the system's words for `code`".
std::string file_trouble(std::string_view path, std::string_view what, int code);

}  // namespace meshdict
