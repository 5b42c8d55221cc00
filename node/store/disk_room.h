#pragma once
// How much room the system gives the files of this process.

#include <cstdint>
#include <optional>
#include <string>

namespace meshdict {

/// Free bytes on the disk that holds `directory`. Nothing when the system does not say.
std::optional<std::uint64_t> free_bytes(const std::string& directory);

/// Bytes that a file of this process may have at the most (RLIMIT_FSIZE). Nothing when there is no limit.
std::optional<std::uint64_t> file_size_limit();

}  // namespace meshdict
