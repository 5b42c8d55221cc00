#pragma once
// Files that the program writes.

#include <cstdint>
#include <cstdio>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace meshdict::sim {

using FilePointer = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

/// A file that a command was given, and by which option or argument.
struct GivenFile {
  std::string option;
  /// Empty: none was given.
  std::string name;
};

/// What is wrong when one that is written is also read, or when two that are written are one: the same name, or two names of
/// one file. Devices may be named as often as one likes.
std::optional<std::string> check_outputs(std::span<const GivenFile> read, std::span<const GivenFile> written);

/// For writing. Error text with its name.
enum class Opening : std::uint8_t { kEmptied, kAppended };
std::expected<FilePointer, std::string> open_output(const std::string& name, Opening opening = Opening::kEmptied);
/// A whole file. Error text with its name.
std::expected<void, std::string> write_text(const std::string& name, std::string_view text);
/// Whether a file can be written that is written at the end: better than to learn of it then. Error text; an empty name is
/// none that is wanted.
std::optional<std::string> check_writable(const std::string& option, const std::string& name);
/// For writing and reading back; it has no name and is gone with the process.
std::expected<FilePointer, std::string> open_scratch();

}  // namespace meshdict::sim
