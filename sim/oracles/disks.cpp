#include "sim/oracles/disks.h"

#include <fmt/format.h>

#include "core/record/codec.h"

namespace meshdict::sim {
namespace {

std::string quoted(std::string_view key) {
  constexpr std::size_t kMost = sim_limits::kMaxNamedKey;
  return fmt::format("'{}'", key.size() <= kMost ? key : key.substr(0, kMost));
}

std::optional<std::string> difference(const std::string& key, const Record& shown, const std::string* stored) {
  if (stored == nullptr) return fmt::format("{} is shown, and the disk has nothing", quoted(key));
  const auto record = decode_record(key, *stored);
  if (!record) return fmt::format("{} is damaged on the disk: {}", quoted(key), record.error().what);
  if (record->version == shown.version && record->value == shown.value) return std::nullopt;
  return fmt::format("{} is shown with sequence {} of epoch {}, and the disk has sequence {} of epoch {}", quoted(key),
                     std::to_underlying(shown.version.sequence), std::to_underlying(shown.version.epoch),
                     std::to_underlying(record->version.sequence), std::to_underlying(record->version.epoch));
}

}  // namespace

std::optional<std::string> difference_to_disk(const Host& host, const std::string& key) {
  if (!host.disk().keeps()) return std::nullopt;
  const auto& records = host.engine().dictionary().records();
  const auto shown = records.find(key);
  const std::string* stored = host.disk().find(Table::kRecords, key);
  if (shown != records.end()) return difference(key, shown->second, stored);
  if (stored == nullptr) return std::nullopt;
  return fmt::format("the disk has {}, and it is not shown", quoted(key));
}

std::optional<std::string> difference_to_disk(const Host& host) {
  if (!host.disk().keeps()) return std::nullopt;
  const auto& records = host.engine().dictionary().records();
  for (const auto& [key, record] : records) {
    const std::string name(key);
    if (auto found = difference(name, record, host.disk().find(Table::kRecords, name))) return found;
  }
  const std::size_t stored = host.disk().size(Table::kRecords);
  if (stored == records.size()) return std::nullopt;
  return fmt::format("{} records are shown, and the disk has {}", records.size(), stored);
}

}  // namespace meshdict::sim
