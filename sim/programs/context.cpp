#include "sim/programs/context.h"

#include <pthread.h>
#include <sys/resource.h>
#include <time.h>

#include <cstdlib>
#include <utility>

#include "sim/plan/limits.h"

namespace meshdict::sim {
namespace {

thread_local Context* current_context = nullptr;

std::chrono::nanoseconds read(clockid_t clock) {
  timespec time{};
  if (::clock_gettime(clock, &time) != 0) return {};
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

Context::Context(std::function<void()> body, std::function<void(Outside, std::chrono::milliseconds)> on_outside)
    : body_(std::move(body)), on_outside_(std::move(on_outside)) {}

Context::~Context() {
  if (thread_.joinable()) thread_.join();
}

Context* Context::current() {
  return current_context;
}

Context::Usage Context::usage() {
  rusage used{};
  ::getrusage(RUSAGE_THREAD, &used);
  return {.waits = used.ru_nvcsw, .computed = read(CLOCK_THREAD_CPUTIME_ID), .at = std::chrono::steady_clock::now()};
}

void Context::resume() {
  std::unique_lock lock(mutex_);
  is_its_ = true;
  if (thread_.joinable()) {
    to_it_.notify_one();
  } else {
    thread_ = std::thread([this] { work(); });
  }
  if (!back_.wait_for(lock, sim_limits::kMaxComputing, [this] { return !is_its_; })) tell_of_stuck();
  if (outside_ > sim_limits::kMaxOutside) on_outside_(Outside::kWaited, outside_);
}

/// By what it has computed meanwhile.
void Context::tell_of_stuck() {
  clockid_t clock{};
  const bool known = ::pthread_getcpuclockid(thread_.native_handle(), &clock) == 0;
  const bool computes = known && read(clock) - begin_.computed > sim_limits::kMaxComputing / 4;
  on_outside_(computes ? Outside::kComputes : Outside::kHangs, sim_limits::kMaxComputing);
  std::abort();
}

void Context::work() {
  current_context = this;
  {
    const std::lock_guard lock(mutex_);
    begin_ = usage();
  }
  body_();
  const std::lock_guard lock(mutex_);
  ended_ = true;
  give_back();
}

void Context::yield() {
  std::unique_lock lock(mutex_);
  give_back();
  to_it_.wait(lock, [this] { return is_its_; });
  begin_ = usage();
}

/// A thread that was only kept from running has not waited.
void Context::give_back() {
  const Usage end = usage();
  const auto apart = (end.at - begin_.at) - (end.computed - begin_.computed);
  outside_ =
      end.waits == begin_.waits ? std::chrono::milliseconds() : std::chrono::floor<std::chrono::milliseconds>(apart);
  is_its_ = false;
  back_.notify_one();
}

}  // namespace meshdict::sim
