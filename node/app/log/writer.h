#pragma once
// Writes lines to a file descriptor without ever keeping the caller waiting.
//
// 1. add() only queues; a thread of the writer's own waits in write(2). The reader may stop, be slow or be gone.
// 2. The queue is bounded in bytes. What does not fit, or cannot be written, is dropped and counted.
// 3. The end of the writer does not wait for the thread: flush() does, for as long as it is told to.
//
// Rationale: O_NONBLOCK would be a property of the open file, which the terminal or the pipe shares with other programs. Asking
// poll(2) first promises nothing for a line longer than the room, nor for a slow disk.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace meshdict {

class LogWriter {
 public:
  /// Bytes of lines that wait: what a debug log brings in some seconds, so that a reader that is only slow misses nothing.
  static constexpr std::size_t kMaxQueued = 1024 * 1024;

  /// `descriptor` stays open for ever. The thread begins with the first line.
  explicit LogWriter(int descriptor);
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  /// `line` ends with a line feed. Dropped, and counted, when the queue is full.
  void add(std::string line);
  /// Never dropped for a full queue: for the one line that a program ends with.
  void add_last(std::string line);
  /// How many lines were dropped since the last call that returned some; 0 while the queue has no room for a line about it.
  std::uint64_t take_lost();
  /// Waits until all has been written, but no longer than this. Returns whether all has.
  bool flush(std::chrono::milliseconds patience);

 private:
  struct Shared;
  void queue(std::string line);

  std::shared_ptr<Shared> shared_;
  bool started_ = false;
};

}  // namespace meshdict
