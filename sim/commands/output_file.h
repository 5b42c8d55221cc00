#pragma once
// Files that the program writes.

#include <cstdio>
#include <expected>
#include <memory>
#include <string>

namespace meshdict::sim {

using FilePointer = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

/// For writing, emptied. Error text with its name.
std::expected<FilePointer, std::string> open_output(const std::string& name);
/// For writing and reading back; it has no name and is gone with the process.
std::expected<FilePointer, std::string> open_scratch();

}  // namespace meshdict::sim
