#pragma once
// What is read from files, and again when these change.
//
// 1. Files are looked at every tls_limits::kLookAtFiles, by time, size, mode and place of each; what has changed is read, and used
//    from then on. What cannot be used is told once, and what there was stays.
//
// Not thread-safe: used from the thread of the io_context.

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <expected>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace meshdict {

/// Who holds what the files say. Error texts are for the operator.
class FileKeeper {
 public:
  explicit FileKeeper(std::vector<std::string> files) : files_(std::move(files)) {}
  virtual ~FileKeeper() = default;
  FileKeeper(const FileKeeper&) = delete;
  FileKeeper& operator=(const FileKeeper&) = delete;

  /// The first time.
  std::expected<void, std::string> load();
  /// Takes what the files have now; after an error what there was stays. REQUIRES: load() was good.
  std::expected<void, std::string> load_again();

  [[nodiscard]] bool has_files() const { return !files_.empty(); }
  /// Since they were last read.
  [[nodiscard]] bool files_have_changed() const { return state_of_files() != state_; }

 protected:
  /// Reads the files and takes what they say.
  virtual std::expected<void, std::string> read_first() = 0;
  /// The same, in the place of what there is.
  virtual std::expected<void, std::string> read_again() = 0;

 private:
  [[nodiscard]] std::string state_of_files() const;

  std::vector<std::string> files_;
  std::string state_;
};

/// Looks at a keeper's files for as long as it lives: shorter than the io_context that it waits with.
class FileWatch {
 public:
  struct Hooks {
    std::function<void()> on_new;
    /// For the operator, one line.
    std::function<void(const std::string& line)> on_trouble;
  };

  /// `io` and `keeper` outlive it, and whatever `hooks` call. REQUIRES: keeper.load() was good.
  FileWatch(asio::io_context& io, FileKeeper& keeper, Hooks hooks);
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

  /// Reads the files at once, changed or not.
  void load_again();

 private:
  void look_later();

  FileKeeper& keeper_;
  Hooks hooks_;
  asio::steady_timer timer_;
};

}  // namespace meshdict
