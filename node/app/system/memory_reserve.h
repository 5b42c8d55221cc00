#pragma once
// Memory in reserve for the moment in which the system has none left (ulimit -v, a cgroup that counts address space, a machine
// that does not overcommit). An allocation that fails uses the reserve up, and is tried again. From then on the node takes
// nothing new, and so has that memory for what it has begun, until there is room for the reserve again.
//
// Without it, or when even that is too little, an allocation ends the program with one line (end_with_a_word()).

#include <cstddef>

namespace meshdict::memory_reserve {

/// What a turn may need to finish what it has begun: some ten copies of the largest frame (as it came, decompressed, as a
/// record, on the way to disk and to neighbours).
inline constexpr std::size_t kBytes = 64 * 1024 * 1024;

/// To be called once, at the start: allocates the reserve, and sees to it that each allocation of the program that fails asks
/// for it.
void install();
/// Whether the reserve is used up.
[[nodiscard]] bool used();
/// Bytes of the reserve; 0 when it is used up.
[[nodiscard]] std::size_t held();
/// Allocates the reserve again, if there is room. Cheap when it was not used.
void refill();
/// Whether so many bytes can be had. Does not throw.
[[nodiscard]] bool can_allocate(std::size_t bytes);
/// From here on an exception that nobody catches ends the program with exit code 1 and a line that says why.
void end_with_a_word();

}  // namespace meshdict::memory_reserve
