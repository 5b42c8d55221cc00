#pragma once
// Keeps readers of the engine apart from the turns of the loop that change it.
//
// 1. One writer, the loop; any number of readers, which share.
// 2. Nobody starves: a turn waits at most for the readers that came before it, a reader for at most one turn.
//
// Rationale: std::shared_mutex lets readers that overlap keep a writer out for ever (glibc prefers readers), and a plain
// mutex lets a loop under load keep readers out. Phases alternate here when both sides are there (Brandenburg and
// Anderson, "Reader-Writer Synchronization for Shared-Memory Multiprocessor Real-Time Systems", 2009).

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace meshdict {

class TurnLock {
 public:
  void begin_turn() {
    std::unique_lock lock(mutex_);
    // Readers that come now wait for the end of the turn.
    turn_ = true;
    writer_.wait(lock, [this] { return readers_ == 0; });
  }

  void end_turn() {
    const std::lock_guard lock(mutex_);
    turn_ = false;
    ++phase_;
    // Counted in here and not when they wake up: the next turn may begin before that.
    readers_ += waiting_;
    if (waiting_ > 0) reader_.notify_all();
    waiting_ = 0;
  }

  void begin_read() {
    std::unique_lock lock(mutex_);
    if (!turn_) {
      ++readers_;
      return;
    }
    ++waiting_;
    reader_.wait(lock, [this, came_in = phase_] { return phase_ != came_in; });
  }

  void end_read() {
    const std::lock_guard lock(mutex_);
    if (--readers_ == 0 && turn_) writer_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable reader_;
  std::condition_variable writer_;
  std::size_t readers_ = 0;
  std::size_t waiting_ = 0;
  std::uint64_t phase_ = 0;
  bool turn_ = false;
};

/// Holds a lock for reading.
class ReadHold {
 public:
  explicit ReadHold(TurnLock& lock) : lock_(lock) { lock_.begin_read(); }
  ~ReadHold() { lock_.end_read(); }
  ReadHold(const ReadHold&) = delete;
  ReadHold& operator=(const ReadHold&) = delete;

 private:
  TurnLock& lock_;
};

}  // namespace meshdict
