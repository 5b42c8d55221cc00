#include "sim/commands/console.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace meshdict::sim {
namespace {

constexpr std::chrono::milliseconds kRewritten{200};
constexpr std::chrono::milliseconds kLogged{10'000};

}  // namespace

int complain(std::string_view what) {
  fmt::print(stderr, "meshdict-sim: {}\n", what);
  return kBadInput;
}

int complain_of(std::span<const std::string> mistakes) {
  for (const std::string& mistake : mistakes)
    fmt::print(stderr, "{}\n", mistake);
  return kBadInput;
}

bool all_written(std::FILE* file) {
  errno = EIO;  // an earlier write may have failed, and its reason is gone
  return std::fflush(file) == 0 && std::ferror(file) == 0;
}

std::string not_written(const std::string& file) {
  return fmt::format("cannot write '{}': {}", file, std::generic_category().message(errno));
}

LiveLine::LiveLine() : watched_(isatty(STDERR_FILENO) == 1) {}

bool LiveLine::due() const {
  return Clock::now() - last_ >= (watched_ ? kRewritten : kLogged);
}

void LiveLine::show(std::string_view text) {
  last_ = Clock::now();
  if (!watched_) {
    fmt::print(stderr, "{}\n", text);
    return;
  }
  fmt::print(stderr, "\r\x1b[K{}", text);
  printed_ = true;
}

void LiveLine::clear() {
  if (printed_) fmt::print(stderr, "\r\x1b[K");
  printed_ = false;
}

double LiveLine::seconds() const {
  return std::chrono::duration<double>(Clock::now() - begin_).count();
}

}  // namespace meshdict::sim
