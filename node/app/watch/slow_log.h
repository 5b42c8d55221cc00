#pragma once
// Commands that took long, as SLOWLOG shows them.
//
// 1. What is kept is bounded: watch_limits has the number of entries, of arguments and of bytes of each.
// 2. Passwords are not in it.
// 3. The time is that of the node's loop: waiting in WAIT, for a password or for a backup does not count. A command that goes on in
//    later turns counts with all of them.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"
#include "core/env/clock.h"

namespace meshdict {

/// The arguments as they are shown: the first of them, cut, and how many more there are.
std::vector<std::string> shown_arguments(std::span<const std::string_view> arguments);

struct SlowCommand {
  std::uint64_t id = 0;
  WallTime when{};
  Duration took{};
  std::vector<std::string> arguments;
  std::string client;  ///< address
  std::string name;    ///< of CLIENT SETNAME
};

class SlowLog {
 public:
  /// Whether a command that took so long is to be added.
  [[nodiscard]] bool wants(Duration took) const { return threshold && took >= *threshold && most_ > 0; }
  void add(SlowCommand command);
  /// How many are kept; the oldest go at once.
  void limit(std::size_t most);
  [[nodiscard]] std::size_t most() const { return most_; }
  void clear() { entries_.clear(); }
  /// Newest first.
  [[nodiscard]] const std::deque<SlowCommand>& entries() const { return entries_; }

  /// Nothing: none is added. Redis's default.
  std::optional<Duration> threshold = 10ms;

 private:
  /// Redis's default.
  std::size_t most_ = 128;
  std::deque<SlowCommand> entries_;
  std::uint64_t next_ = 0;
};

}  // namespace meshdict
