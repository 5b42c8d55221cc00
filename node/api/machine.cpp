#include "meshdict/machine.h"

#include <unistd.h>

#include <array>
#include <exception>
#include <iostream>
#include <mutex>
#include <optional>
#include <span>
#include <sstream>
#include <thread>
#include <utility>

#include "api_limits.h"
#include "net/addresses.h"
#include "net/system_random.h"
#include "runtime.h"

namespace meshdict {
namespace {

struct Place {
  std::string name;
  Endpoint listens{.host = "127.0.0.1", .port = 0};
  std::vector<Endpoint> contacts;
  std::vector<std::string> arguments;
};

/// Gives sockets the address and the contacts of the machine.
class PlacedRuntime final : public detail::Runtime {
 public:
  explicit PlacedRuntime(const Place& place) : place_(place) {}
  std::unique_ptr<NodeCore> make_core(NodeCore::Settings settings, NodeCore::Hooks hooks) override {
    settings.bind = place_.listens;
    settings.engine.join = place_.contacts;
    return detail::real_runtime().make_core(std::move(settings), std::move(hooks));
  }
  std::unique_ptr<detail::WaitPoint> make_wait_point() override { return detail::real_runtime().make_wait_point(); }
  [[nodiscard]] std::chrono::steady_clock::time_point now() const override { return detail::real_runtime().now(); }

 private:
  const Place& place_;
};

class RealMachine final : public Machine {
 public:
  explicit RealMachine(Place place) : place_(std::move(place)), runtime_(place_) {}

  [[nodiscard]] const std::string& name() const override { return place_.name; }
  [[nodiscard]] const std::vector<std::string>& arguments() const override { return place_.arguments; }
  [[nodiscard]] std::chrono::steady_clock::time_point now() const override { return runtime_.now(); }
  [[nodiscard]] std::chrono::system_clock::time_point wall() const override { return std::chrono::system_clock::now(); }
  void sleep_until(std::chrono::steady_clock::time_point time) override { std::this_thread::sleep_until(time); }

  std::uint64_t random() override {
    const std::lock_guard lock(mutex_);
    return random_.next();
  }

  void note(std::string_view kind, std::string_view text) override {
    std::ostringstream line;
    line << kind.substr(0, api_limits::kMaxNote) << ": " << text.substr(0, api_limits::kMaxNote) << "\n";
    const std::lock_guard lock(mutex_);
    std::cout << line.str() << std::flush;
  }

 private:
  detail::Runtime& runtime() override { return runtime_; }

  const Place place_;
  PlacedRuntime runtime_;
  std::mutex mutex_;
  // Guarded.
  RandomStream random_ = SystemRandom().stream("program");
};

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "machine";
}

/// Throws SettingsError.
Place place_of(std::span<const char* const> words) {
  Place place;
  std::size_t at = 0;
  while (at < words.size()) {
    const std::string_view option = words[at];
    if (option == "--") {
      ++at;
      break;
    }
    if (option != "--name" && option != "--listen" && option != "--join") break;
    if (at + 1 == words.size()) throw SettingsError(std::string(option) + ": a value is missing");
    const std::string_view value = words[at + 1];
    at += 2;
    if (option == "--name") {
      place.name = value;
      continue;
    }
    const auto endpoint = parse_endpoint(value);
    const bool listens = option == "--listen";
    if (!endpoint || (!listens && endpoint->port == 0)) {
      throw SettingsError(std::string(option) + ": '" + std::string(value) + "' is no address, expected HOST:PORT");
    }
    if (listens) {
      place.listens = *endpoint;
    } else {
      place.contacts.push_back(*endpoint);
    }
  }
  if (place.name.empty()) place.name = host_name();
  place.arguments.assign(words.begin() + static_cast<std::ptrdiff_t>(at), words.end());
  return place;
}

}  // namespace

int run_program(const Program& program, int argc, const char* const* argv) {
  const std::span<const char* const> words(argv, static_cast<std::size_t>(argc));
  const std::string command = words.empty() ? "program" : words.front();
  std::optional<RealMachine> machine;
  try {
    machine.emplace(place_of(words.empty() ? words : words.subspan(1)));
  } catch (const SettingsError& error) {
    std::cerr << command << ": " << error.what() << "\n";
    return 2;
  }
  try {
    program(*machine);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << command << ": " << error.what() << "\n";
    return 1;
  }
}

}  // namespace meshdict
