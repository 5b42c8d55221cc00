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

/// A file that a command was given, and the option or argument that named it.
struct GivenFile {
  std::string option;
  /// Empty: none was given.
  std::string name;
};

/// Error text when a file that is written is also read, or when two that are written are the same: by name, or as two names of
/// one file. Devices may be named any number of times.
std::optional<std::string> check_outputs(std::span<const GivenFile> read, std::span<const GivenFile> written);

/// Opens a file for writing. Error text with its name.
enum class Opening : std::uint8_t { kEmptied, kAppended };
std::expected<FilePointer, std::string> open_output(const std::string& name, Opening opening = Opening::kEmptied);
/// Writes a whole file. Error text with its name.
std::expected<void, std::string> write_text(const std::string& name, std::string_view text);
/// Error text when a file that is written at the end cannot be written: better known before the work than after it. An empty
/// name: no file is wanted.
std::optional<std::string> check_writable(const std::string& option, const std::string& name);
/// Opens a file for writing and reading back. It has no name and is gone with the process.
std::expected<FilePointer, std::string> open_scratch();

}  // namespace meshdict::sim
