#include "store/data_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

namespace meshdict {
namespace {

constexpr const char* kLockFile = "meshdict.lock";

/// Makes `path` and what it lies in, durably. 0, or the errno.
int make_directory(const std::filesystem::path& path) {
  // Of "a/b/" this is "a/b", of which "a" is the parent.
  std::filesystem::path made = path.lexically_normal();
  if (!made.has_filename()) made = made.parent_path();
  const std::filesystem::path above = made.has_parent_path() ? made.parent_path() : ".";
  int code = ::mkdir(made.c_str(), 0700) == 0 ? 0 : errno;
  if (code == ENOENT && above != made) {
    code = make_directory(above);
    if (code == 0) code = ::mkdir(made.c_str(), 0700) == 0 ? 0 : errno;
  }
  if (code != 0) return code == EEXIST ? 0 : code;
  const FileDescriptor parent(::open(above.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return parent && ::fsync(parent.get()) != 0 ? errno : 0;
}

/// " (process 123)", or nothing when the holder has not written it yet.
std::string holder(int lock) {
  std::array<char, 24> text{};
  const ssize_t got = ::pread(lock, text.data(), text.size(), 0);
  std::string_view digits(text.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  digits = digits.substr(0, digits.find_first_not_of("0123456789"));
  return digits.empty() ? "" : fmt::format(" (process {})", digits);
}

void write_holder(int lock) {
  const std::string text = fmt::format("{}\n", ::getpid());
  // For people only: a disk so full that it does not fit says so soon enough elsewhere.
  if (::ftruncate(lock, 0) == 0) std::ignore = ::pwrite(lock, text.data(), text.size(), 0);
}

}  // namespace

std::string system_text(int code) {
  return std::generic_category().message(code);
}

StoreTrouble trouble_of(int code) {
  return code == ENOSPC || code == EDQUOT ? StoreTrouble::kFull : StoreTrouble::kUnusable;
}

std::expected<DataDirectory, StoreError> DataDirectory::open(const std::string& path) {
  const auto fail = [&](StoreTrouble trouble, std::string what) {
    return std::unexpected(StoreError{.trouble = trouble, .what = std::move(what), .path = path});
  };
  // Without following: a dangling link is to be reported, not to be filled in.
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0 && errno == ENOENT) {
    if (const int code = make_directory(path); code != 0) {
      return fail(trouble_of(code), "cannot be made: " + system_text(code));
    }
  }
  FileDescriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return fail(StoreTrouble::kUnusable, "cannot be opened: " + system_text(errno));
  FileDescriptor lock(::openat(directory.get(), kLockFile, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) {
    const int code = errno;
    return fail(trouble_of(code),
                fmt::format("{} cannot be written: {}; the node must own its directory and be allowed to write there",
                            kLockFile, system_text(code)));
  }
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) {
      return fail(StoreTrouble::kUnusable, fmt::format("{} cannot be locked: {}", kLockFile, system_text(errno)));
    }
    return fail(StoreTrouble::kInUse,
                fmt::format("another node uses it{}; each node needs a directory of its own", holder(lock.get())));
  }
  write_holder(lock.get());
  return DataDirectory(path, std::move(directory), std::move(lock));
}

std::expected<bool, StoreError> DataDirectory::has(std::string_view name) const {
  struct stat found{};
  if (::lstat(file(name).c_str(), &found) == 0) return true;
  if (errno == ENOENT) return false;
  return std::unexpected(
      error(StoreTrouble::kUnusable, fmt::format("{} cannot be read: {}", name, system_text(errno))));
}

std::expected<void, StoreError> DataDirectory::sync() {
  if (::fsync(directory_.get()) == 0) return {};
  return std::unexpected(error(StoreTrouble::kUnusable, "cannot be synced to the disk: " + system_text(errno)));
}

}  // namespace meshdict
