#include "net/tls/file_watch.h"

#include <sys/stat.h>

#include "net/tls/tls_limits.h"

namespace meshdict {

std::expected<void, std::string> FileKeeper::load() {
  state_ = state_of_files();
  return read_first();
}

std::expected<void, std::string> FileKeeper::load_again() {
  state_ = state_of_files();
  return read_again();
}

/// As text: what a file that has been written or replaced does not share with the one before.
std::string FileKeeper::state_of_files() const {
  std::string state;
  for (const std::string& file : files_) {
    struct stat is{};
    if (::stat(file.c_str(), &is) == 0) {
      for (const auto part : {static_cast<long long>(is.st_ino), static_cast<long long>(is.st_size),
                              static_cast<long long>(is.st_mtim.tv_sec), static_cast<long long>(is.st_mtim.tv_nsec),
                              static_cast<long long>(is.st_mode)}) {
        state += std::to_string(part) + " ";
      }
    }
    state += ";";
  }
  return state;
}

FileWatch::FileWatch(asio::io_context& io, FileKeeper& keeper, Hooks hooks)
    : keeper_(keeper), hooks_(std::move(hooks)), timer_(io) {
  if (keeper_.has_files()) look_later();
}

void FileWatch::look_later() {
  timer_.expires_after(tls_limits::kLookAtFiles);
  timer_.async_wait([this](asio::error_code cancelled) {
    if (cancelled) return;
    if (keeper_.files_have_changed()) load_again();
    look_later();
  });
}

void FileWatch::load_again() {
  if (const auto loaded = keeper_.load_again(); !loaded) return hooks_.on_trouble(loaded.error());
  hooks_.on_new();
}

}  // namespace meshdict
