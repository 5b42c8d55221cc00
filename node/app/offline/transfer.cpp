#include "app/offline/transfer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string_view>
#include <utility>

#include "app/log/log.h"
#include "app/offline/engine_alone.h"
#include "app/offline/json_lines.h"
#include "app/offline/limits.h"
#include "core/dictionary/stored_record.h"
#include "store/data_network.h"
#include "store/database_file.h"
#include "store/file_descriptor.h"
#include "store/stored_data.h"
#include "store/unfinished_file.h"

namespace meshdict {
namespace {

using Error = std::unexpected<std::string>;

/// How far it has come, on a terminal.
class Progress {
 public:
  explicit Progress(std::string_view what) : what_(what), is_shown_(::isatty(STDERR_FILENO) == 1) {}
  ~Progress() {
    if (was_shown_) std::fputs("\r\x1b[K", stderr);
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void step() {
    ++done_;
    if (!is_shown_) return;
    const auto now = std::chrono::steady_clock::now();
    if (now - told_ < offline_limits::kTellEvery) return;
    told_ = now;
    was_shown_ = true;
    std::fputs(fmt::format("\r{} {} keys", what_, done_).c_str(), stderr);
  }
  [[nodiscard]] std::uint64_t done() const { return done_; }

 private:
  std::string_view what_;
  bool is_shown_;
  bool was_shown_ = false;
  std::uint64_t done_ = 0;
  std::chrono::steady_clock::time_point told_ = std::chrono::steady_clock::now();
};

/// Bytes on their way to a file, some at a time.
class Output {
 public:
  explicit Output(int descriptor) : descriptor_(descriptor) {}
  void add(std::string_view text) {
    waiting_ += text;
    if (waiting_.size() >= offline_limits::kPiece) flush();
  }
  /// The first errno, or 0.
  int flush() {
    if (code_ == 0) code_ = write_all(descriptor_, waiting_);
    waiting_.clear();
    return code_;
  }
  [[nodiscard]] bool failed() const { return code_ != 0; }

 private:
  int descriptor_;
  std::string waiting_;
  int code_ = 0;
};

/// Lines of a file, of a bounded length.
class Lines {
 public:
  enum class Got : std::uint8_t { kLine, kEnd, kTooLong, kFailed };
  explicit Lines(int descriptor) : descriptor_(descriptor) {}

  /// The line is valid until the next call.
  Got next(std::string_view& line) {
    std::size_t searched = taken_;
    while (true) {
      const std::size_t end = buffer_.find('\n', searched);
      if (end != std::string::npos || (over_ && taken_ < buffer_.size())) {
        line = std::string_view(buffer_).substr(taken_, end == std::string::npos ? end : end - taken_);
        taken_ = end == std::string::npos ? buffer_.size() : end + 1;
        ++number_;
        return Got::kLine;
      }
      if (over_) return Got::kEnd;
      // Once for all the lines of a piece.
      buffer_.erase(0, std::exchange(taken_, 0));
      searched = buffer_.size();
      if (searched > offline_limits::kMaxLine) return Got::kTooLong;
      if (!read_some()) return Got::kFailed;
    }
  }
  /// Of the last line.
  [[nodiscard]] std::uint64_t number() const { return number_; }

 private:
  bool read_some() {
    const std::size_t before = buffer_.size();
    buffer_.resize(before + offline_limits::kPiece);
    ssize_t got = 0;
    do {
      got = ::read(descriptor_, buffer_.data() + before, offline_limits::kPiece);
    } while (got < 0 && errno == EINTR);
    buffer_.resize(before + static_cast<std::size_t>(got < 0 ? 0 : got));
    over_ = got == 0;
    return got >= 0;
  }

