#pragma once
// A process of its own that runs seeds, one after the other. A seed that ends it, fills its memory or never ends is a result,
// too, and does no harm to others.
//
// 1. A result reaches the parent at once, or some milliseconds later together with others: a seed may be so short that sending
//    its result costs more than running it.
// 2. The number of the seed under way is in memory that both processes share. When the process ends, that seed has ended it;
//    seeds before it whose results had not been sent are run again.
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

/// No further process can be made.
struct NoProcess : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Whether the memory of workers can be bounded: not in a program with a sanitizer, which maps more memory than the machine
/// has.
bool can_bound_memory();

class Worker {
 public:
  /// Why a seed has no result of its own, as results name it.
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
  /// How many seeds it has been given whose results it has not sent.
  [[nodiscard]] std::size_t open() const { return given_.size(); }
  [[nodiscard]] bool has_told() const { return told_ > 0; }
  /// File descriptors, to be watched for input.
  [[nodiscard]] int results() const { return results_; }
  [[nodiscard]] int complaints() const { return complaints_; }

  /// Reads the results that have come by now. False when the process has ended: then call end().
  bool read(std::vector<Told>& into);
  /// Keeps the end of what it prints on its stderr.
  void read_complaints();
  /// For how long it has been running the present seed: processor time, or a tenth of the time that has passed, if that is more.
  [[nodiscard]] std::chrono::nanoseconds busy_for() const;
  /// Ends the process, if it has not ended yet, because a seed has taken `too_long` (nothing: for no fault of its own). Returns
  /// the seed to blame, if there is one. All other seeds without a result are put into `unfinished`.
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
