#include "store/unfinished_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "store/data_directory.h"

namespace meshdict {
namespace {

bool exists(const std::string& path) {
  struct stat found{};
  return ::lstat(path.c_str(), &found) == 0;
}

std::string is_there(const std::string& name) {
  return fmt::format("'{}' is there already: nothing is overwritten; choose another name", name);
}

/// Whether the file that is open is still the one of that name: another process may have given it its name meanwhile.
bool is_still(const FileDescriptor& file, const std::string& path) {
  struct stat opened{};
  struct stat named{};
  return ::fstat(file.get(), &opened) == 0 && ::lstat(path.c_str(), &named) == 0 && opened.st_dev == named.st_dev &&
         opened.st_ino == named.st_ino;
}

/// Renames without overwriting. 0, or the errno.
int rename_to_new(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  // Some file systems cannot do it in one.
  if (exists(to)) return EEXIST;
  return std::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

int sync_directory_of(const std::string& name) {
  const std::filesystem::path above = std::filesystem::path(name).parent_path();
  const FileDescriptor directory(::open(above.empty() ? "." : above.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return directory && ::fsync(directory.get()) == 0 ? 0 : errno;
}

}  // namespace

std::string file_trouble(std::string_view path, std::string_view what, int code) {
  return fmt::format("'{}' {}: {}", path, what, system_text(code));
}

UnfinishedFile::UnfinishedFile(std::string name, FileDescriptor file)
    : name_(std::move(name)), path_(name_ + ".unfinished"), file_(std::move(file)) {}

std::expected<UnfinishedFile, std::string> UnfinishedFile::create(const std::string& name) {
  if (exists(name)) return std::unexpected(is_there(name));
  const std::string path = name + ".unfinished";
  FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return std::unexpected(file_trouble(path, "cannot be made", errno));
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0 || !is_still(file, path)) {
    return std::unexpected(fmt::format("'{}' is being made by another process: wait until that has ended", name));
  }
  UnfinishedFile made(name, std::move(file));
  // What an earlier one has left, and its mode.
  if (::ftruncate(made.descriptor(), 0) != 0 || ::fchmod(made.descriptor(), 0600) != 0) {
    return std::unexpected(file_trouble(path, "cannot be written", errno));
  }
  for (const char* rest : {"-wal", "-journal"}) {
    std::error_code trouble;
    std::filesystem::remove(path + rest, trouble);
  }
  return made;
}

UnfinishedFile::~UnfinishedFile() {
  if (file_) remove_all();
}

void UnfinishedFile::remove_all() const {
  for (const char* rest : {"", "-wal", "-journal"}) {
    std::error_code trouble;
    std::filesystem::remove(path_ + rest, trouble);
  }
}

std::expected<void, std::string> UnfinishedFile::keep() {
  if (::fsync(file_.get()) != 0) return std::unexpected(file_trouble(path_, "cannot be synced to the disk", errno));
  if (const int code = rename_to_new(path_, name_); code != 0) {
    return std::unexpected(code == EEXIST ? is_there(name_) : file_trouble(name_, "cannot be made", code));
  }
  const int code = sync_directory_of(name_);
  file_ = {};
  if (code != 0) return std::unexpected(file_trouble(name_, "may not survive a power failure: its directory", code));
  return {};
}

}  // namespace meshdict
