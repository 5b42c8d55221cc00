#pragma once
// What sessions know of commands: names, numbers of arguments, and flags that say how each is treated. The commands
// themselves are given to the service as a table.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/access/rights.h"
#include "core/base/ascii.h"  // IWYU pragma: export

namespace meshdict {

class RespSession;

/// arguments[0] is the command's name.
using Arguments = std::span<const std::string_view>;

struct Subcommand {
  std::string_view name;  ///< lower case
  int arity = 0;          ///< as CommandSpec's, counted with the command's name and its own
  Access access;
  void (*run)(RespSession& session, Arguments arguments) = nullptr;
  std::string_view syntax;  ///< arguments, for people
  std::string_view summary;
  int first_key = 0;  ///< the position of its one key, if it has one
};

struct CommandSpec {
  enum Flags : std::uint16_t {
    kNone = 0,
    kWrite = 1,
    kReadonly = 2,
    kFast = 4,
    kPubsub = 8,
    kAdmin = 16,
    kNoMulti = 32,           ///< an error within a transaction
    kLong = 64,              ///< takes any number of arguments, and goes on in later turns
    kWhileSubscribed = 128,  ///< also for clients that listen to channels
    kNotQueued = 256,        ///< within a transaction it is run at once: it is about the transaction, or ends it
    kAborts = 512,           ///< refused for its arguments it ends the transaction
    kKeyAlone = 1024         ///< one argument alone is a key, not the name of a subcommand
  };

  std::string_view name;  ///< lower case
  int arity = 0;          ///< number of arguments with the name; negative: at least so many
  Access access;          ///< of a container, what HELP needs: each subcommand has its own
  void (*run)(RespSession& session, Arguments arguments) = nullptr;
  std::uint16_t flags = kNone;
  int first_key = 0;  ///< positions of keys, as COMMAND shows them
  int last_key = 0;
  int key_step = 0;
  std::string_view group;
  std::string_view syntax{};  ///< arguments, for people
  std::string_view summary;
  /// Null unless the command is a container of such, as CLIENT is. All but HELP, which run_subcommand() knows.
  std::span<const Subcommand> (*subcommands)() = nullptr;
  /// Null unless arguments can ask for more than `access` says: the rights for that.
  Rights (*more_rights)(Arguments arguments) = nullptr;

  [[nodiscard]] constexpr bool is(Flags flag) const { return (flags & flag) != 0; }
  /// Whether it changes keys, with these arguments.
  [[nodiscard]] bool writes(Arguments arguments) const;
  /// Whether so many arguments, with the name, name a subcommand.
  [[nodiscard]] constexpr bool takes_subcommand(std::size_t count) const {
    return subcommands != nullptr && count > (is(kKeyAlone) ? 2U : 1U);
  }
  /// Whatever the case of its name; null for an unknown one. Not HELP.
  [[nodiscard]] const Subcommand* find_subcommand(std::string_view subcommand) const;
  /// That of a command with these arguments; null when it has none, or names none that there is.
  [[nodiscard]] const Subcommand* named_subcommand(Arguments arguments) const;
};

/// Finds commands by their names. Immutable: safe to be read by several threads.
class CommandTable {
 public:
  /// REQUIRES: `commands` outlives the table, and is in the order of names.
  explicit CommandTable(std::span<const CommandSpec> commands);

  /// Whatever the case of its name; null for an unknown one.
  [[nodiscard]] const CommandSpec* find(std::string_view name) const;

 private:
  std::span<const CommandSpec> commands_;
  std::vector<std::uint16_t> index_;  // positions + 1, open addressing; 0 is free
  std::size_t longest_name_ = 0;
};

/// Positions of keys in a command of so many arguments: `first`, and so on by `step` up to `last`.
struct KeyPositions {
  std::size_t first = 1;
  std::size_t last = 0;  ///< before `first`: there is none
  std::size_t step = 1;
};
KeyPositions key_positions(const CommandSpec& spec, std::size_t count);

/// "get", or "client|list" where the arguments name a subcommand.
std::string full_name(const CommandSpec& spec, Arguments arguments);

std::string to_lower(std::string_view text);
std::string to_upper(std::string_view text);
/// Of a command or subcommand; `arity` as CommandSpec's.
constexpr bool fits_arity(std::size_t count, int arity) {
  return arity > 0 ? count == static_cast<std::size_t>(arity) : count >= static_cast<std::size_t>(-arity);
}
/// The error for wrong numbers of arguments. Of a subcommand, `name` is "mesh|connect".
std::string wrong_arity(std::string_view name);
/// The error for a subcommand that is not there, or that these are too few or many arguments for; nothing when there is none,
/// and for a command without subcommands. HELP is one of each.
std::optional<std::string> subcommand_error(const CommandSpec& spec, Arguments arguments);

}  // namespace meshdict
