#pragma once
// What this process takes of the machine, as the system tells it.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace meshdict {

struct ProcessResources {
  std::size_t resident_bytes = 0;
  std::size_t virtual_bytes = 0;
  std::chrono::microseconds user{};    ///< processor time
  std::chrono::microseconds system{};  ///< so too
};
/// By /proc and getrusage; zeros where there is none.
ProcessResources process_resources();

/// Bytes that the program has from the allocator, without the reserve of memory_reserve.h; 0 where that does not say.
std::size_t allocated_bytes();

/// Bytes of a file; 0 when there is none.
std::uint64_t file_bytes(const std::string& path);

}  // namespace meshdict
