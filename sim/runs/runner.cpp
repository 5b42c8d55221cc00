#include "sim/runs/runner.h"
#include "sim/plan/limits.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace meshdict::sim {
namespace {

RunResult run_seed(const PlanOf& plan_of, std::uint64_t seed, const RunOptions& options) {
  const Plan plan = plan_of(seed);
  return World(plan, seed, options).run();
}

class Pool {
 public:
  Pool(const PlanOf& plan_of, const SeedSequence& seeds, unsigned jobs, const RunOptions& options)
      : plan_of_(plan_of), options_(options), seeds_(seeds), ahead_(sim_limits::kMaxAhead * jobs) {
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

  /// What has not begun is left out.
  void stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }

 private:
  void work() {
    while (true) {
      std::unique_lock lock(mutex_);
      if (next_ == seeds_.count) return;
      const std::uint64_t offset = next_++;
      changed_.wait(lock, [&] { return stopped_ || offset < taken_ + ahead_; });
      if (stopped_) return;
      lock.unlock();
      RunResult result = run_seed(plan_of_, seeds_.at(offset), options_);
      lock.lock();
      finished_.emplace(offset, std::move(result));
      changed_.notify_all();
    }
  }

  const PlanOf& plan_of_;
  const RunOptions& options_;
  const SeedSequence seeds_;
  const std::uint64_t ahead_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t next_ = 0;
  std::uint64_t taken_ = 0;
  bool stopped_ = false;
  std::map<std::uint64_t, RunResult> finished_;
  std::vector<std::jthread> threads_;
};

}  // namespace

void run_seeds(const PlanOf& plan_of, const SeedSequence& seeds, unsigned jobs, const RunOptions& options,
               const std::function<bool(const RunResult&)>& done) {
  if (jobs <= 1 || seeds.count == 1) {
    for (std::uint64_t offset = 0; offset < seeds.count; ++offset) {
      if (!done(run_seed(plan_of, seeds.at(offset), options))) return;
    }
    return;
  }
  Pool pool(plan_of, seeds, jobs, options);
  for (std::uint64_t offset = 0; offset < seeds.count; ++offset) {
    if (!done(pool.take(offset))) return pool.stop();
  }
}

}  // namespace meshdict::sim
