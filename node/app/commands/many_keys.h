#pragma once
// Commands that read any number of keys, or of patterns, step by step.

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/commands/commands.h"

namespace meshdict {

/// The keys of a command that are still to be read.
class ManyKeys {
 public:
  explicit ManyKeys(Arguments keys) : views_(keys) {}

  /// The next one, for one step; nothing when there is none, or no step left.
  std::optional<std::string_view> next(std::size_t& steps) {
    if (over() || steps == 0) return std::nullopt;
    --steps;
    const std::size_t at = next_++;
    return owned_ ? std::string_view((*owned_)[at]) : views_[at];
  }
  [[nodiscard]] std::size_t size() const { return owned_ ? owned_->size() : views_.size(); }
  [[nodiscard]] bool over() const { return next_ == size(); }
  static void charge(std::size_t more, std::size_t& steps) { steps -= std::min(steps, more); }

  /// Copies them, to be kept beyond the command.
  void own() {
    if (!owned_) owned_.emplace(views_.begin(), views_.end());
  }
  /// Bytes of such copies.
  [[nodiscard]] std::size_t bytes() const {
    std::size_t sum = 0;
    for (const std::string_view key : views_)
      sum += sizeof(std::string) + key.size();
    return sum;
  }

 private:
  Arguments views_;
  std::optional<std::vector<std::string>> owned_;
  std::size_t next_ = 0;
};

/// Replies with what `read(keys, reply, steps)` appends to `reply`. It reads keys as long as next() gives some, and is called
/// again in later turns until it says that it is done.
template <typename Read>
void for_many_keys(RespSession& session, Arguments arguments, Read read) {
  ManyKeys keys(arguments);
  const std::size_t holds = keys.bytes();
  session.run_long(
      [keys = std::move(keys), read = std::move(read)](std::string& reply, std::size_t& steps) mutable {
        if (read(keys, reply, steps)) return true;
        keys.own();
        return false;
      },
      holds);
}

}  // namespace meshdict
