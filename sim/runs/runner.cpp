#include "sim/runs/runner.h"

#include <poll.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "sim/plan/limits.h"

namespace meshdict::sim {
namespace {

constexpr int kLookEveryMs = 100;

class Pool {
 public:
  Pool(const RunOf& run, const Seeds& seeds, const RunnerOptions& options,
       const std::function<bool(const RunResult&)>& done)
      : run_(run), seeds_(seeds), options_(options), done_(done), workers_(options.jobs) {}

  void work() {
    while (true) {
      feed();
      if (order_.empty()) return;
      watch();
      if (!hand_over()) return;
    }
  }

 private:
  void feed();
  std::optional<std::uint64_t> next_seed();
  void watch();
  void look_at(std::unique_ptr<Worker>& worker, bool has_results);
  void replace(std::unique_ptr<Worker>& worker, std::optional<std::chrono::milliseconds> too_long);
  [[nodiscard]] std::size_t most_given() const;
  /// False when no more is wanted.
  bool hand_over();

  const RunOf& run_;
  const Seeds& seeds_;
  const RunnerOptions& options_;
  const std::function<bool(const RunResult&)>& done_;
  std::vector<std::unique_ptr<Worker>> workers_;
  // Seeds that were begun and are not handed over yet.
  std::deque<std::uint64_t> order_;
  // Those whose process ended for no fault of theirs.
  std::deque<std::uint64_t> again_;
  std::map<std::uint64_t, RunResult> finished_;
  bool no_more_ = false;
  // Of what the last seeds took.
  std::chrono::nanoseconds mean_ = std::chrono::seconds(1);
};

std::size_t Pool::most_given() const {
  const auto fit = std::chrono::nanoseconds(sim_limits::kGivenFor) / std::max(mean_, std::chrono::nanoseconds(1));
  return static_cast<std::size_t>(std::clamp<std::int64_t>(fit, 2, static_cast<std::int64_t>(sim_limits::kMaxGiven)));
}

std::optional<std::uint64_t> Pool::next_seed() {
  if (!again_.empty()) {
    const std::uint64_t seed = again_.front();
    again_.pop_front();
    return seed;
  }
  if (no_more_ || order_.size() >= sim_limits::kMaxAhead * workers_.size()) return std::nullopt;
  const auto seed = seeds_();
  no_more_ = !seed;
  if (seed) order_.push_back(*seed);
  return seed;
}

void Pool::feed() {
  std::vector<std::uint64_t> list;
  for (auto& worker : workers_) {
    const std::size_t open = worker ? worker->open() : 0;
    const std::size_t most = most_given();
    if (2 * open > most) continue;
    list.clear();
    while (open + list.size() < most) {
      const auto seed = next_seed();
      if (!seed) break;
      list.push_back(*seed);
    }
    if (list.empty()) continue;
    if (!worker) worker = std::make_unique<Worker>(run_, options_.megabytes);
    worker->give(list);
  }
}

void Pool::watch() {
  std::vector<pollfd> watched;
  for (const auto& worker : workers_) {
    watched.push_back({.fd = worker ? worker->results() : -1, .events = POLLIN, .revents = 0});
    watched.push_back({.fd = worker ? worker->complaints() : -1, .events = POLLIN, .revents = 0});
  }
  ::poll(watched.data(), watched.size(), kLookEveryMs);
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    if (!workers_[i]) continue;
    if (watched[2 * i + 1].revents != 0) workers_[i]->read_complaints();
    look_at(workers_[i], watched[2 * i].revents != 0);
  }
}

void Pool::look_at(std::unique_ptr<Worker>& worker, bool has_results) {
  if (has_results) {
    std::vector<Worker::Told> told;
    const bool goes_on = worker->read(told);
    for (Worker::Told& one : told) {
      mean_ = (7 * mean_ + one.took) / 8;
      const std::uint64_t seed = one.result.seed;
      finished_.insert_or_assign(seed, std::move(one.result));
    }
    if (!goes_on) replace(worker, std::nullopt);
  } else if (worker->busy_for() > options_.patience) {
    replace(worker, options_.patience);
  }
}

void Pool::replace(std::unique_ptr<Worker>& worker, std::optional<std::chrono::milliseconds> too_long) {
  std::vector<std::uint64_t> unfinished;
  if (const auto ended = worker->end(too_long, unfinished)) {
    finished_.insert_or_assign(ended->seed, result_of(*ended, options_.plan_of(ended->seed)));
  } else if (!unfinished.empty() && !worker->has_told()) {
    // Not even the first was begun: what a new process would do, too.
    const Worker::Ended first{
        .seed = unfinished.front(), .property = Worker::kCrash, .what = "the process could not be started"};
    finished_.insert_or_assign(first.seed, result_of(first, options_.plan_of(first.seed)));
    unfinished.erase(unfinished.begin());
  }
  again_.insert(again_.end(), unfinished.begin(), unfinished.end());
  worker.reset();
}

bool Pool::hand_over() {
  while (!order_.empty()) {
    const auto found = finished_.find(order_.front());
    if (found == finished_.end()) return true;
    if (!done_(found->second)) return false;
    finished_.erase(found);
    order_.pop_front();
  }
  return true;
}

}  // namespace

Seeds each_of(const SeedSequence& sequence) {
  return [sequence, offset = std::uint64_t{0}]() mutable -> std::optional<std::uint64_t> {
    if (offset == sequence.count) return std::nullopt;
    return sequence.at(offset++);
  };
}

void run_seeds(const RunOf& run, const Seeds& seeds, const RunnerOptions& options,
               const std::function<bool(const RunResult&)>& done) {
  Pool(run, seeds, options, done).work();
}

}  // namespace meshdict::sim
