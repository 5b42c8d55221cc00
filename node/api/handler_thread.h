#pragma once
// A socket's own thread for the program's handlers: messages, events, watches, and lines of the log.
//
// 1. What is posted runs in that order, one at a time. post() never waits, and nothing of the loop ever waits for a handler: a
//    handler may take as long as it likes, hold any lock, and use any socket.
// 2. What waits is bounded (api_limits.h). Beyond it the oldest messages and new lines are dropped and counted. Of changes, none
//    is dropped, but of two of one subject only the newer stays: as many wait as there are keys, and as each new watch is told.
// 3. When something was dropped or merged, the overflow hook runs before the next delivery; then not before nothing waits any more.
// 4. Nothing begins after stop() but lines of the log, so that a program is told why its socket has ended.
//
// Rationale: a handler that runs on the loop can wait for a lock that another thread holds while that waits for the loop.
//
// Thread-safe.

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

namespace meshdict {

/// What waited too long for its turn.
struct HandlerLosses {
  /// Messages that no handler has seen.
  std::uint64_t dropped_messages = 0;
  /// Changes in whose place a later one of the same key came.
  std::uint64_t merged_changes = 0;
  /// Lines of the log.
  std::uint64_t dropped_lines = 0;
};

/// What a change is about.
enum class Topic : char { kNeighbours = 'n', kKey = 'k', kConflict = 'c', kWatch = 'w' };

struct Delivery {
  enum class Kind : std::uint8_t {
    kMessage,
    kChange,
    kLine,
  };
  Kind kind = Kind::kMessage;
  /// Must not throw.
  std::function<void()> run;
  /// kChange: the topic, then what tells apart those that have it. A later one may stand for an earlier one of the same subject.
  std::string subject{};
  /// What it keeps in memory, about.
  std::size_t bytes = 0;

  static Delivery change(Topic topic, std::string_view of, std::size_t bytes, std::function<void()> run) {
    std::string subject(1, static_cast<char>(topic));
    subject += of;
    return {.kind = Kind::kChange, .run = std::move(run), .subject = std::move(subject), .bytes = bytes};
  }
};

class HandlerThread {
 public:
  explicit HandlerThread(std::function<void()> on_overflow) : on_overflow_(std::move(on_overflow)) {}
  /// REQUIRES: not on this thread.
  ~HandlerThread();
  HandlerThread(const HandlerThread&) = delete;
  HandlerThread& operator=(const HandlerThread&) = delete;

  void start();
  /// Instead of start(): runs what has waited for longest, on the calling thread. False when nothing waits.
  bool run_next();
  void post(Delivery delivery);
  void post(std::vector<Delivery> deliveries);
  /// Discards what waits, but for lines. A delivery that has begun runs on.
  void stop();
  /// Waits for the end, after stop(). REQUIRES: not on this thread.
  void join();

  [[nodiscard]] bool is_this_thread() const { return id_.load() == std::this_thread::get_id(); }
  [[nodiscard]] HandlerLosses losses() const;

 private:
  using Waiting = std::list<Delivery>;

  void run();
  void add(Delivery delivery);
  void add_change(Delivery delivery);
  void begin_merging();
  void drop_oldest_message();
  [[nodiscard]] Delivery take_next();

  const std::function<void()> on_overflow_;
  mutable std::mutex mutex_;
  // The mutex guards all below but the last two.
  std::condition_variable posted_;
  Waiting waiting_;
  // Where messages stand in waiting_, the oldest first.
  std::deque<Waiting::iterator> messages_;
  std::size_t message_bytes_ = 0;
  std::size_t changes_ = 0;
  std::size_t change_bytes_ = 0;
  std::size_t lines_ = 0;
  // From the moment when too many changes waited until nothing waits: the change of each subject, which names it.
  bool merging_ = false;
  std::unordered_map<std::string_view, Waiting::iterator> newest_;
  HandlerLosses losses_;
  bool overflowed_ = false;
  bool told_ = false;
  bool stopped_ = false;

  // No thread before and after it runs.
  std::atomic<std::thread::id> id_;
  std::thread thread_;
};

}  // namespace meshdict
