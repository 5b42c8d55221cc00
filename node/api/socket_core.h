#pragma once
// A node of the real world: on a thread of its own, the loop's, with a second one for handlers.
//
// 1. The engine is changed on the loop's thread only. call() runs there: at once when it is called there (from a
//    coroutine), else posted, and waited for. Many callers share one commit.
// 2. read() runs on the calling thread: it waits while a turn is under way that changes the engine, until that has been
//    committed.
// 3. Deliveries run on the handlers' thread. The loop never waits for them (handler_thread.h).

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/engine/engine.h"
#include "handler_thread.h"
#include "meshdict/errors.h"
#include "node_core.h"
#include "store/sqlite_store.h"
#include "turn_lock.h"

namespace meshdict {

class SocketCore final : public NodeCore {
 public:
  SocketCore(Settings settings, Hooks hooks);
  /// REQUIRES: on neither of its threads.
  ~SocketCore() override;

  void open() override;
  void run() override;
  bool close() override;
  void finish() override;
  [[nodiscard]] bool is_closed() const override { return closed_; }
  [[nodiscard]] bool on_loop_thread() const override;
  [[nodiscard]] bool on_handler_thread() const override { return handlers_.is_this_thread(); }
  [[nodiscard]] HandlerLosses losses() const override { return handlers_.losses(); }
  [[nodiscard]] const NodeId& id() const override;
  [[nodiscard]] const Endpoint& address() const override { return address_; }
  [[nodiscard]] const std::string& data_dir() const override { return data_dir_; }
  /// The asio::io_context.
  [[nodiscard]] void* io_context() override;
  void say(std::function<void()> line) override;
  void deliver(Delivery delivery) override { deliveries_.push_back(std::move(delivery)); }

 private:
  struct Parts;
  struct Task;
  enum class Outcome : std::uint8_t { kWaiting, kDone, kRefused, kFailed };

  void run_task(const std::function<void(Engine&)>& work) override;
  void run_look(const std::function<void(const Engine&)>& look) override;
  void run_here(const std::function<void(Engine&)>& work);
  void run_posted();
  static void complete(std::vector<Task*>& tasks, Outcome outcome);
  void refuse_all();
  [[nodiscard]] const Engine& engine() const;
  void enter();
  void leave();
  void hand_over_deliveries();
  void after_turn();
  void loop();
  void check_open() const;
  [[noreturn]] void throw_closed() const;

  Hooks hooks_;
  // Until open().
  Settings settings_;
  std::unique_ptr<Parts> parts_;
  Endpoint address_;
  std::string data_dir_;

  TurnLock lock_;
  // The loop holds lock_.
  bool entered_ = false;

  std::mutex queue_mutex_;
  // Guarded. Each caller waits for its one task, so the number of callers bounds it.
  std::vector<Task*> queue_;
  bool refusing_ = false;  // guarded
  // Guarded; why the loop ended by itself.
  std::optional<StoreError> end_;

  // Tasks that wait for the commit. Used on the loop's thread only.
  std::vector<Task*> waiting_;
  std::vector<Delivery> deliveries_;
  std::atomic<bool> closed_ = false;
  // No thread before and after the loop.
  std::atomic<std::thread::id> loop_thread_;
  HandlerThread handlers_;
};

}  // namespace meshdict
