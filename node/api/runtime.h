#pragma once
// What sockets take from their world: a node, ways to wait, and a clock. The real world is one of two; the other is a machine of
// the simulator (sim/programs).

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>

#include "node_core.h"

namespace meshdict::detail {

/// Where threads of a program wait for what handlers or the node bring about.
class WaitPoint {
 public:
  WaitPoint() = default;
  virtual ~WaitPoint() = default;
  WaitPoint(const WaitPoint&) = delete;
  WaitPoint& operator=(const WaitPoint&) = delete;

  /// Returns when done(), or after `patience`; a year or more is for ever. `lock` is held whenever done() is asked.
  virtual void wait(std::unique_lock<std::mutex>& lock, std::chrono::milliseconds patience,
                    const std::function<bool()>& done) = 0;
  /// What done() looks at may have changed.
  virtual void notify_all() = 0;
};

/// Outlives the sockets that stand on it.
class Runtime {
 public:
  Runtime() = default;
  virtual ~Runtime() = default;
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  [[nodiscard]] virtual std::unique_ptr<NodeCore> make_core(NodeCore::Settings settings, NodeCore::Hooks hooks) = 0;
  [[nodiscard]] virtual std::unique_ptr<WaitPoint> make_wait_point() = 0;
  [[nodiscard]] virtual std::chrono::steady_clock::time_point now() const = 0;
};

/// Threads, Asio and the system's clock.
Runtime& real_runtime();

}  // namespace meshdict::detail
