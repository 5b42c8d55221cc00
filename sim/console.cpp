#include "sim/console.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace meshdict::sim {

int complain(std::string_view what) {
  fmt::print(stderr, "meshdict-sim: {}\n", what);
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
  return watched_ && Clock::now() - last_ >= std::chrono::milliseconds(200);
}

void LiveLine::show(std::string_view text) {
  if (!watched_) return;
  last_ = Clock::now();
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
