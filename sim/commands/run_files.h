#pragma once
// What a run leaves behind on request: its transcript, and the pictures that are drawn from it.

#include <cstdio>
#include <expected>
#include <string>

#include "sim/commands/output_file.h"
#include "sim/picture/history.h"

namespace meshdict::sim {

/// Empty names: not wanted.
struct PictureNames {
  std::string html;
  std::string perfetto;
  HistoryLimits limits;
  [[nodiscard]] bool any() const { return !html.empty() || !perfetto.empty(); }
};

/// Draws what stands in a transcript. Error text: what could not be read or written.
std::expected<void, std::string> draw_pictures(std::FILE* transcript, const std::string& name,
                                               const PictureNames& pictures);

/// Usage: open() before the run, so that a name that cannot be written is known at once; transcript() for the run;
/// finish() after it.
class RunFiles {
 public:
  static std::expected<RunFiles, std::string> open(std::string trace, PictureNames pictures);

  /// Null when nothing is wanted.
  [[nodiscard]] std::FILE* transcript() const { return scratch_ ? scratch_.get() : trace_.get(); }
  std::expected<void, std::string> finish();

 private:
  RunFiles(std::string trace_name, PictureNames pictures)
      : trace_name_(std::move(trace_name)), pictures_(std::move(pictures)) {}

  std::string trace_name_;
  PictureNames pictures_;
  FilePointer trace_{nullptr, &std::fclose};
  // The transcript from which pictures are drawn.
  FilePointer scratch_{nullptr, &std::fclose};
};

/// The command `draw`: draws a transcript that --trace has written. Exit code: 0 drawn, 2 bad input, or output that cannot be
/// written.
int draw_command(const std::string& transcript, const PictureNames& pictures);

}  // namespace meshdict::sim
