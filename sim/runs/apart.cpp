#include "sim/runs/apart.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>

#include "sim/world/world.h"

namespace meshdict::sim {
namespace {

using Json = nlohmann::json;

std::string result_of(const Plan& plan, std::uint64_t seed) {
  Json failures = Json::array();
  std::set<std::string> told;
  for (const Violation& violation : run_plan(plan, seed).violations) {
    if (!told.insert(violation.property).second) continue;
    failures.push_back({violation.property, names_text(violation.nodes), violation.what, violation.at.count()});
  }
  return failures.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// In the child: what asserts print is told to nobody.
[[noreturn]] void run_and_exit(const Plan& plan, std::uint64_t seed, int out) {
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  ::dup2(nowhere, STDERR_FILENO);
  const std::string result = result_of(plan, seed);
  for (std::size_t done = 0; done < result.size();) {
    const ssize_t wrote = ::write(out, result.data() + done, result.size() - done);
    if (wrote < 0) ::_exit(1);
    done += static_cast<std::size_t>(wrote);
  }
  ::_exit(0);
}

/// All that comes before the end of the pipe; nothing when that takes too long.
std::optional<std::string> read_all(int in, std::chrono::milliseconds patience) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + patience;
  std::string text;
  std::array<char, 4'096> piece;
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd watched{.fd = in, .events = POLLIN, .revents = 0};
    if (left.count() <= 0 || ::poll(&watched, 1, static_cast<int>(left.count())) == 0) return std::nullopt;
    const ssize_t got = ::read(in, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
}

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

std::vector<Failure> run_apart(const Plan& plan, std::uint64_t seed, std::chrono::milliseconds patience) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail("pipe");
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child < 0) fail("fork");
  if (child == 0) run_and_exit(plan, seed, ends[1]);
  ::close(ends[1]);
  const auto text = read_all(ends[0], patience);
  ::close(ends[0]);
  if (!text) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!text) {
    return {{.property = "no end", .nodes = "", .what = fmt::format("had not ended after {} ms", patience.count())}};
  }
  if (WIFSIGNALED(status)) {
    return {
        {.property = "crash", .nodes = "", .what = fmt::format("the program ended: {}", strsignal(WTERMSIG(status)))}};
  }
  const Json failures = Json::parse(*text, nullptr, false);
  if (!failures.is_array()) return {{.property = "crash", .nodes = "", .what = "the program ended without a result"}};
  std::vector<Failure> found;
  for (const Json& failure : failures) {
    found.push_back({.property = failure[0],
                     .nodes = failure[1],
                     .what = failure[2],
                     .at = Duration(failure[3].get<std::int64_t>())});
  }
  return found;
}

}  // namespace meshdict::sim
