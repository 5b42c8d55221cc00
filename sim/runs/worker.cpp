#include "sim/runs/worker.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <new>
#include <span>
#include <system_error>
#include <utility>

#include "sim/plan/limits.h"
#include "sim/runs/result_bytes.h"

namespace meshdict::sim {
namespace {

using Clock = std::chrono::steady_clock;

/// Results that were not told yet are told when they are so many bytes or so old.
constexpr std::size_t kToldTogether = 16'384;
constexpr auto kToldAfter = std::chrono::milliseconds(10);
constexpr std::size_t kSeedsAtOnce = 256;
/// A busy machine may give a worker a tenth of a processor; one that waits for ever computes nothing.
constexpr std::int64_t kLeastShare = 10;

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count();
}

/// Of a process, by its clock of processor time; 0 when it has ended.
std::int64_t computed_ns(clockid_t clock) {
  timespec time{};
  if (::clock_gettime(clock, &time) != 0) return 0;
  return time.tv_sec * std::int64_t{1'000'000'000} + time.tv_nsec;
}

[[noreturn]] void fail(const char* what) {
  throw NoProcess(fmt::format("{}: {}", what, std::generic_category().message(errno)));
}

std::array<int, 2> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail("no pipe for another process");
  return ends;
}

bool write_all(int out, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(out, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return true;
}

/// The last line that is not empty.
std::string last_line(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
    text.remove_suffix(1);
  const std::size_t begin = text.rfind('\n');
  std::string_view line = begin == std::string_view::npos ? text : text.substr(begin + 1);
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  return std::string(line.substr(0, sim_limits::kMaxComplaint));
}

void bound_memory(std::uint64_t megabytes) {
  if (megabytes == 0 || !can_bound_memory()) return;
  const rlim_t bytes = megabytes << 20;
  rlimit bound{};
  // The process that started us allows no more.
  if (::getrlimit(RLIMIT_AS, &bound) != 0 || bound.rlim_cur <= bytes) return;
  bound = {.rlim_cur = bytes, .rlim_max = bytes};
  ::setrlimit(RLIMIT_AS, &bound);
}

// Of this worker; a new-handler takes no argument.
std::atomic<bool>* out_of_memory = nullptr;

}  // namespace

bool can_bound_memory() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
  return false;
#else
  return true;
#endif
#else
  return true;
#endif
}

struct Worker::Shared {
  std::atomic<std::uint64_t> begun{0};
  std::atomic<std::uint64_t> finished{0};
  /// When the seed under way was begun, and how long the process had computed then.
  std::atomic<std::int64_t> since{0};
  std::atomic<std::int64_t> computed_before{0};
  std::atomic<bool> out_of_memory{false};
};

Worker::Worker(const RunOf& run, std::uint64_t megabytes) : megabytes_(megabytes) {
  void* const page = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) fail("no memory to share with another process");
  shared_ = new (page) Shared;
  std::array<int, 2> seeds{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, seeds.data()) != 0) fail("no socket for another process");
  const auto results = make_pipe();
  const auto complaints = make_pipe();
  std::fflush(nullptr);
  const pid_t parent = ::getpid();
  process_ = ::fork();
  if (process_ < 0) fail("no other process");
  if (process_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    ::close(seeds[1]);
    // What is thrown is of this process, and must not be caught by those who called in the parent.
    [&]() noexcept { work(run, megabytes, seeds[0], results[1], complaints[1]); }();
  }
  for (const int end : {seeds[0], results[1], complaints[1]})
    ::close(end);
  seeds_ = seeds[1];
  results_ = results[0];
  complaints_ = complaints[0];
  ::fcntl(results_, F_SETFL, O_NONBLOCK);
  ::fcntl(complaints_, F_SETFL, O_NONBLOCK);
}

Worker::~Worker() {
  std::vector<std::uint64_t> unfinished;
  if (process_ > 0) end(std::nullopt, unfinished);
  ::munmap(shared_, sizeof(Shared));
}

// In the child

void Worker::work(const RunOf& run, std::uint64_t megabytes, int seeds, int results, int complaints) {
  const int nowhere = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  ::dup2(nowhere, STDIN_FILENO);
  ::dup2(nowhere, STDOUT_FILENO);
  ::dup2(complaints, STDERR_FILENO);
  // Ctrl-C is for the parent, with which this ends.
  std::signal(SIGINT, SIG_IGN);
  const rlimit no_core{.rlim_cur = 0, .rlim_max = 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  bound_memory(megabytes);
  out_of_memory = &shared_->out_of_memory;
  std::set_new_handler([] {
    *out_of_memory = true;
    ::_exit(1);
  });
  std::string untold;
  auto last_told = Clock::now();
  const auto tell = [&] {
    if (!write_all(results, untold)) ::_exit(1);
    untold.clear();
    last_told = Clock::now();
  };
  std::array<std::uint64_t, kSeedsAtOnce> list{};
  while (true) {
    const ssize_t got = ::read(seeds, list.data(), sizeof list);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) ::_exit(0);
    for (const std::uint64_t seed : std::span(list).first(static_cast<std::size_t>(got) / sizeof(std::uint64_t))) {
      const std::int64_t begin = now_ns();
      shared_->since = begin;
      shared_->computed_before = computed_ns(CLOCK_PROCESS_CPUTIME_ID);
      ++shared_->begun;
      RunResult result = run(seed);
      result.seed = seed;
      const std::string bytes = result_bytes(result);
      ++shared_->finished;
      const std::array<std::uint64_t, 2> head = {bytes.size(), static_cast<std::uint64_t>(now_ns() - begin)};
      untold.append(reinterpret_cast<const char*>(head.data()), sizeof head);
      untold += bytes;
      if (untold.size() >= kToldTogether || Clock::now() - last_told >= kToldAfter) tell();
    }
    tell();
  }
}

