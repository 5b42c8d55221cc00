#include "app/shortages.h"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace meshdict {
namespace {

struct Words {
  bool Lacks::* lack;
  std::string_view kind;
  std::string_view begins;  ///< also for the service manager
  std::string_view ends;
};

/// The first that holds is what the service manager is told.
constexpr std::array<Words, 4> kWords{{
    {&Lacks::disk, "disk", "the disk is full", "the disk has room again"},
    {&Lacks::disk_limit, "disk limit", "--max-disk is reached", "the files are below the low-water mark of --max-disk"},
    {&Lacks::memory, "memory", "no memory is left (ulimit -v, or the machine's)", "there is memory again"},
    {&Lacks::memory_limit, "memory limit", "--max-memory is reached",
     "keys and queues are below the low-water mark of --max-memory"},
}};

}  // namespace

void Shortages::look(const Lacks& lacks, std::uint64_t refused_by_memory) {
  tell_of_refusals(refused_by_memory);
  std::string_view status = "serving";
  for (const Words& words : kWords) {
    const bool now = lacks.*words.lack;
    if (now && status == "serving") status = words.begins;
    if (std::exchange(told_.*words.lack, now) == now) continue;
    log_.write_limited(
        now ? LogLevel::kError : LogLevel::kInfo, words.kind,
        now ? fmt::format(
                  "{}: clients may read and delete, writes and those of neighbours are refused until there is room",
                  words.begins)
            : fmt::format("{}: writes are taken", words.ends));
  }
  manager_.status(lacks.any() ? fmt::format("degraded: {}", status) : std::string(status));
  manager_.retry();
}

void Shortages::tell_of_refusals(std::uint64_t refused_by_memory) {
  if (std::exchange(refused_by_memory_, refused_by_memory) >= refused_by_memory) return;
  log_.write_limited(LogLevel::kWarn, "refused by memory",
                     "no memory is left for what a client wants (ulimit -v, or the machine's): it was refused");
}

}  // namespace meshdict
