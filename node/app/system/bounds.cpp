#include "app/system/bounds.h"

#include <string>
#include <string_view>
#include <utility>

#include "app/system/memory_reserve.h"

namespace meshdict {
namespace {

/// The entry of kMeta: a letter for each bound that is reached; none at all: no entry.
constexpr std::string_view kName = "bounds_reached";
constexpr char kMemory = 'm';
constexpr char kDisk = 'd';

}  // namespace

std::expected<void, StoreError> Bounds::begin(Store& store, const RecordTable& records) {
  const auto loaded = store.load(Table::kMeta, [this](std::string_view key, std::string_view value) {
    if (key == kName) kept_ = {.disk_limit = value.contains(kDisk), .memory_limit = value.contains(kMemory)};
  });
  if (!loaded) return loaded;
  memory_.begin(records, kept_.memory_limit);
  if (disk_ != nullptr) disk_->limit_files(sizes_.of_disk(), kept_.disk_limit);
  return {};
}

void Bounds::set(const BoundSizes& sizes) {
  sizes_ = sizes;
  memory_.set_marks(sizes.of_memory());
  if (disk_ != nullptr) disk_->limit_files(sizes.of_disk(), disk_->files_are_full());
}

bool Bounds::look(Store& store, std::uint64_t queued) {
  memory_.look(queued);
  const Lacks now = lacks();
  const Lacks to_keep{.disk_limit = now.disk_limit, .memory_limit = now.memory_limit};
  if (std::exchange(kept_, to_keep) != to_keep) {
    std::string value;
    if (now.memory_limit) value += kMemory;
    if (now.disk_limit) value += kDisk;
    if (value.empty()) {
      store.erase(Table::kMeta, kName);
    } else {
      store.put(Table::kMeta, kName, value);
    }
  }
  return std::exchange(had_no_room_, now.any()) && !now.any();
}

Lacks Bounds::lacks() const {
  return {.disk = disk_ != nullptr && disk_->disk_is_full(),
          .disk_limit = disk_ != nullptr && disk_->files_are_full(),
          .memory = memory_reserve::used(),
          .memory_limit = memory_.is_full()};
}

}  // namespace meshdict
