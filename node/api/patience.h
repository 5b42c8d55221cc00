#pragma once
// Waits until `done()`, or for `patience`. A patience of a year or more is for ever: added to the present moment it could
// exceed what the clock can show.

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace meshdict::detail {

template <typename Done>
void wait_patiently(std::condition_variable& told, std::unique_lock<std::mutex>& lock,
                    std::chrono::milliseconds patience, Done done) {
  if (patience >= std::chrono::years(1)) {
    told.wait(lock, done);
  } else {
    told.wait_for(lock, patience, done);
  }
}

}  // namespace meshdict::detail
