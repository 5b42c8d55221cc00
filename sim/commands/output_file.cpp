#include "sim/commands/output_file.h"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>

#include "sim/commands/console.h"

namespace meshdict::sim {
namespace {

namespace fs = std::filesystem;

bool is_one_file(const std::string& one, const std::string& other) {
  std::error_code trouble;
  if (fs::equivalent(one, other, trouble)) return fs::is_regular_file(one, trouble);
  // What is not there yet is known by its name only.
  if (fs::exists(one, trouble) || fs::exists(other, trouble)) return false;
  const fs::path left = fs::weakly_canonical(fs::absolute(one, trouble), trouble);
  return !trouble && left == fs::weakly_canonical(fs::absolute(other, trouble), trouble) && !trouble;
}

}  // namespace

std::optional<std::string> check_outputs(std::span<const GivenFile> read, std::span<const GivenFile> written) {
  for (std::size_t i = 0; i < written.size(); ++i) {
    const auto& [option, name] = written[i];
    if (name.empty()) continue;
    for (const GivenFile& source : read) {
      if (is_one_file(name, source.name)) {
        return fmt::format("{}: '{}' is read, as {}, expected another file to write", option, name, source.option);
      }
    }
    for (const GivenFile& other : written.first(i)) {
      if (!other.name.empty() && is_one_file(name, other.name)) {
        return fmt::format("{} and {}: '{}' is one file, expected two", other.option, option, name);
      }
    }
  }
  return std::nullopt;
}

std::expected<FilePointer, std::string> open_output(const std::string& name, Opening opening) {
  FilePointer file(std::fopen(name.c_str(), opening == Opening::kEmptied ? "w" : "a"), &std::fclose);
  if (!file) return std::unexpected(not_written(name));
  return file;
}

std::expected<void, std::string> write_text(const std::string& name, std::string_view text) {
  const auto file = open_output(name);
  if (!file) return std::unexpected(file.error());
  std::fwrite(text.data(), 1, text.size(), file->get());
  if (!all_written(file->get())) return std::unexpected(not_written(name));
  return {};
}

std::optional<std::string> check_writable(const std::string& option, const std::string& name) {
  if (name.empty()) return std::nullopt;
  const auto file = open_output(name, Opening::kAppended);
  if (file) return std::nullopt;
  return fmt::format("{}: {}", option, file.error());
}

std::expected<FilePointer, std::string> open_scratch() {
  FilePointer file(std::tmpfile(), &std::fclose);
  if (!file) return std::unexpected(not_written("a temporary file"));
  return file;
}

}  // namespace meshdict::sim
