#pragma once
// A program, and the machine that it runs on: a real one, or one of the simulator's. A program that takes from its machine what it
// must not take from the world (sockets, time, randomness) runs unchanged in both.
//
//   void lead(meshdict::Machine& machine) {
//     meshdict::SyncSocket socket = machine.socket({.lease = std::chrono::seconds(2)});
//     while (true) {
//       if (socket.try_set("leader", machine.name())) machine.note("leads", socket.fence("leader").hex());
//       machine.sleep_for(std::chrono::milliseconds(500));
//     }
//   }
//   int main(int argc, char** argv) { return meshdict::run_program(lead, argc, argv); }
//
// In the simulator (meshdict/sim/main.h):
// 1. Each program has a context of its own, and exactly one runs at a time: from one waiting call to the next. Waiting calls are
//    those that sleep or wait, and those of a socket that change something. So a run is the same each time.
// 2. Nothing else may wait or count time: no std::this_thread::sleep_for, no lock that is held across a waiting call, no thread of
//    the program's own, no clock but the machine's. A program that waits elsewhere ends the simulator with a line that says so.
// 3. A program whose machine crashes is unwound where it waits, by a ProgramKilled, which is no std::exception. Its sockets and notes
//    do nothing more. When the machine restarts, the program begins at its first line.
// 4. A machine has one socket at a time there, that listens at the machine's address (a second is a PortInUse); no encryption, and no
//    coroutines.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "meshdict/mesh_socket.h"
#include "meshdict/sync_socket.h"

namespace meshdict {

namespace detail {
class Runtime;
}

/// Unwinds a program in the simulator whose machine has crashed. Not to be caught: a program that catches it and goes on gets it
/// again from the next call, and is ended with a complaint when it does not stop.
class ProgramKilled {};

class Machine {
 public:
  Machine() = default;
  virtual ~Machine() = default;
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  /// A member of the mesh, at the machine's address, which dials those that the machine knows. Throws as SyncSocket's
  /// constructor.
  [[nodiscard]] SyncSocket socket(const SyncOptions& options = {});
  [[nodiscard]] MeshSocket mesh_socket(const MeshOptions& options = {});

  /// What tells this machine from others.
  [[nodiscard]] virtual const std::string& name() const = 0;
  [[nodiscard]] virtual const std::vector<std::string>& arguments() const = 0;

  /// By the machine's own clocks, which may be wrong: the wall clock may jump, this one not.
  [[nodiscard]] virtual std::chrono::steady_clock::time_point now() const = 0;
  [[nodiscard]] virtual std::chrono::system_clock::time_point wall() const = 0;
  /// At most a hundred years.
  void sleep_for(std::chrono::microseconds time) {
    sleep_until(now() + std::min<std::chrono::microseconds>(time, std::chrono::years(100)));
  }
  virtual void sleep_until(std::chrono::steady_clock::time_point time) = 0;

  /// Any 64 bits.
  [[nodiscard]] virtual std::uint64_t random() = 0;

  /// An event of the program's own: "kind: text" on a real machine's standard output; in the simulator a line of the transcript,
  /// which pictures show and oracles judge. Of each at most 4,096 bytes are kept.
  virtual void note(std::string_view kind, std::string_view text) = 0;

 protected:
  [[nodiscard]] virtual detail::Runtime& runtime() = 0;
};

using Program = std::function<void(Machine&)>;

/// Runs a program on this machine. Of the arguments, those before "--" or the first that is none of these are the machine's:
///   --name NAME          default: this machine's name
///   --listen HOST:PORT   default: 127.0.0.1, any free port
///   --join HOST:PORT     whom its sockets dial; may be given several times
/// Returns the exit code: 0; 1 when the program has thrown; 2 for bad arguments.
int run_program(const Program& program, int argc, const char* const* argv);

}  // namespace meshdict