  int descriptor_;
  std::string buffer_;
  std::size_t taken_ = 0;
  std::uint64_t number_ = 0;
  bool over_ = false;
};

std::expected<std::uint64_t, std::string> write_keys(StoredData& data, int to, const std::string& name) {
  Output output(to);
  Progress progress("exported");
  std::string damage;
  const auto loaded = data.load(Table::kRecords, [&](std::string_view key, std::string_view bytes) {
    if (!damage.empty() || output.failed()) return;
    const auto record = read_stored_record(key, bytes);
    if (!record) {
      damage = fmt::format("{}: the record of key '{}' is damaged: {}; --check finds all of them", kDatabaseFile,
                           printable(key), record.error());
    } else if (is_visible(record->version)) {
      output.add(json_line(key, record->value));
      progress.step();
    }
  });
  if (!loaded) return Error(loaded.error().describe());
  if (!damage.empty()) return Error(data.error(StoreTrouble::kDamaged, damage).describe());
  if (const int code = output.flush(); code != 0) return Error(file_trouble(name, "cannot be written", code));
  return progress.done();
}

/// Sets what the lines say, all in one turn. Returns how many.
std::expected<std::uint64_t, std::string> set_keys(Engine& engine, int from, const std::string& name) {
  Lines lines(from);
  Progress progress("imported");
  const auto wrong = [&](std::string_view what) {
    return Error(fmt::format("'{}', line {}: {}; nothing was imported", name, lines.number(), what));
  };
  std::string_view line;
  Lines::Got got = Lines::Got::kEnd;
  while ((got = lines.next(line)) == Lines::Got::kLine) {
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const auto read = read_json_line(line);
    if (!read) return wrong(read.error());
    if (const auto set = engine.set(read->key, read->value); !set) {
      return wrong(fmt::format("key '{}': {}", printable(read->key, 64), describe(set.error())));
    }
    progress.step();
  }
  if (got == Lines::Got::kFailed) return Error(file_trouble(name, "cannot be read", errno));
  if (got == Lines::Got::kTooLong) {
    return Error(fmt::format("'{}', line {}: it has more than {} bytes; nothing was imported", name, lines.number() + 1,
                             offline_limits::kMaxLine));
  }
  return progress.done();
}

}  // namespace

std::expected<std::string, std::string> export_lines(const DataPlace& place, const std::string& name) {
  auto data = StoredData::open(place.directory);
  if (!data) return Error(describe_for_task(data.error()));
  std::expected<std::uint64_t, std::string> written;
  if (name == "-") {
    written = write_keys(**data, STDOUT_FILENO, "standard output");
  } else {
    auto file = UnfinishedFile::create(name);
    if (!file) return Error(std::move(file.error()));
    written = write_keys(**data, file->descriptor(), name);
    const auto kept = written ? file->keep() : std::expected<void, std::string>();
    if (!kept) return Error(kept.error());
  }
  if (!written) return Error(std::move(written.error()));
  return fmt::format("{} keys exported\n", *written);
}

std::expected<std::string, std::string> import_lines(const DataPlace& place, const std::string& file) {
  const bool from_stdin = file == "-";
  const std::string name = from_stdin ? "standard input" : file;
  const FileDescriptor from(from_stdin ? ::dup(STDIN_FILENO) : ::open(name.c_str(), O_RDONLY | O_CLOEXEC));
  if (!from) return Error(file_trouble(name, "cannot be read", errno));
  auto store = open_for_network(place.directory, place.durability, place.config);
  if (!store) return Error(describe_for_task(store.error()));
  EngineAlone alone(place.config, **store);
  Engine& engine = alone.engine();
  if (const auto started = engine.start(); !started) {
    const auto* of_store = std::get_if<StoreError>(&started.error());
    return Error(of_store != nullptr ? about_content(place.directory, *of_store).describe()
                                     : describe(started.error()));
  }
  const auto set = set_keys(engine, from.get(), name);
  if (!set) return Error(set.error());
  if (auto committed = (*store)->commit(); !committed) return Error(committed.error().describe());
  if (auto closed = (*store)->close(); !closed) return Error(closed.error().describe());
  return fmt::format("{} keys imported: node {} holds them\n", *set, engine.id().text());
}

}  // namespace meshdict
