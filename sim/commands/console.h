#pragma once
// What all commands of meshdict-sim do with the terminal: exit codes, complaints, a line that shows progress.

#include <chrono>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>

namespace meshdict::sim {

inline constexpr int kPass = 0;
inline constexpr int kViolated = 1;
inline constexpr int kBadInput = 2;

/// One line on stderr. Returns kBadInput.
int complain(std::string_view what);
/// The mistakes of a file, a line each on stderr; each says where it is. Returns kBadInput.
int complain_of(std::span<const std::string> mistakes);

/// Output that cannot be written is no result: a full disk must not pass for a run that passed.
bool all_written(std::FILE* file);
/// "cannot write 'x': No space left on device", by errno.
std::string not_written(const std::string& file);

/// Progress on stderr: on a terminal one line that is rewritten in place, elsewhere a line every ten seconds.
class LiveLine {
 public:
  LiveLine();
  /// Whether it is time to show another text.
  [[nodiscard]] bool due() const;
  void show(std::string_view text);
  void clear();
  [[nodiscard]] double seconds() const;

 private:
  using Clock = std::chrono::steady_clock;
  bool watched_;
  bool printed_ = false;
  Clock::time_point begin_ = Clock::now();
  Clock::time_point last_ = begin_;
};

}  // namespace meshdict::sim
