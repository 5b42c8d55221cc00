#include "sim/commands/console.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "sim/trace/trace.h"

namespace meshdict::sim {
namespace {

constexpr std::chrono::milliseconds kRewritten{200};
constexpr std::chrono::milliseconds kLogged{10'000};

}  // namespace

int complain(std::string_view what) {
  fmt::print(stderr, "meshdict-sim: {}\n", visible_text(what));
  return kBadInput;
}

int complain_of(std::span<const std::string> mistakes) {
  for (const std::string& mistake : mistakes)
    fmt::print(stderr, "{}\n", visible_text(mistake));
  return kBadInput;
}

bool all_written(std::FILE* file) {
  if (std::ferror(file) != 0) {
    // An earlier write has failed, and its reason is gone: another meets it again.
    std::clearerr(file);
    errno = 0;
    if (std::fputc('\n', file) != EOF) std::fflush(file);
    if (errno == 0) errno = EIO;
    return false;
  }
  return std::fflush(file) == 0;
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
