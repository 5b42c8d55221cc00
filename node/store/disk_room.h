#pragma once
// What the system lets a file of this process take.

#include <cstdint>
#include <optional>
#include <string>

namespace meshdict {

/// Bytes that are free on the disk that `directory` is on. Nothing when the system does not say.
std::optional<std::uint64_t> free_bytes(const std::string& directory);

/// Bytes that a file of this process may have at the most (RLIMIT_FSIZE). Nothing when there is no limit.
std::optional<std::uint64_t> file_size_limit();

}  // namespace meshdict
