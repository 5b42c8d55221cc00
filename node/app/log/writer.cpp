#include "app/log/writer.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

namespace meshdict {

struct LogWriter::Shared {
  explicit Shared(int to) : descriptor(to) {}

  const int descriptor;
  std::mutex mutex;
  std::condition_variable changed;
  // Under the mutex.
  std::deque<std::string> lines;
  /// Of the lines, and of the one that is being written.
  std::size_t bytes = 0;
  std::uint64_t lost = 0;
  bool ended = false;

  [[nodiscard]] bool has_room(std::size_t more) const { return bytes + more <= kMaxQueued; }
  void run();
};

namespace {

/// False when the line, or its rest, cannot be written.
bool write_all(int descriptor, std::string_view rest) {
  while (!rest.empty()) {
    const ssize_t written = write(descriptor, rest.data(), rest.size());
    if (written >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      // Another program has made the file non-blocking.
      pollfd wanted{.fd = descriptor, .events = POLLOUT, .revents = 0};
      poll(&wanted, 1, -1);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

}  // namespace

void LogWriter::Shared::run() {
  std::unique_lock lock(mutex);
  while (true) {
    changed.wait(lock, [this] { return ended || !lines.empty(); });
    if (lines.empty()) return;
    const std::string line = std::move(lines.front());
    lines.pop_front();
    lock.unlock();
    const bool written = write_all(descriptor, line);
    lock.lock();
    bytes -= line.size();
    if (!written) ++lost;
    changed.notify_all();
  }
}

LogWriter::LogWriter(int descriptor) : shared_(std::make_shared<Shared>(descriptor)) {}

LogWriter::~LogWriter() {
  const std::lock_guard lock(shared_->mutex);
  shared_->ended = true;
  shared_->changed.notify_all();
}

void LogWriter::queue(std::string line) {
  shared_->bytes += line.size();
  shared_->lines.push_back(std::move(line));
  shared_->changed.notify_all();
  if (std::exchange(started_, true)) return;
  try {
    std::thread([shared = shared_] { shared->run(); }).detach();
  } catch (const std::system_error&) {
    // No memory for its stack: what waits is bounded, and the next line tries again.
    started_ = false;
  }
}

void LogWriter::add(std::string line) {
  const std::lock_guard lock(shared_->mutex);
  if (!shared_->has_room(line.size())) {
    ++shared_->lost;
    return;
  }
  queue(std::move(line));
}

void LogWriter::add_last(std::string line) {
  const std::lock_guard lock(shared_->mutex);
  queue(std::move(line));
}

std::uint64_t LogWriter::take_lost() {
  const std::lock_guard lock(shared_->mutex);
  // Half of it: told now, the number covers more than it would line by line.
  return shared_->has_room(kMaxQueued / 2) ? std::exchange(shared_->lost, 0) : 0;
}

bool LogWriter::flush(std::chrono::milliseconds patience) {
  std::unique_lock lock(shared_->mutex);
  return shared_->changed.wait_for(lock, patience, [this] { return shared_->bytes == 0; });
}

}  // namespace meshdict
