#pragma once
// What happened in a run: a hash over every event in order, always on, and a readable transcript on request.
//
// The hash covers time, kind, node, connection, message id, uncompressed size, the results of operations and the events
// that engines raise. It covers no pointer, no compressed byte and no text made for people, so that equal plan and seed give an
// equal hash under every compiler. The transcript is written beside it and never changes it.

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "core/base/time.h"
#include "sim/machines/mixing.h"

namespace meshdict::sim {

/// Two multiplications a word; order matters, and so does every bit.
class TraceHash {
 public:
  void add(std::uint64_t word) {
    state_ = (state_ ^ word) * 0x9E3779B97F4A7C15U;
    state_ = (state_ ^ (state_ >> 32)) * 0xD6E8FEB86659FD93U;
    state_ ^= state_ >> 29;
  }
  void add(std::string_view text) {
    add(text.size());
    for (std::size_t i = 0; i < text.size(); i += 8)
      add(word_of(text.substr(i, 8)));
  }
  void add(Duration time) { add(static_cast<std::uint64_t>(time.count())); }

  [[nodiscard]] std::uint64_t value() const { return state_; }

 private:
  std::uint64_t state_ = 0x6D65736864696374U;  // "meshdict"
};

/// The first line of a transcript, behind "# ".
inline constexpr std::string_view kTranscriptTitle = "meshdict transcript 1";

/// Lines of "<seconds> <node> <what>" and remarks; nothing at all without a file. What they say is in README.md; they
/// are read by history.h.
class Transcript {
 public:
  /// `out` stays the caller's, who also checks whether all could be written; null: no transcript.
  explicit Transcript(std::FILE* out) : out_(out) {}

  [[nodiscard]] bool enabled() const { return out_ != nullptr; }
  void line(Duration at, std::string_view node, std::string_view what) const;
  /// "# <what>": of the run as a whole.
  void remark(std::string_view what) const;

 private:
  std::FILE* out_;
};

/// "12.345678": seconds with all digits that a Duration has.
std::string seconds_text(Duration time);

/// A word of a line: as it is, or, when it is not one plain word, in double quotes, with \" and \\, and \xNN for control
/// characters and what is no UTF-8.
std::string word_text(std::string_view word);

/// Text as a terminal may show it: with the same \xNN, for line ends, too. Whatever comes from a file, and every name, passes
/// through this before it is printed.
std::string visible_text(std::string_view text);

}  // namespace meshdict::sim
