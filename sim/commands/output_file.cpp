#include "sim/commands/output_file.h"

#include "sim/commands/console.h"

namespace meshdict::sim {

std::expected<FilePointer, std::string> open_output(const std::string& name) {
  FilePointer file(std::fopen(name.c_str(), "w"), &std::fclose);
  if (!file) return std::unexpected(not_written(name));
  return file;
}

std::expected<FilePointer, std::string> open_scratch() {
  FilePointer file(std::tmpfile(), &std::fclose);
  if (!file) return std::unexpected(not_written("a temporary file"));
  return file;
}

}  // namespace meshdict::sim
