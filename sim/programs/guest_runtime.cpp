#include "sim/programs/guest_runtime.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "sim/programs/guest_node.h"
#include "sim/programs/program_world.h"

namespace meshdict::sim {
namespace {

/// While exactly one of all contexts runs, nothing but the lock's owner needs it; it is free while others run.
class GuestWaitPoint final : public detail::WaitPoint {
 public:
  GuestWaitPoint(ProgramWorld& world, Process& process) : world_(world), process_(process) {}

  void wait(std::unique_lock<std::mutex>& lock, std::chrono::milliseconds patience,
            const std::function<bool()>& done) override {
    // Also of a socket that is left over when the world has gone.
    if (done()) return;
    std::optional<MonoTime> until;
    if (patience < std::chrono::years(1)) until = world_.clock(process_).monotonic() + patience;
    while (!done() && !(until && world_.clock(process_).monotonic() >= *until)) {
      lock.unlock();
      wait_once(until);
      lock.lock();
      // What unwinds it does not wait.
      if (process_.killed) return;
    }
  }
  void notify_all() override {
    for (Task* const task : waiting_)
      world_.wake(*task);
  }

 private:
  void wait_once(std::optional<MonoTime> until) {
    Task& self = world_.self(process_);
    waiting_.push_back(&self);
    // Also when it is unwound from there.
    const auto leave = [this, &self](void*) { std::erase(waiting_, &self); };
    const std::unique_ptr<void, decltype(leave)> left(this, leave);
    world_.block(self, until);
  }

  ProgramWorld& world_;
  Process& process_;
  std::vector<Task*> waiting_;
};

}  // namespace

std::chrono::steady_clock::time_point steady_time(MonoTime time) {
  return std::chrono::steady_clock::time_point(
      std::chrono::duration_cast<std::chrono::steady_clock::duration>(time.time_since_epoch()));
}

std::unique_ptr<NodeCore> GuestRuntime::make_core(NodeCore::Settings settings, NodeCore::Hooks hooks) {
  return std::make_unique<GuestNode>(world_, process_, std::move(settings), std::move(hooks));
}

std::unique_ptr<detail::WaitPoint> GuestRuntime::make_wait_point() {
  return std::make_unique<GuestWaitPoint>(world_, process_);
}

std::chrono::steady_clock::time_point GuestRuntime::now() const {
  return steady_time(world_.clock(process_).monotonic());
}

}  // namespace meshdict::sim
