#pragma once
// The node that a socket stands on, whichever world it lives in: the real one (socket_core.h) or the simulator's
// (sim/programs). Speaks in the types of the core.
//
// 1. What call() did has been committed when it returns.
// 2. read() sees committed state only.
// 3. Deliveries run one after the other, after the commit of the turn that made them, without a lock. They may use everything
//    here, close() included. The node never waits for them.
// 4. After the end, by close() or by a failed commit, every call throws SocketClosed, and nothing waits.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "core/engine/engine.h"
#include "core/engine/event.h"
#include "handler_thread.h"
#include "net/tls/keeper.h"
#include "store/sqlite_store.h"

namespace meshdict {

class NodeCore {
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
    /// The node has ended.
    std::function<void()> on_end;
    /// Handlers were too slow for what came; where handlers run.
    std::function<void()> on_overflow;
  };

  NodeCore() = default;
  virtual ~NodeCore() = default;
  NodeCore(const NodeCore&) = delete;
  NodeCore& operator=(const NodeCore&) = delete;

  /// Opens the data directory, binds and starts the engine; before all else. Throws PortInUse, ListenError, StorageError,
  /// SettingsError.
  virtual void open() = 0;
  /// Lets the world in. Nothing else but const members may be called before.
  virtual void run() = 0;
  /// Says goodbye, ends the node and waits for its end, but not where it runs or handlers do. No delivery begins afterwards. False
  /// when somebody has closed it before.
  virtual bool close() = 0;
  /// Calls close() if nobody has, and waits for its end and for the handler under way. REQUIRES: in none of its handlers or
  /// coroutines.
  virtual void finish() = 0;
  [[nodiscard]] virtual bool is_closed() const = 0;
  /// In a coroutine. Nothing may wait there for what the node does.
  [[nodiscard]] virtual bool on_loop_thread() const = 0;
  /// In a handler.
  [[nodiscard]] virtual bool on_handler_thread() const = 0;
  [[nodiscard]] virtual HandlerLosses losses() const = 0;

  [[nodiscard]] virtual const NodeId& id() const = 0;
  /// Where others are told to dial, with the port that was chosen.
  [[nodiscard]] virtual const Endpoint& address() const = 0;
  /// Empty: none.
  [[nodiscard]] virtual const std::string& data_dir() const = 0;
  /// For coroutines: the asio::io_context. Throws where there is none.
  [[nodiscard]] virtual void* io_context() = 0;

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
    std::optional<std::invoke_result_t<Look&, const Engine&>> result;
    run_look([&](const Engine& engine) { result.emplace(look(engine)); });
    return *std::move(result);
  }

  /// Says a line of the log: at once, or from within a turn of the node, which must not wait for a sink, where handlers run.
  virtual void say(std::function<void()> line) = 0;

  /// Runs `delivery` after the commit of the present turn. REQUIRES: within a turn.
  virtual void deliver(Delivery delivery) = 0;

 private:
  virtual void run_task(const std::function<void(Engine&)>& work) = 0;
  virtual void run_look(const std::function<void(const Engine&)>& look) = 0;
};

}  // namespace meshdict
