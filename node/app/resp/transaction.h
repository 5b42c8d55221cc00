#pragma once
// The commands that one client has queued between MULTI and EXEC.
//
// 1. Bounded: resp_limits::kMaxQueuedCommands, counted by weight(), and as many bytes as one command may have. One too many
//    spoils it, and is not kept.
// 2. A spoiled transaction keeps and runs nothing more: its EXEC is an error.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace meshdict {

struct CommandSpec;

class Transaction {
 public:
  struct Queued {
    const CommandSpec* spec = nullptr;
    std::vector<std::string> arguments;
  };

  /// What one command takes of the bound, in bytes.
  static std::size_t cost(std::span<const std::string_view> arguments);

  /// What it takes of resp_limits::kMaxQueuedCommands: the keys that it writes, or one.
  static std::size_t weight(const CommandSpec& spec, std::size_t arguments);

  /// False, and spoiled, when it is one too many. Of a spoiled one, nothing more is kept.
  bool add(const CommandSpec& spec, std::span<const std::string_view> arguments);
  /// A command could not be queued: none will run.
  void spoil() { spoiled_ = true; }
  [[nodiscard]] bool spoiled() const { return spoiled_; }

  [[nodiscard]] const std::vector<Queued>& commands() const { return commands_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  std::vector<Queued> commands_;
  std::size_t bytes_ = 0;
  std::size_t weight_ = 0;
  bool spoiled_ = false;
};

}  // namespace meshdict
