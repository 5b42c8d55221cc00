#include "sim/programs/guest_machine.h"

#include "sim/programs/program_world.h"

namespace meshdict::sim {

const std::string& GuestMachine::name() const {
  return world_.plan(process_).name;
}

const std::vector<std::string>& GuestMachine::arguments() const {
  return world_.plan(process_).arguments;
}

std::chrono::system_clock::time_point GuestMachine::wall() const {
  return std::chrono::system_clock::time_point(world_.clock(process_).wall().time_since_epoch());
}

/// At most to the end of any run: a program may sleep for ever.
void GuestMachine::sleep_until(std::chrono::steady_clock::time_point time) {
  if (!world_.check_alive(process_)) return;
  const auto longest = now() + sim_limits::kMaxDuration;
  const auto until = std::chrono::ceil<Duration>(std::min<std::chrono::steady_clock::time_point>(time, longest));
  world_.sleep_until(world_.self(process_), MonoTime(until.time_since_epoch()));
}

std::uint64_t GuestMachine::random() {
  return process_.random.next();
}

void GuestMachine::note(std::string_view kind, std::string_view text) {
  world_.note(process_, kind, text);
}

}  // namespace meshdict::sim
