#pragma once
// A thread that runs only while it has the baton: what a program, or a handler of its, runs on.
//
// 1. resume() hands the baton over and waits until it comes back: exactly one of all contexts and their caller runs at a time, and what
//    one has written the next one sees.
// 2. A context that keeps the baton is noticed: see Outside.
//
// Rationale for threads: an exception unwinds them, every tool knows them, and a sanitizer sees what they do.

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace meshdict::sim {

/// What a context has done instead of handing the baton back.
enum class Outside : unsigned char {
  kComputes,  ///< it has computed for too long, and still does
  kHangs,     ///< it waits, and still does
  kWaited,    ///< it has waited for something else than the world, or so it seems, and has gone on
};

class Context {
 public:
  /// `on_outside` is called in resume(), with how long that took. It does not return, unless the context has gone on.
  Context(std::function<void()> body, std::function<void(Outside, std::chrono::milliseconds)> on_outside);
  /// REQUIRES: it has ended, or never begun.
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  /// Runs it until it hands the baton back, or ends. REQUIRES: it has not ended. Throws std::system_error when there is no thread
  /// for it.
  void resume();
  [[nodiscard]] bool begun() const { return thread_.joinable(); }
  [[nodiscard]] bool ended() const { return ended_; }

  /// Within the context: hands the baton back, until resume() is called again.
  void yield();
  /// That of the calling thread; null: it is none of a context.
  [[nodiscard]] static Context* current();

 private:
  struct Usage {
    long waits = 0;
    std::chrono::nanoseconds computed{};
    std::chrono::steady_clock::time_point at;
  };
  [[nodiscard]] static Usage usage();
  void work();
  /// REQUIRES: the mutex is held.
  void give_back();
  /// REQUIRES: the mutex is held, as `lock` says.
  void wait_for_baton(std::unique_lock<std::mutex>& lock);
  [[nodiscard]] std::chrono::nanoseconds computed_so_far();
  [[nodiscard]] bool is_asleep() const;

  const std::function<void()> body_;
  const std::function<void(Outside, std::chrono::milliseconds)> on_outside_;
  std::mutex mutex_;
  std::condition_variable to_it_;
  std::condition_variable back_;
  // Guarded: who has the baton.
  bool is_its_ = false;
  // Of the turn under way; for how long it has waited outside, if it has.
  Usage begin_;
  pid_t number_ = 0;
  std::chrono::milliseconds outside_{};
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace meshdict::sim
