#include "sim/runner.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace meshdict::sim {
namespace {

/// Finished results that may wait for an earlier one, for each thread.
constexpr std::uint64_t kAhead = 16;

class Pool {
 public:
  Pool(const Plan& plan, const SeedRange& seeds, unsigned jobs, const RunOptions& options)
      : plan_(plan), options_(options), seeds_(seeds), ahead_(kAhead * jobs) {
    for (unsigned i = 0; i < jobs; ++i) {
      threads_.emplace_back([this] { work(); });
    }
  }

  // Offsets instead of seeds: the last seed may be the largest integer.
  RunResult take(std::uint64_t offset) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return finished_.contains(offset); });
    RunResult result = std::move(finished_.at(offset));
    finished_.erase(offset);
    taken_ = offset + 1;
    changed_.notify_all();
    return result;
  }

 private:
  void work() {
    while (true) {
      std::unique_lock lock(mutex_);
      if (next_ == seeds_.count()) return;
      const std::uint64_t offset = next_++;
      changed_.wait(lock, [&] { return offset < taken_ + ahead_; });
      lock.unlock();
      RunResult result = run_plan(plan_, seeds_.first + offset, options_);
      lock.lock();
      finished_.emplace(offset, std::move(result));
      changed_.notify_all();
    }
  }

  const Plan& plan_;
  const RunOptions& options_;
  const SeedRange seeds_;
  const std::uint64_t ahead_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t next_ = 0;
  std::uint64_t taken_ = 0;
  std::map<std::uint64_t, RunResult> finished_;
  std::vector<std::jthread> threads_;
};

}  // namespace

void run_seeds(const Plan& plan, const SeedRange& seeds, unsigned jobs, const RunOptions& options,
               const std::function<void(const RunResult&)>& done) {
  if (jobs <= 1 || seeds.count() == 1) {
    for (std::uint64_t offset = 0; offset < seeds.count(); ++offset) {
      done(run_plan(plan, seeds.first + offset, options));
    }
    return;
  }
  Pool pool(plan, seeds, jobs, options);
  for (std::uint64_t offset = 0; offset < seeds.count(); ++offset)
    done(pool.take(offset));
}

}  // namespace meshdict::sim
