#include "app/offline/set_aside.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "app/offline/json_lines.h"
#include "core/dictionary/stored_record.h"
#include "store/data_directory.h"
#include "store/file_descriptor.h"
#include "store/unfinished_file.h"

namespace meshdict {
namespace {

std::string line_of(std::string_view key, std::string_view bytes, const std::string& why) {
  return fmt::format("{{\"key_base64\":\"{}\",\"damage\":{},\"stored_base64\":\"{}\"}}\n", base64_of(key),
                     nlohmann::json(why).dump(), base64_of(bytes));
}

/// 0, or the errno.
int append(const std::string& path, std::string_view lines) {
  const FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return errno;
  if (const int code = write_all(file.get(), lines); code != 0) return code;
  return ::fsync(file.get()) == 0 ? 0 : errno;
}

}  // namespace

std::expected<std::uint64_t, StoreError> set_damaged_aside(Store& store, const std::string& directory) {
  std::vector<std::string> keys;
  std::string lines;
  const auto loaded = store.load(Table::kRecords, [&](std::string_view key, std::string_view bytes) {
    const auto record = read_stored_record(key, bytes);
    if (record) return;
    lines += line_of(key, bytes, record.error());
    keys.emplace_back(key);
  });
  if (!loaded) return std::unexpected(loaded.error());
  if (keys.empty()) return 0;
  const std::string path = directory + "/" + std::string(kSetAsideFile);
  if (const int code = append(path, lines); code != 0) {
    return std::unexpected(
        StoreError{.trouble = trouble_of(code), .what = file_trouble(path, "cannot be written", code)});
  }
  for (const std::string& key : keys)
    store.erase(Table::kRecords, key);
  if (auto committed = store.commit(); !committed) return std::unexpected(std::move(committed.error()));
  return keys.size();
}

}  // namespace meshdict
