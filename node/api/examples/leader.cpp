// A leader chosen by a lease, and a resource that checks the leader's fence.
//
//   leader ada 4001 ledger.txt                      the first one
//   leader bob 4002 ledger.txt 127.0.0.1:4001       takes over when the first has gone
//
// The program that leases the key "leader" leads, and writes a line into the ledger five times a second. Renewing the lease
// keeps it; a leader that dies or hangs loses it two seconds later. One that hangs does not notice, and goes on where it was:
// its next line has the fence of a leader that has been superseded, and the ledger refuses it.

#include <fcntl.h>
#include <meshdict/meshdict.h>
#include <sys/file.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <thread>

using namespace meshdict;
using namespace std::chrono_literals;

namespace {

/// A file that obeys the largest fence it has seen. It knows nothing of meshdict but that fences compare as strings do.
class Ledger {
 public:
  explicit Ledger(std::string path) : path_(std::move(path)) {}

  /// False when a leader with a larger fence has been here.
  bool append(const std::string& fence, const std::string& text) {
    const int lock = ::open((path_ + ".lock").c_str(), O_CREAT | O_RDWR, 0644);
    ::flock(lock, LOCK_EX);
    const bool accepted = fence >= largest();
    if (accepted) std::ofstream(path_, std::ios::app) << fence << " " << text << "\n" << std::flush;
    ::close(lock);
    return accepted;
  }

 private:
  [[nodiscard]] std::string largest() const {
    std::string last;
    std::ifstream file(path_);
    for (std::string line; std::getline(file, line);)
      last = line.substr(0, line.find(' '));
    return last;
  }

  std::string path_;
};

[[noreturn]] void lead(SyncSocket& socket, const std::string& name, Ledger& ledger) {
  std::optional<Fence> fence;
  for (int count = 1;; ++count) {
    if (fence && !ledger.append(fence->hex(), name + " " + std::to_string(count))) {
      std::cout << "the ledger refuses me: another leads" << std::endl;
      fence.reset();
    }
    try {
      // Takes the lease, or renews it.
      socket.set("leader", name);
      const Fence held = socket.fence("leader");
      if (!fence) std::cout << "I lead with fence " << held.hex().substr(0, 16) << std::endl;
      fence = held;
    } catch (const LeasedError& error) {
      if (fence || count == 1) std::cout << "I follow " << socket.get("leader", "nobody") << std::endl;
      fence.reset();
    }
    std::this_thread::sleep_for(200ms);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::cerr << "usage: leader NAME PORT LEDGER [HOST:PORT]\n";
    return 2;
  }
  try {
    // All members must agree on the length of a lease.
    SyncSocket socket("127.0.0.1", static_cast<std::uint16_t>(std::atoi(argv[2])),
                      {.protocol = {.network = "leader"}, .lease = 2s});
    const std::string other = argc > 4 ? argv[4] : "";
    if (const auto colon = other.rfind(':'); colon != std::string::npos) {
      const int there = std::atoi(other.c_str() + colon + 1);
      socket.connect(other.substr(0, colon), static_cast<std::uint16_t>(there));
      // A program that joins looks before it claims.
      for (int i = 0; i < 50 && !socket.contains("leader"); ++i)
        std::this_thread::sleep_for(100ms);
    }
    Ledger ledger(argv[3]);
    lead(socket, argv[1], ledger);
  } catch (const Error& error) {
    std::cerr << "leader: " << error.what() << "\n";
    return 1;
  }
}
