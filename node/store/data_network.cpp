#include "store/data_network.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string>

#include "store/data_directory.h"
#include "store/database_file.h"

namespace meshdict {
namespace {

/// For the operator, too.
std::string text_of(const EngineConfig& config) {
  if (!config.has_dictionary) return config.network + ", messages only";
  return config.network + (config.leasing == Leasing::kOn ? ", leasing on" : ", leasing off");
}

/// A network's name may be any bytes, and long: what an error line can take of it.
std::string shown(std::string text) {
  constexpr std::size_t kMost = 200;
  std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, '?');
  return text.size() <= kMost ? text : text.substr(0, kMost / 2) + "..." + text.substr(text.size() - kMost / 2);
}

}  // namespace

std::expected<void, StoreError> claim_for_network(Store& store, const EngineConfig& config) {
  const std::string network = text_of(config);
  std::string named;
  const auto loaded = store.load(Table::kMeta, [&](std::string_view key, std::string_view value) {
    if (key == kMetaNetwork) named = value;
  });
  if (!loaded) return loaded;
  if (named.empty()) {
    store.put(Table::kMeta, kMetaNetwork, network);
  } else if (named != network) {
    return std::unexpected(StoreError{
        .trouble = StoreTrouble::kOtherNetwork,
        .what = fmt::format("it belongs to network '{}', not '{}': give these settings, or another directory",
                            shown(named), shown(network))});
  }
  return {};
}

StoreError about_content(const std::string& directory, const StoreError& error) {
  if (!error.path.empty()) return error;
  // Keys of any length stand in it.
  constexpr std::size_t kLongest = 400;
  const std::string_view cut = error.what.size() > kLongest ? "..." : "";
  return {.trouble = error.trouble,
          .what = fmt::format("{}: {}{}; {}", kDatabaseFile, error.what.substr(0, kLongest), cut, kAboutDamage),
          .path = directory};
}

std::expected<std::unique_ptr<SqliteStore>, StoreError> open_for_network(const std::string& directory,
                                                                         Durability durability,
                                                                         const EngineConfig& config,
                                                                         const WaterMarks& files) {
  auto opened = SqliteStore::open(directory, durability, files);
  if (!opened) return opened;
  auto claimed = claim_for_network(**opened, config);
  if (claimed) return opened;
  StoreError error = std::move(claimed.error());
  error.path = directory;
  if (const auto closed = (*opened)->close(); !closed) error.what += "; " + closed.error().what;
  return std::unexpected(std::move(error));
}

}  // namespace meshdict
