#include "app/resp/command_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cassert>

namespace meshdict {
namespace {

/// FNV-1a of the name in lower case.
constexpr std::uint32_t hash_of(std::string_view name) {
  std::uint32_t hash = 2166136261U;
  for (const char c : name)
    hash = (hash ^ static_cast<unsigned char>(ascii_lower(c))) * 16777619U;
  return hash ^ (hash >> 15);
}

}  // namespace

const Subcommand* CommandSpec::find_subcommand(std::string_view subcommand) const {
  for (const Subcommand& one : subcommands()) {
    if (is_word(subcommand, one.name)) return &one;
  }
  return nullptr;
}

// At most a quarter full, so that a look-up hardly ever compares more than one name.
CommandTable::CommandTable(std::span<const CommandSpec> commands)
    : commands_(commands), index_(std::bit_ceil(4 * commands.size() + 1)) {
  assert(std::ranges::is_sorted(commands, {}, &CommandSpec::name));
  for (std::size_t i = 0; i < commands.size(); ++i) {
    longest_name_ = std::max(longest_name_, commands[i].name.size());
    std::size_t slot = hash_of(commands[i].name) % index_.size();
    while (index_[slot] != 0)
      slot = (slot + 1) % index_.size();
    index_[slot] = static_cast<std::uint16_t>(i + 1);
  }
}

const CommandSpec* CommandTable::find(std::string_view name) const {
  if (name.size() > longest_name_) return nullptr;
  for (std::size_t slot = hash_of(name) % index_.size(); index_[slot] != 0; slot = (slot + 1) % index_.size()) {
    const CommandSpec& spec = commands_[index_[slot] - 1U];
    if (is_word(name, spec.name)) return &spec;
  }
  return nullptr;
}

KeyPositions key_positions(const CommandSpec& spec, std::size_t count) {
  if (spec.first_key == 0) return {};
  const int last = spec.last_key < 0 ? static_cast<int>(count) + spec.last_key : spec.last_key;
  return {.first = static_cast<std::size_t>(spec.first_key),
          .last = static_cast<std::size_t>(last),
          .step = static_cast<std::size_t>(spec.key_step)};
}

const Subcommand* CommandSpec::named_subcommand(Arguments arguments) const {
  return takes_subcommand(arguments.size()) ? find_subcommand(arguments[1]) : nullptr;
}

bool CommandSpec::writes(Arguments arguments) const {
  const Subcommand* const sub = named_subcommand(arguments);
  return sub == nullptr ? is(kWrite) : sub->access.needs.include(Right::kWrite);
}

std::string full_name(const CommandSpec& spec, Arguments arguments) {
  const Subcommand* const sub = spec.named_subcommand(arguments);
  return sub ? fmt::format("{}|{}", spec.name, sub->name) : std::string(spec.name);
}

std::string to_lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    c = ascii_lower(c);
  return result;
}

std::string to_upper(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return result;
}

std::optional<std::string> subcommand_error(const CommandSpec& spec, Arguments arguments) {
  if (!spec.takes_subcommand(arguments.size())) return std::nullopt;
  const Subcommand* found = spec.find_subcommand(arguments[1]);
  const bool help = found == nullptr && !spec.is(CommandSpec::kKeyAlone) && is_word(arguments[1], "help");
  if (found == nullptr && !help) {
    return fmt::format("ERR unknown subcommand '{}'. Try {} HELP.", arguments[1].substr(0, 128), to_upper(spec.name));
  }
  if (fits_arity(arguments.size(), help ? 2 : found->arity)) return std::nullopt;
  return wrong_arity(fmt::format("{}|{}", spec.name, help ? "help" : found->name));
}

std::string wrong_arity(std::string_view name) {
  return fmt::format("ERR wrong number of arguments for '{}' command", name);
}

}  // namespace meshdict
