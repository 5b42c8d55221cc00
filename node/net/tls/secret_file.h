#pragma once
// Files that hold secrets, and others that are read beside them.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>

namespace meshdict {

/// Overwrites the text, so that it is not found in memory later, and empties it.
void wipe(std::string& text);

/// Whom a file may be readable for besides its owner.
enum class Readers : std::uint8_t {
  kOwner,  ///< nobody
  kGroup,  ///< its group, as Debian's ssl-cert
  kAll,
};

/// The whole of a regular file, of at most `most` bytes. Error text, one line: "FILE: WHAT, and what to do". The file that is
/// read is the one whose mode was looked at.
std::expected<std::string, std::string> read_file(const std::string& path, Readers allowed, std::size_t most);

/// Writes a new file that only its owner may read, down to the disk. Error text when there is one already.
std::expected<void, std::string> write_secret_file(const std::string& path, const std::string& content);

}  // namespace meshdict
