#pragma once
// The runtime of sockets in the virtual world: nodes are engines of hosts, and waiting gives virtual time a chance.

#include "api/runtime.h"

namespace meshdict::sim {

class ProgramWorld;
struct Process;

class GuestRuntime final : public detail::Runtime {
 public:
  /// Both outlive it.
  GuestRuntime(ProgramWorld& world, Process& process) : world_(world), process_(process) {}

  std::unique_ptr<NodeCore> make_core(NodeCore::Settings settings, NodeCore::Hooks hooks) override;
  std::unique_ptr<detail::WaitPoint> make_wait_point() override;
  [[nodiscard]] std::chrono::steady_clock::time_point now() const override;

 private:
  ProgramWorld& world_;
  Process& process_;
};

/// As the standard library shows it.
[[nodiscard]] std::chrono::steady_clock::time_point steady_time(MonoTime time);

}  // namespace meshdict::sim
