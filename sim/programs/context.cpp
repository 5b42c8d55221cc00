#include "sim/programs/context.h"

#include <pthread.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <fstream>
#include <string>
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
  wait_for_baton(lock);
  if (outside_ > sim_limits::kMaxOutside) on_outside_(Outside::kWaited, outside_);
}

/// A machine that has no processor for it is no reason to give up: only what it computes, or does not even try to, is.
void Context::wait_for_baton(std::unique_lock<std::mutex>& lock) {
  const auto is_back = [this] { return !is_its_; };
  std::chrono::milliseconds asleep{};
  std::chrono::nanoseconds last{};
  while (!back_.wait_for(lock, sim_limits::kLookAtContext, is_back)) {
    const std::chrono::nanoseconds computed = computed_so_far();
    if (computed > sim_limits::kMaxComputing) on_outside_(Outside::kComputes, sim_limits::kMaxComputing);
    const bool idles = computed == last && is_asleep();
    asleep = idles ? asleep + sim_limits::kLookAtContext : std::chrono::milliseconds();
    if (asleep >= sim_limits::kMaxComputing) on_outside_(Outside::kHangs, sim_limits::kMaxComputing);
    last = computed;
  }
}

/// In the turn under way.
std::chrono::nanoseconds Context::computed_so_far() {
  clockid_t clock{};
  return ::pthread_getcpuclockid(thread_.native_handle(), &clock) == 0 ? read(clock) - begin_.computed
                                                                       : std::chrono::nanoseconds();
}

/// As the kernel says: behind the name of the program, in parentheses.
bool Context::is_asleep() const {
  std::ifstream file("/proc/self/task/" + std::to_string(number_) + "/stat");
  std::string line;
  std::getline(file, line);
  const std::size_t name_end = line.rfind(") ");
  return name_end != std::string::npos && (line.substr(name_end + 2, 1) == "S" || line.substr(name_end + 2, 1) == "D");
}

void Context::work() {
  current_context = this;
  {
    const std::lock_guard lock(mutex_);
    begin_ = usage();
    number_ = ::gettid();
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
