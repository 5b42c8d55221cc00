// A chat with a shared roster.
//
//   chat ada 4001                        the first one
//   chat bob 4002 127.0.0.1:4001         joins by the address of any other
//
// What is typed goes to everybody. Those who are here stand in the dictionary, under "roster/NAME": each program
// leases its own line, so that nobody else can take the name.

#include <meshdict/meshdict.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <utility>

using namespace meshdict;

namespace {

/// Handlers print from the socket's thread, main() from its own.
void say(const std::string& line) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  std::cout << line << std::endl;
}

int chat(const std::string& name, std::uint16_t port, const std::string& other) {
  SyncSocket socket("127.0.0.1", port, {.protocol = {.network = "chat"}});

  // First of those that are here, then of everyone who comes or goes.
  const Watch roster = socket.watch("roster/", [](const Change& change) {
    const std::string who = change.key.substr(std::string("roster/").size());
    say(change.value ? "* " + who + " is here: " + change.value->as<std::string>() : "* " + who + " has left");
  });
  socket.on<event::Message>([](MeshSocket& s) {
    while (const auto message = s.recv()) {
      const auto [from, text] = Value(message->packets()).as<std::pair<std::string, std::string>>();
      say(from + ": " + text);
    }
  });
  socket.on<event::Conflict>([](SyncSocket&, const std::string& key, const ConflictInfo& info) {
    say("! somebody else took " + key + " at the same time: " + info.winner.owner);
  });

  if (const auto colon = other.rfind(':'); colon != std::string::npos) {
    const int there = std::atoi(other.c_str() + colon + 1);
    socket.connect(other.substr(0, colon), static_cast<std::uint16_t>(there));
    // First the roster is waited for: a name that is taken is then known.
    for (int i = 0; i < 50 && socket.snapshot("roster/").empty(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  try {
    socket["roster/" + name] = to_string(socket.out_addr());
  } catch (const LeasedError& taken) {
    std::cerr << "the name " << name << " is taken: " << taken.what() << "\n";
    return 1;
  }
  for (std::string line; std::getline(std::cin, line);) {
    if (line == "/who") {
      std::ostringstream here;
      for (const auto& [key, address] : socket.snapshot("roster/"))
        here << key.substr(7) << " ";
      say("* here: " + here.str());
    } else {
      socket.send(name, line);
    }
  }
  socket.erase("roster/" + name);
  socket.close();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: chat NAME PORT [HOST:PORT]\n";
    return 2;
  }
  try {
    return chat(argv[1], static_cast<std::uint16_t>(std::atoi(argv[2])), argc > 3 ? argv[3] : "");
  } catch (const Error& error) {
    std::cerr << "chat: " << error.what() << "\n";
    return 1;
  }
}
