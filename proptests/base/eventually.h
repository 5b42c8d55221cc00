#pragma once
// Waiting for what another thread does.

#include <chrono>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>

namespace meshdict {

/// Generous: only a hang lasts so long. MESHDICT_PATIENCE sets it in seconds: less where a test is expected to fail.
inline const std::chrono::seconds kPatience = [] {
  const char* const asked = std::getenv("MESHDICT_PATIENCE");
  return std::chrono::seconds(asked == nullptr ? 60 : std::stoi(asked));
}();

/// Asks again and again until `done` is true. False when that takes too long.
inline bool eventually(const std::function<bool()>& done) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace meshdict
