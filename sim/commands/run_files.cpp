#include "sim/commands/run_files.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "sim/commands/console.h"
#include "sim/picture/history_reader.h"
#include "sim/picture/html_page.h"
#include "sim/picture/perfetto_trace.h"

namespace meshdict::sim {
namespace {

using Result = std::expected<void, std::string>;

/// Through `write`, checked.
template <typename Write>
Result write_file(const char* option, const std::string& name, const Write& write) {
  if (name.empty()) return {};
  const auto file = open_output(name);
  if (!file) return std::unexpected(fmt::format("{}: {}", option, file.error()));
  write(file->get());
  if (!all_written(file->get())) return std::unexpected(fmt::format("{}: {}", option, not_written(name)));
  return {};
}

void copy(std::FILE* from, std::FILE* to) {
  std::array<char, 65'536> piece;
  while (const std::size_t got = std::fread(piece.data(), 1, piece.size(), from))
    std::fwrite(piece.data(), 1, got, to);
}

}  // namespace

Result draw_pictures(std::FILE* transcript, const std::string& name, const PictureNames& pictures) {
  const auto history = read_history(transcript, name, pictures.limits);
  if (!history) return std::unexpected(history.error());
  Result done = write_file("--html", pictures.html, [&](std::FILE* out) { write_html(*history, out); });
  if (done) done = write_file("--perfetto", pictures.perfetto, [&](std::FILE* out) { write_perfetto(*history, out); });
  return done;
}

std::expected<RunFiles, std::string> RunFiles::open(std::string trace, PictureNames pictures) {
  // An empty picture in the place of one that cannot be drawn is better than a run for nothing.
  for (const auto& [option, name] :
       {std::pair("--html", &pictures.html), std::pair("--perfetto", &pictures.perfetto)}) {
    if (auto opened = write_file(option, *name, [](std::FILE*) {}); !opened) return std::unexpected(opened.error());
  }
  RunFiles files(std::move(trace), std::move(pictures));
  if (!files.trace_name_.empty()) {
    auto file = open_output(files.trace_name_);
    if (!file) return std::unexpected("--trace: " + file.error());
    files.trace_ = *std::move(file);
  }
  if (files.pictures_.any()) {
    auto file = open_scratch();
    if (!file) return std::unexpected(file.error());
    files.scratch_ = *std::move(file);
  }
  return files;
}

Result RunFiles::finish() {
  if (scratch_) {
    if (!all_written(scratch_.get())) return std::unexpected(not_written("a temporary file"));
    const auto from_the_start = [this] { return std::fseek(scratch_.get(), 0, SEEK_SET) == 0; };
    if (!from_the_start()) return std::unexpected(not_written("a temporary file"));
    if (trace_) {
      copy(scratch_.get(), trace_.get());
      if (!from_the_start()) return std::unexpected(not_written("a temporary file"));
    }
  }
  if (trace_ && !all_written(trace_.get())) return std::unexpected("--trace: " + not_written(trace_name_));
  return scratch_ ? draw_pictures(scratch_.get(), "the transcript", pictures_) : Result();
}

int draw_command(const std::string& transcript, const PictureNames& pictures) {
  if (!pictures.any()) return complain("draw: nothing to draw, expected --html F or --perfetto F");
  const std::array<GivenFile, 1> read = {{{"TRANSCRIPT", transcript}}};
  const std::array<GivenFile, 2> written = {{{"--html", pictures.html}, {"--perfetto", pictures.perfetto}}};
  if (const auto mistake = check_outputs(read, written)) return complain("draw: " + *mistake);
  const FilePointer file(std::fopen(transcript.c_str(), "r"), &std::fclose);
  if (!file) {
    return complain(fmt::format("draw: cannot read '{}': {}", transcript, std::generic_category().message(errno)));
  }
  const auto drawn = draw_pictures(file.get(), transcript, pictures);
  return drawn ? kPass : complain("draw: " + drawn.error());
}

}  // namespace meshdict::sim
