#pragma once
// A node on a thread of its own, the loop's, and a second one for handlers: what MeshSocket and SyncSocket are built on. Speaks in
// the types of the core.
//
// 1. The engine is changed on the loop's thread only. call() runs there: at once when it is called there (from a
//    coroutine), else posted, and waited for.
// 2. What call() did has been committed when it returns; many callers share one commit.
// 3. read() runs on the calling thread and sees committed state only: it waits while a turn is under way that changes the
//    engine, until that has been committed.
// 4. Deliveries run on the handlers' thread, after the commit of the turn that made them, without a lock. They may use
//    everything here, close() included. The loop never waits for them (handler_thread.h).
// 5. After the end of the loop, by close() or by a failed commit, every call throws SocketClosed, and nothing waits.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/engine/engine.h"
#include "core/engine/event.h"
#include "handler_thread.h"
#include "meshdict/errors.h"
#include "net/tls/keeper.h"
#include "store/sqlite_store.h"
#include "turn_lock.h"

namespace meshdict {

class SocketCore {
 public:
  struct Settings {
    EngineConfig engine;
    Endpoint bind;
    /// Empty: no data directory, all in memory.
    std::string data_dir;
    Durability durability = Durability::kAlways;
    /// Loaded; null for plaintext.
    std::shared_ptr<CredentialKeeper> proof{};
  };
  struct Hooks {
    /// An event of the engine, from within a call to it: look, keep what is needed, deliver() the rest.
    std::function<void(const Event& event, const Engine& engine)> on_event;
    /// Something that nobody caused by a call, for status().
    std::function<void(std::string what)> on_trouble;
    /// The loop has ended; on its thread.
    std::function<void()> on_end;
    /// Handlers were too slow for what came; on their thread.
    std::function<void()> on_overflow;
  };

  /// Opens the data directory, binds and starts the engine. Throws PortInUse, ListenError, StorageError, SettingsError.
  SocketCore(Settings settings, Hooks hooks);
  /// REQUIRES: on neither of its threads.
  ~SocketCore();
  SocketCore(const SocketCore&) = delete;
  SocketCore& operator=(const SocketCore&) = delete;

  /// Starts the threads. Nothing else but const members may be called before.
  void run();
  /// Says goodbye, ends the loop and waits for its end, but on one of its own threads. No delivery begins afterwards. False when
  /// somebody has closed it before.
  bool close();
  /// Calls close() if nobody has, and waits for the end of both threads in either case. REQUIRES: on neither of them.
  void finish();
  [[nodiscard]] bool is_closed() const { return closed_; }
  /// In a coroutine. Nothing may wait there for what the loop does.
  [[nodiscard]] bool on_loop_thread() const;
  /// In a handler.
  [[nodiscard]] bool on_handler_thread() const { return handlers_.is_this_thread(); }
  [[nodiscard]] HandlerLosses losses() const { return handlers_.losses(); }

  [[nodiscard]] const NodeId& id() const;
  /// Where others are told to dial, with the port that was chosen.
  [[nodiscard]] const Endpoint& address() const { return address_; }
  /// Empty: none.
  [[nodiscard]] const std::string& data_dir() const { return data_dir_; }
  /// The asio::io_context.
  [[nodiscard]] void* io_context();

  /// Calls work(Engine&), which must not throw, and gives what it gave. Throws SocketClosed, and StorageError when the
  /// commit failed.
  template <typename Work>
  auto call(Work work) {
    using Result = std::invoke_result_t<Work&, Engine&>;
    if constexpr (std::is_void_v<Result>) {
      run_task([&](Engine& engine) { work(engine); });
    } else {
      std::optional<Result> result;
      run_task([&](Engine& engine) { result.emplace(work(engine)); });
      return *std::move(result);
    }
  }

  /// Calls look(const Engine&) and gives what it gave. For what the engine's commits cover: the dictionary. Throws
  /// SocketClosed.
  template <typename Look>
  auto read(Look look) {
    if (on_loop_thread()) {
      check_open();
      return look(engine());
    }
    const ReadHold hold(lock_);
    check_open();
    return look(engine());
  }

  /// Says a line of the log: at once, or from the loop's thread, which must not wait for a sink, on that of the handlers.
  void say(std::function<void()> line);

  /// Runs `delivery` after the commit of the present turn. REQUIRES: on the loop's thread.
  void deliver(Delivery delivery) { deliveries_.push_back(std::move(delivery)); }

 private:
  struct Parts;
  struct Task;
  enum class Outcome : std::uint8_t { kWaiting, kDone, kRefused, kFailed };

  void run_task(const std::function<void(Engine&)>& work);
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
