#pragma once
// The machine of the virtual world that a program runs on.

#include "meshdict/machine.h"
#include "sim/programs/guest_runtime.h"

namespace meshdict::sim {

class GuestMachine final : public ::meshdict::Machine {
 public:
  /// Both outlive it.
  GuestMachine(ProgramWorld& world, Process& process) : world_(world), process_(process), runtime_(world, process) {}

  [[nodiscard]] const std::string& name() const override;
  [[nodiscard]] const std::vector<std::string>& arguments() const override;
  [[nodiscard]] std::chrono::steady_clock::time_point now() const override { return runtime_.now(); }
  [[nodiscard]] std::chrono::system_clock::time_point wall() const override;
  void sleep_until(std::chrono::steady_clock::time_point time) override;
  std::uint64_t random() override;
  void note(std::string_view kind, std::string_view text) override;

 private:
  detail::Runtime& runtime() override { return runtime_; }

  ProgramWorld& world_;
  Process& process_;
  GuestRuntime runtime_;
};

}  // namespace meshdict::sim
