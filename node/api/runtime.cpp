#include "runtime.h"

#include <condition_variable>
#include <utility>

#include "patience.h"
#include "socket_core.h"

namespace meshdict::detail {
namespace {

class RealWaitPoint final : public WaitPoint {
 public:
  void wait(std::unique_lock<std::mutex>& lock, std::chrono::milliseconds patience,
            const std::function<bool()>& done) override {
    wait_patiently(told_, lock, patience, done);
  }
  void notify_all() override { told_.notify_all(); }

 private:
  std::condition_variable told_;
};

class RealRuntime final : public Runtime {
 public:
  std::unique_ptr<NodeCore> make_core(NodeCore::Settings settings, NodeCore::Hooks hooks) override {
    return std::make_unique<SocketCore>(std::move(settings), std::move(hooks));
  }
  std::unique_ptr<WaitPoint> make_wait_point() override { return std::make_unique<RealWaitPoint>(); }
  [[nodiscard]] std::chrono::steady_clock::time_point now() const override { return std::chrono::steady_clock::now(); }
};

}  // namespace

Runtime& real_runtime() {
  static RealRuntime runtime;
  return runtime;
}

}  // namespace meshdict::detail