// In the parent

void Worker::give(std::span<const std::uint64_t> seeds) {
  given_.insert(given_.end(), seeds.begin(), seeds.end());
  // A process that has ended takes nothing; read() says so. A socket's buffer holds more than a worker is ever given.
  const ssize_t sent = ::send(seeds_, seeds.data(), seeds.size_bytes(), MSG_NOSIGNAL);
  assert(sent < 0 || static_cast<std::size_t>(sent) == seeds.size_bytes());
}

bool Worker::read(std::vector<Told>& into) {
  std::array<char, 65'536> piece;
  bool more = true;
  while (true) {
    const ssize_t got = ::read(results_, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) break;
    more = got > 0;
    if (!more) break;
    bytes_.append(piece.data(), static_cast<std::size_t>(got));
  }
  std::string_view rest = bytes_;
  std::array<std::uint64_t, 2> head{};
  while (rest.size() >= sizeof head) {
    std::memcpy(head.data(), rest.data(), sizeof head);
    if (rest.size() - sizeof head < head[0]) break;
    into.push_back({.result = result_of_bytes(rest.substr(sizeof head, head[0])),
                    .took = std::chrono::nanoseconds(static_cast<std::int64_t>(head[1]))});
    given_.pop_front();
    ++told_;
    rest.remove_prefix(sizeof head + head[0]);
  }
  bytes_.erase(0, bytes_.size() - rest.size());
  return more;
}

void Worker::read_complaints() {
  std::array<char, 4'096> piece;
  while (true) {
    const ssize_t got = ::read(complaints_, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    complaint_.append(piece.data(), static_cast<std::size_t>(got));
    if (complaint_.size() > piece.size()) complaint_.erase(0, complaint_.size() - piece.size());
  }
}

std::chrono::nanoseconds Worker::busy_for() const {
  if (shared_->begun == shared_->finished) return {};
  clockid_t clock{};
  if (::clock_getcpuclockid(process_, &clock) != 0) return {};
  const std::int64_t computed = computed_ns(clock) - shared_->computed_before;
  return std::chrono::nanoseconds(std::max(computed, (now_ns() - shared_->since) / kLeastShare));
}

void Worker::close_all() {
  for (int* const end : {&seeds_, &results_, &complaints_}) {
    if (*end >= 0) ::close(*end);
    *end = -1;
  }
}

std::optional<Worker::Ended> Worker::end(std::optional<std::chrono::milliseconds> too_long,
                                         std::vector<std::uint64_t>& unfinished) {
  // One that has ended keeps the reason that it had.
  ::kill(process_, SIGKILL);
  int status = 0;
  while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
  }
  process_ = -1;
  read_complaints();
  close_all();
  std::optional<Ended> ended;
  for (std::uint64_t place = told_ + 1; !given_.empty(); ++place) {
    const std::uint64_t seed = given_.front();
    given_.pop_front();
    const bool under_way = place == shared_->begun && shared_->begun != shared_->finished;
    if (!under_way) {
      unfinished.push_back(seed);
      continue;
    }
    ended = Ended{.seed = seed, .property = kCrash, .what = ""};
    if (too_long) {
      ended->property = kNoEnd;
      ended->what = fmt::format("had not ended after {:g} s", std::chrono::duration<double>(*too_long).count());
    } else if (shared_->out_of_memory) {
      ended->property = kMemory;
      ended->what = megabytes_ > 0 ? fmt::format("needed more than {} MiB", megabytes_) : "there was no more memory";
    } else if (WIFSIGNALED(status)) {
      ended->what = fmt::format("the program ended: {}", strsignal(WTERMSIG(status)));
    } else {
      ended->what = fmt::format("the program ended with {}", WEXITSTATUS(status));
    }
    if (const std::string last = last_line(complaint_); ended->property == kCrash && !last.empty()) {
      ended->what += "; " + last;
    }
  }
  return ended;
}

RunResult result_of(const Worker::Ended& ended, std::string plan) {
  RunResult result;
  result.plan = std::move(plan);
  result.seed = ended.seed;
  result.violations.push_back({.property = ended.property, .at = {}, .nodes = {}, .what = ended.what});
  result.violation_count = 1;
  return result;
}

RunResult result_of_only(Worker& worker, std::chrono::milliseconds patience) {
  std::vector<Worker::Told> told;
  bool in_time = true;
  for (bool goes_on = true; told.empty() && goes_on && in_time;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(patience - worker.busy_for());
    in_time = left.count() > 0;
    std::array<pollfd, 2> watched = {{{.fd = worker.results(), .events = POLLIN, .revents = 0},
                                      {.fd = worker.complaints(), .events = POLLIN, .revents = 0}}};
    ::poll(watched.data(), watched.size(), static_cast<int>(std::max(left, std::chrono::milliseconds(0)).count()));
    if (watched[1].revents != 0) worker.read_complaints();
    if (watched[0].revents != 0) goes_on = worker.read(told);
  }
  if (!told.empty()) return std::move(told.front().result);
  std::vector<std::uint64_t> unfinished;
  const auto ended = worker.end(in_time ? std::nullopt : std::optional(patience), unfinished);
  static const Worker::Ended kUnexplained{
      .seed = 0, .property = Worker::kCrash, .what = "the process could not be started"};
  return result_of(ended.value_or(kUnexplained), "");
}

}  // namespace meshdict::sim
