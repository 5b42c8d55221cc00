#pragma once
// A process of its own that runs seeds, one after the other. What ends it, fills its memory or has no end is a result with a
// seed, and harms nobody else.
//
// 1. A result reaches the parent at once, or some milliseconds later together with others: a seed may be so short that telling
//    of each would cost more than running it.
// 2. Which seed is under way stands in memory that both share. When the process ends, that seed is what has ended it; those
//    before it whose results were still to be told are run again.
// 3. It ends with its parent.
//
// REQUIRES: the parent has one thread when it makes a worker. Not thread-safe.

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "sim/world/run.h"

namespace meshdict::sim {

/// What is done with a seed, in the worker.
using RunOf = std::function<RunResult(std::uint64_t seed)>;

/// There can be no other process.
struct NoProcess : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Whether the memory of workers can be bounded: not in a program with a sanitizer that maps more than there is.
bool can_bound_memory();

class Worker {
 public:
  /// Why a seed has no result of its own: names as in results.
  static constexpr const char* kCrash = "crash";
  static constexpr const char* kNoEnd = "no end";
  static constexpr const char* kMemory = "memory";

  struct Ended {
    std::uint64_t seed = 0;
    /// kCrash, kNoEnd or kMemory.
    std::string property;
    std::string what;
  };
  struct Told {
    RunResult result;
    std::chrono::nanoseconds took{};
  };

  /// Throws NoProcess. `megabytes`: of memory; 0: no bound.
  Worker(const RunOf& run, std::uint64_t megabytes);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void give(std::span<const std::uint64_t> seeds);
  /// How many it has been given that it has not told of.
  [[nodiscard]] std::size_t open() const { return given_.size(); }
  [[nodiscard]] bool has_told() const { return told_ > 0; }
  /// To be watched for input.
  [[nodiscard]] int results() const { return results_; }
  [[nodiscard]] int complaints() const { return complaints_; }

  /// What has come by now. False when the process has ended: then end() it.
  bool read(std::vector<Told>& into);
  /// Keeps the end of what it prints on its stderr.
  void read_complaints();
  /// For how long it has been at one seed.
  [[nodiscard]] std::chrono::nanoseconds busy_for() const;
  /// Ends the process, if it has not ended, because it has taken so long (nothing: for no fault of its own); the seed to blame, if
  /// there is one. Those given and not told of, but for that one, are in `unfinished` then.
  std::optional<Ended> end(std::optional<std::chrono::milliseconds> too_long, std::vector<std::uint64_t>& unfinished);

 private:
  struct Shared;
  [[noreturn]] void work(const RunOf& run, std::uint64_t megabytes, int seeds, int results, int complaints);
  void close_all();

  std::uint64_t megabytes_;
  Shared* shared_ = nullptr;
  pid_t process_ = -1;
  int seeds_ = -1;
  int results_ = -1;
  int complaints_ = -1;
  std::deque<std::uint64_t> given_;
  std::uint64_t told_ = 0;
  std::string bytes_;
  std::string complaint_;
};

/// The result of the only seed that a worker was given; what has ended the process is its only violation. The worker is not
/// to be used any more.
RunResult result_of_only(Worker& worker, std::chrono::milliseconds patience);

/// The result of a seed that has ended its process.
RunResult result_of(const Worker::Ended& ended, std::string plan);

}  // namespace meshdict::sim
